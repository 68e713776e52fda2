"""The key patterns of published files: what the weights in the parts of an adapter are called, and what files for other uses look like."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..models.families import UNETS
from ..reference.features import FACE

PROJECTION, ATTENTION = "image_proj", "ip_adapter"
"""The parts of an adapter as published by h94 and InstantX; `spellings` brings other names to these."""

KEY_VALUE = re.compile(r"(\d+)\.to_([kv])_ip\.(weight|bias)")
"""Finds (index of the attention, "k" | "v", what of it) of a tensor in the attention part.

diffusers counts the attentions that the indices are of: self-attentions are even, cross-attentions odd.
"""
LORA = re.compile(r"(\d+)\.to_(q|k|v|out)_lora\.(down|up)\.weight")
"""Finds (index, "q" | "k" | "v" | "out", "down" | "up") of FaceID's low-rank weights in the attention part."""

NORM = re.compile(r"(\d+)\.(norm_ip\.linear\.(?:weight|bias)|norm_(?:q|k|ip_k)\.weight)")
"""Finds (index, which) of what InstantX's layers for SD3.5 have beside keys and values: what the time does to the image
tokens, and how queries, keys and the image's keys are normed."""


def cross_attention_indices(count: int) -> list[int]:
    """The indices that `count` cross-attentions have."""
    return list(range(1, 2 * count, 2))


def cross_attention_beside(index: int) -> int:
    """The cross-attention in the block of attention `index`: itself, or the one after a self-attention."""
    return index + 1 - index % 2


def is_cross_attention(index: int) -> bool:
    return index % 2 == 1


@dataclass(frozen=True)
class Foreign:
    """A file that is not an adapter for this pack: how one of its keys begins, and what it is in words."""

    prefix: str
    what: str


_UNET = "an adapter for SD1.5 or SDXL, which needs more than an image branch"

OTHER_ADAPTERS = (
    Foreign("pulid_ca.", "a PuLID file for FLUX, which is not supported"),
    Foreign("pulid_encoder.", "a PuLID file for FLUX, which is not supported"),
    Foreign("blocks.0.ip_k_proj.", "an IP-Adapter for Anima, which is not supported: its format still changes"),
    Foreign("blocks.0.ip_v_proj.", "an IP-Adapter for Anima, which is not supported: its format still changes"),
    Foreign("style_image_proj_modules.", f"a StyleShot file: {_UNET}"),
    Foreign("content_image_proj.", f"a CSGO file: {_UNET}"),
    Foreign("style_image_proj.", f"a CSGO file: {_UNET}"),
    Foreign("controlnet_adapter_modules.", f"a CSGO file: {_UNET}"),
    Foreign("ms_adapter.", f"an MS-Diffusion file: {_UNET}"),
    Foreign("dummy_image_tokens", f"an MS-Diffusion file: {_UNET}"),
    Foreign("FacialEncoder.", f"a ConsistentID file: {_UNET}"),
    Foreign("faceid_proj.", f"a UniPortrait file: {_UNET}"),
    Foreign("faceid_adapter.", f"a UniPortrait file: {_UNET}"),
    Foreign("image_proj.proj_new_input.", f"an IP-Adapter-Instruct file: {_UNET}"),
    Foreign("image_proj.proj_prompt_input.", f"an IP-Adapter-Instruct file: {_UNET}"),
    Foreign(
        "encoder_hid_proj.",
        "in diffusers' own names: IP-Adapter-Art, whose style encoder is not supported, or a UNet that was saved with an "
        "adapter in it (use the file that was loaded into it)",
    ),
)
OTHER_FILES = (
    Foreign("id_encoder.", "a PhotoMaker file (ComfyUI's own PhotoMakerLoader reads it, from models/photomaker)"),
    Foreign("lora_weights.", "a PhotoMaker file (ComfyUI's own PhotoMakerLoader reads it, from models/photomaker)"),
    Foreign("adapter.body.", "a T2I-Adapter (it belongs in models/controlnet)"),
    Foreign("body.0.", "a T2I-Adapter (it belongs in models/controlnet)"),
    Foreign("controlnet_cond_embedding.", "a ControlNet (IdentityNet belongs in models/controlnet)"),
    Foreign("controlnet_x_embedder.", "a ControlNet for FLUX (it belongs in models/controlnet)"),
    Foreign("control_model.", "a ControlNet (it belongs in models/controlnet)"),
    Foreign("input_hint_block.", "a ControlNet (it belongs in models/controlnet)"),
    Foreign("vision_model.", "an image encoder (it belongs in models/clip_vision)"),
    Foreign("visual.", "an image encoder (it belongs in models/clip_vision)"),
    Foreign("model.diffusion_model.", "a model checkpoint (it belongs in models/checkpoints)"),
    Foreign("double_blocks.0.img_", "a FLUX model (it belongs in models/diffusion_models)"),
    Foreign("joint_blocks.", "an SD3 model (it belongs in models/diffusion_models)"),
    Foreign("lora_unet_", "a LoRA (it belongs in models/loras)"),
)
FOREIGN = (*OTHER_ADAPTERS, *OTHER_FILES)


def foreign(keys: Collection[str]) -> Foreign | None:
    """The first row of FOREIGN that matches a file with these keys."""
    return next((row for row in FOREIGN if any(key.startswith(row.prefix) for key in keys)), None)


def stands_alone(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether a projection of these shapes is all of its adapter, as InfiniteYou's: tokens of a face for a net to read.

    One as wide as the text of a UNet belongs to an adapter whose layers were lost.
    """
    reads, width = shapes.get("proj_in.weight", ()), shapes.get("norm_out.weight", ())
    return "latents" in shapes and reads[1:] == (FACE,) and width not in _OF_UNETS


_OF_UNETS = tuple((family.text_width,) for family in UNETS)
