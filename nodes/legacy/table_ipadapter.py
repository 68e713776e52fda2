"""The table of ComfyUI_IPAdapter_plus: every node that it had, and what each becomes."""

from __future__ import annotations

from typing import Any

from . import loaders, references, regions, weights
from .shape import IPADAPTER_PLUS, Row
from .steer import Steer, StyleAndComposition, kolors_faces

_MODEL = ("model", "ipadapter")
_IMAGE = (*_MODEL, "image")
_WEIGHT = {"weight": 1.0}
_TYPE = {"weight_type": "linear"}
_COMBINE = {"combine_embeds": "concat"}
_RANGE = {"start_at": 0.0, "end_at": 1.0}
_SCALING = {"embeds_scaling": "V only"}
_USUAL = {**_WEIGHT, **_TYPE, **_COMBINE, **_RANGE, **_SCALING}
_BATCH = {**_WEIGHT, **_TYPE, **_RANGE, **_SCALING}
_FACES = {**_WEIGHT, "weight_faceidv2": 1.0}
_SHAPED = {**_TYPE, **_COMBINE, **_RANGE, **_SCALING}
_OPTIONAL = ("image_negative", "attn_mask", "clip_vision")
_AND_FACE = (*_OPTIONAL, "insightface")
_NEGATIVE_EMBED = ("neg_embed", "attn_mask", "clip_vision")
_OUT = ("MODEL",)
_FACE_OUT = ("MODEL", "face_image")
_TILED_OUT = ("MODEL", "tiles", "masks")
_LOADED = ("model", "ipadapter")
_LISTS = ("weights", "weights_invert", "total_frames", "image_1", "image_2", "weights_strategy")


def _row(
    node_id: str,
    sockets: tuple[str, ...],
    widgets: dict[str, Any],
    outputs: tuple[str, ...],
    becomes: Any,
    **more: Any,
) -> Row:
    return Row(node_id, IPADAPTER_PLUS, sockets, widgets, outputs, becomes, **more)


def _apply(node_id: str, widgets: dict[str, Any], becomes: Any, outputs: tuple[str, ...] = _OUT) -> Row:
    """An apply node as most are: a picture, and the usual optional inputs."""
    return _row(node_id, _IMAGE, widgets, outputs, becomes, optional=_OPTIONAL)


def _precise(part: str, node_id: str, boost: str, default: float, per_frame: bool = False) -> Row:
    widgets = {**_WEIGHT, boost: default, **_COMBINE, **_RANGE, **_SCALING}
    return _apply(node_id, widgets, Steer(per_frame, f"{part} precise", boost))


_STYLE = {"weight_style": 1.0, "weight_composition": 1.0, "expand_style": False}
_STYLE_SOCKETS = (*_MODEL, "image_style", "image_composition")

_APPLY_NODES = (
    _row("IPAdapter", _IMAGE, {**_WEIGHT, **_RANGE, "weight_type": "standard"}, _OUT, Steer(), optional=("attn_mask",)),
    _apply("IPAdapterAdvanced", _USUAL, Steer()),
    _apply("IPAdapterBatch", {**_BATCH, "encode_batch_size": 0}, Steer(per_frame=True)),
    _row("IPAdapterFaceID", _IMAGE, {**_FACES, **_SHAPED}, _FACE_OUT, Steer(), optional=_AND_FACE),
    _row(
        "IPAdapterFaceIDKolors",
        _IMAGE,
        {**_FACES, "weight_kolors": 1.0, **_SHAPED},
        _FACE_OUT,
        kolors_faces,
        optional=_AND_FACE,
    ),
    _row("IPAAdapterFaceIDBatch", _IMAGE, {**_FACES, **_SHAPED}, _FACE_OUT, Steer(per_frame=True), optional=_AND_FACE),
    _apply(
        "IPAdapterTiled",
        {**_WEIGHT, **_TYPE, **_COMBINE, **_RANGE, "sharpening": 0.0, **_SCALING},
        Steer(tiles=2),
        _TILED_OUT,
    ),
    _apply(
        "IPAdapterTiledBatch",
        {**_WEIGHT, **_TYPE, **_RANGE, "sharpening": 0.0, **_SCALING, "encode_batch_size": 0},
        Steer(per_frame=True, tiles=2),
        _TILED_OUT,
    ),
    _row("IPAdapterEmbeds", (*_MODEL, "pos_embed"), _BATCH, _OUT, Steer(), optional=_NEGATIVE_EMBED),
    _row("IPAdapterEmbedsBatch", (*_MODEL, "pos_embed"), _BATCH, _OUT, Steer(per_frame=True), optional=_NEGATIVE_EMBED),
    _row(
        "IPAdapterStyleComposition",
        _STYLE_SOCKETS,
        {**_STYLE, "combine_embeds": "average", **_RANGE, **_SCALING},
        _OUT,
        StyleAndComposition(),
        optional=_OPTIONAL,
    ),
    _row(
        "IPAdapterStyleCompositionBatch",
        _STYLE_SOCKETS,
        {**_STYLE, **_RANGE, **_SCALING},
        _OUT,
        StyleAndComposition(per_frame=True),
        optional=_OPTIONAL,
    ),
    _row("IPAdapterMS", _IMAGE, {**_FACES, **_SHAPED, "layer_weights": ""}, _OUT, Steer(), optional=_AND_FACE),
    _apply(
        "IPAdapterClipVisionEnhancer",
        {**_USUAL, "enhance_tiles": 2, "enhance_ratio": 1.0},
        Steer(tiles="enhance_tiles"),
    ),
    _apply(
        "IPAdapterClipVisionEnhancerBatch",
        {**_BATCH, "enhance_tiles": 2, "enhance_ratio": 0.5, "encode_batch_size": 0},
        Steer(per_frame=True, tiles="enhance_tiles"),
    ),
    _precise("style", "IPAdapterPreciseStyleTransfer", "style_boost", 1.0),
    _precise("style", "IPAdapterPreciseStyleTransferBatch", "style_boost", 1.0, per_frame=True),
    _precise("composition", "IPAdapterPreciseComposition", "composition_boost", 0.0),
    _precise("composition", "IPAdapterPreciseCompositionBatch", "composition_boost", 0.0, per_frame=True),
)

_LOADERS = (
    _row(
        "IPAdapterUnifiedLoader",
        ("model",),
        {"preset": "LIGHT - SD1.5 only (low strength)"},
        _LOADED,
        loaders.adapter_by_preset,
        optional=("ipadapter",),
    ),
    _row(
        "IPAdapterUnifiedLoaderFaceID",
        ("model",),
        {"preset": "FACEID", "lora_strength": 0.6, "provider": "CPU"},
        _LOADED,
        loaders.adapter_by_preset,
        optional=("ipadapter",),
    ),
    _row(
        "IPAdapterUnifiedLoaderCommunity",
        ("model",),
        {"preset": "Composition"},
        _LOADED,
        loaders.adapter_by_preset,
        optional=("ipadapter",),
    ),
    _row("IPAdapterModelLoader", (), {"ipadapter_file": None}, ("IPADAPTER",), loaders.adapter_in_file),
    _row(
        "IPAdapterInsightFaceLoader",
        (),
        {"provider": "CPU", "model_name": "buffalo_l"},
        ("INSIGHTFACE",),
        loaders.face_models,
    ),
)

_PICTURES = (
    _row(
        "IPAdapterEncoder",
        ("ipadapter", "image"),
        _WEIGHT,
        ("pos_embed", "neg_embed"),
        references.encoder,
        optional=("mask", "clip_vision"),
    ),
    _row(
        "IPAdapterCombineEmbeds",
        ("embed1",),
        {"method": "concat"},
        ("EMBEDS",),
        references.combine_embeds,
        optional=("embed2", "embed3", "embed4", "embed5"),
    ),
    _row(
        "IPAdapterNoise",
        (),
        {"type": "fade", "strength": 1.0, "blur": 0},
        ("IMAGE",),
        references.noise,
        optional=("image_optional",),
    ),
    _row(
        "PrepImageForClipVision",
        ("image",),
        {"interpolation": "LANCZOS", "crop_position": "top", "sharpening": 0.0},
        ("IMAGE",),
        references.prepared_picture,
    ),
    _row("IPAdapterSaveEmbeds", ("embeds",), {"filename_prefix": "IP_embeds"}, (), references.save_embeds),
    _row(
        "IPAdapterLoadEmbeds",
        (),
        {"embeds": None},
        ("EMBEDS",),
        None,
        reason="its .ipadpt files do not say what they hold; encode the pictures again and save them with Save Embeds",
    ),
)

_WEIGHTS = (
    _row(
        "IPAdapterWeights",
        (),
        {
            "weights": "1.0, 0.0",
            "timing": "linear",
            "frames": 0,
            "start_frame": 0,
            "end_frame": 9999,
            "add_starting_frames": 0,
            "add_ending_frames": 0,
            "method": "full batch",
        },
        _LISTS,
        weights.weights_node,
        optional=("image",),
    ),
    _row(
        "IPAdapterCombineWeights",
        (),
        {"weights_1": 0.0, "weights_2": 0.0},
        ("weights", "count"),
        weights.combine_weights,
    ),
    _row(
        "IPAdapterWeightsFromStrategy",
        ("weights_strategy",),
        {},
        _LISTS,
        None,
        optional=("image",),
        reason="weights strategies travel between nodes of the old pack only; write the numbers into Weight Schedule",
    ),
    _row(
        "IPAdapterPromptScheduleFromWeightsStrategy",
        ("weights_strategy",),
        {"prompt": ""},
        ("prompt_schedule",),
        None,
        reason="it writes the text of another pack's prompt schedule; nothing here makes such text",
    ),
)

_REGIONS = (
    _row(
        "IPAdapterRegionalConditioning",
        ("image",),
        {"image_weight": 1.0, "prompt_weight": 1.0, **_TYPE, **_RANGE},
        ("IPADAPTER_PARAMS", "POSITIVE", "NEGATIVE"),
        regions.region,
        optional=("mask", "positive", "negative"),
    ),
    _row(
        "IPAdapterCombineParams",
        ("params_1", "params_2"),
        {},
        ("IPADAPTER_PARAMS",),
        regions.combined,
        optional=("params_3", "params_4", "params_5"),
    ),
    _row(
        "IPAdapterFromParams",
        (*_MODEL, "ipadapter_params"),
        {**_COMBINE, **_SCALING},
        _OUT,
        regions.apply_regions,
        optional=("image_negative", "clip_vision"),
    ),
)

ROWS = (*_APPLY_NODES, *_LOADERS, *_PICTURES, *_WEIGHTS, *_REGIONS)
