"""The sockets and outputs of the old nodes by name: the wire of ours on each, and what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from comfy_api.v0_0_2 import io

from .. import wires
from ..wires import FaceModelsWire, FacesWire

RegionsWire = io.Custom("LIKENESS_OLD_REGIONS")
"""Carries nothing: the node that uses regions reads the nodes behind it."""

StrategyWire = io.Custom("LIKENESS_OLD_WEIGHTS_STRATEGY")
"""Carries a `weights.Strategy`."""

_EMBEDS = (wires.EmbedsWire, "Embeds of a reference, from an old encoder node or from ours.")
_FURTHER = (wires.EmbedsWire, "Embeds of a further reference.")
_REGIONS = (RegionsWire, "A region, or several combined.")
_FACE_MODELS = (FaceModelsWire, "Face models, from an old loader or from Load Face Models.")
_PICTURE = (io.Image, "The reference picture, or several.")
_OLD_PICTURE = (io.Image, "A further reference picture.")
_MASK = (io.Mask, "Where in the new picture it acts: 1 yes, 0 no.")

INPUTS: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        "model": (io.Model, "The model to steer."),
        "ipadapter": (wires.AdapterWire, "The adapter, from an old loader, Load IP-Adapter or Load by Preset."),
        "ip_adapter_flux": (wires.AdapterWire, "XLabs' adapter, from an old loader or Load IP-Adapter."),
        "ipadapter_flux": (wires.AdapterWire, "InstantX's adapter for FLUX, from an old loader or Load IP-Adapter."),
        "pulid": (wires.AdapterWire, "PuLID's adapter, from an old loader or Load IP-Adapter."),
        "eva_clip": (io.ClipVision, "EVA02-CLIP, from an old loader."),
        "face_analysis": _FACE_MODELS,
        "instantid": (wires.AdapterWire, "InstantID's adapter, from an old loader or Load IP-Adapter."),
        "image": _PICTURE,
        "image_style": (io.Image, "The picture whose style is taken."),
        "image_composition": (io.Image, "The picture whose composition is taken."),
        "image_negative": (io.Image, "A picture to steer away from."),
        "image_features": (io.Image, "A photo of the person, in files of February 2024."),
        "image_optional": (io.Image, "The picture to make noisy. Not connected: black."),
        "image_kps": (io.Image, "A photo whose keypoints are drawn, or a picture of drawn keypoints."),
        **{f"image_{i}": _OLD_PICTURE for i in range(1, 5)},
        "mask": _MASK,
        "attn_mask": _MASK,
        "clip_vision": (io.ClipVision, "The image encoder the adapter was made for, unless the loader has one."),
        "insightface": _FACE_MODELS,
        "faceanalysis": _FACE_MODELS,
        "control_net": (io.ControlNet, "InstantID's ControlNet."),
        "positive": (io.Conditioning, "The prompt."),
        "negative": (io.Conditioning, "The negative prompt."),
        "embeds": _EMBEDS,
        "pos_embed": _EMBEDS,
        "neg_embed": (wires.EmbedsWire, "Embeds to steer away from."),
        "embed1": _EMBEDS,
        **{f"embed{i}": _FURTHER for i in range(2, 6)},
        "face_embeds": (FacesWire, "The face, from InstantID Patch Attention."),
        "ipadapter_params": _REGIONS,
        **{f"params_{i}": _REGIONS for i in range(1, 6)},
        "weights_strategy": (StrategyWire, "How weights change over the frames, from IPAdapter Weights."),
    }
)
"""Socket -> its wire, and a tooltip."""

ALSO_TAKEN: Mapping[tuple[str, str], Any] = MappingProxyType({("IPAdapterApply", "clip_vision"): FaceModelsWire})
"""Old node and socket -> a second wire: face models went into the encoder's place for some days in December 2023."""

OUTPUTS: Mapping[str, tuple[Any, str]] = MappingProxyType(
    {
        "MODEL": (io.Model, "The model, steered. The one that came in is unchanged."),
        "model": (io.Model, "The model that came in."),
        "ipadapter": (wires.AdapterWire, "The adapter, with its encoder where one was found."),
        "IPADAPTER": (wires.AdapterWire, "The adapter."),
        "ipadapterFlux": (wires.AdapterWire, "The adapter, with its encoder where one was found."),
        "INSTANTID": (wires.AdapterWire, "InstantID's adapter."),
        "INSIGHTFACE": (FaceModelsWire, "The face models."),
        "FACEANALYSIS": (FaceModelsWire, "The face models."),
        "PULID": (wires.AdapterWire, "PuLID's adapter, with its encoder where one was found."),
        "EVA_CLIP": (io.ClipVision, "EVA02-CLIP's image tower."),
        "face_image": (io.Image, "The faces that were read."),
        "tiles": (io.Image, "The close-ups that act."),
        "masks": (io.Mask, "Where each close-up acts."),
        "pos_embed": (wires.EmbedsWire, "Embeds of the reference."),
        "neg_embed": (wires.EmbedsWire, "Embeds of 'no reference'."),
        "EMBEDS": (wires.EmbedsWire, "Embeds of the reference."),
        "IMAGE": (io.Image, "The picture."),
        "positive": (io.Conditioning, "The prompt, with the net on it."),
        "negative": (io.Conditioning, "The negative prompt, with the net on it."),
        "POSITIVE": (io.Conditioning, "The prompt, for its region only."),
        "NEGATIVE": (io.Conditioning, "The negative prompt, for its region only."),
        "FACE_EMBEDS": (FacesWire, "The face, for InstantID Apply ControlNet."),
        "IPADAPTER_PARAMS": (RegionsWire, "The region, for IPAdapter from Params."),
        "weights": (io.Float, "A weight for each frame."),
        "weights_invert": (io.Float, "The same weights from the last to the first."),
        "total_frames": (io.Int, "How many weights there are."),
        "count": (io.Int, "How many weights there are."),
        "image_1": (io.Image, "The picture of each frame."),
        "image_2": (io.Image, "The second picture of each frame, for the inverted weights."),
        "weights_strategy": (StrategyWire, "These settings, for another node that repeats pictures."),
        "prompt_schedule": (io.String, "The text of a prompt schedule."),
    }
)
"""Output -> its wire, and a tooltip."""

WIDGETS: Mapping[str, str] = MappingProxyType(
    {
        "weight": "How strongly it acts; 0 leaves the model as it was.",
        "weight_type": "Which layers it acts in; in nodes from before March 2024, where the weight acts.",
        "weight_faceidv2": "FaceID plus v2 only: how much the picture of the face counts.",
        "weight_kolors": "Kolors only. Not used: the projection acts at its full strength.",
        "weight_v2": "FaceID plus v2 only: how much the picture of the face counts.",
        "weight_style": "How strongly the style acts.",
        "weight_composition": "How strongly the composition acts.",
        "style_boost": "How strongly the composition is pushed away.",
        "composition_boost": "How strongly the style is pushed away.",
        "image_weight": "How strongly the picture acts in its region.",
        "prompt_weight": "How strongly the prompts act in their region.",
        "combine_embeds": "What several pictures become.",
        "method": "What several references become, how pictures follow each other, or how a face combines with the text.",
        "start_at": "Where in the sampling it begins to act.",
        "end_at": "Where in the sampling it stops.",
        "embeds_scaling": "Where the weight acts.",
        "encode_batch_size": "Not used: every different picture is encoded once.",
        "sharpening": "Sharpens what is encoded.",
        "expand_style": "The style acts in all layers but those of the composition.",
        "layer_weights": "A factor for each block, as 'block:weight' pairs. Empty: as the weight type says.",
        "enhance_tiles": "How many close-ups lie along a side.",
        "enhance_ratio": "Not used: close-ups count as much as the picture.",
        "preset": "What the adapter is for.",
        "lora_strength": "FaceID only: strength of its LoRA.",
        "provider": "Where the face models run; image encoders run where ComfyUI puts them.",
        "model_name": "Which pack of face models.",
        "ipadapter_file": "A file in models/ipadapter or models/instantid.",
        "instantid_file": "A file in models/instantid or models/ipadapter.",
        "ipadatper": "A file in models/ipadapter or models/xlabs/ipadapters.",
        "ipadapter": "A file in models/ipadapter or models/ipadapter-flux.",
        "clip_vision": "Not used: the image encoder in models/clip_vision that fits is found by its contents.",
        "ip_scale": "How strongly it acts; 0 leaves the model as it was.",
        "begin_strength": "How strongly it acts in the first block.",
        "end_strength": "How strongly it acts in the last block.",
        "smothing_type": "How the first strength becomes the last.",
        "start_percent": "Where in the sampling it begins to act.",
        "end_percent": "Where in the sampling it stops.",
        "pulid_file": "A file in models/pulid or models/ipadapter.",
        "projection": "How it combines with the text.",
        "fidelity": "How many empty tokens take attention from the reference.",
        "embeds": "A file of embeds in ComfyUI's input or output folder.",
        "filename_prefix": "How the names of the files begin.",
        "type": "The kind of noise.",
        "strength": "How strongly it acts.",
        "blur": "Softens the noise: width in pixels.",
        "interpolation": "How the picture is scaled.",
        "crop_position": "Which part of the picture is kept.",
        "weights": "The weights, separated by commas.",
        "timing": "How the first weight becomes the last.",
        "frames": "How many frames.",
        "start_frame": "Where the change begins.",
        "end_frame": "Where the change ends.",
        "add_starting_frames": "Frames of the first weight before all others.",
        "add_ending_frames": "Frames of the last weight after all others.",
        "weights_1": "The first weights.",
        "weights_2": "The weights that follow.",
        "prompt": "The prompts.",
        "ip_weight": "How strongly the face acts.",
        "cn_strength": "How strongly the ControlNet holds the picture to the face.",
        "noise": "How much noise is in what is steered away from.",
        "unfold_batch": "Picture i is for picture i of the batch.",
        "faceid_v2": "Not used: the file says what it is.",
        "short_side_tiles": "How many close-ups lie along the short side.",
        "tile_weight": "Not used: close-ups act at 'weight'.",
        "pad_around": "Not used: faces are looked for at several sizes.",
        "ipadapter_plus": "Not used: the adapter says what it reads.",
        **{f"weight_{i}": f"Weight of picture {i}, in files from before March 2024." for i in range(1, 5)},
    }
)
"""Widget -> a tooltip."""
