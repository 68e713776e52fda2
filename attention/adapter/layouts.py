"""The key patterns of published files: where each keeps the parts of an adapter, and what files for other uses look like."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Layout:
    """How one kind of file names the two parts of an adapter, and the weights in its attention part.

    `key_value` finds (index of the attention, "k" | "v"); `lora` finds (index, "q" | "k" | "v" | "out", "down" | "up").
    diffusers counts the attentions that the indices are of: self-attentions are even, cross-attentions odd.
    """

    projection: str
    attention: str
    key_value: re.Pattern[str] = re.compile(r"(\d+)\.to_([kv])_ip\.weight")
    lora: re.Pattern[str] = re.compile(r"(\d+)\.to_(q|k|v|out)_lora\.(down|up)\.weight")


LAYOUTS = (
    Layout("image_proj", "ip_adapter"),  # as published by h94 and InstantX
    Layout("image_proj", "adapter_modules"),  # Kolors' FaceID and conversions by others
)


def layout_of(keys: Collection[str]) -> Layout:
    """The layout whose attention part these keys have; the published one where none has."""
    parts = {key.partition(".")[0] for key in keys}
    return next((layout for layout in LAYOUTS if layout.attention in parts), LAYOUTS[0])


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


FOREIGN = (
    Foreign("id_adapter_attn_layers.", "a PuLID file for SDXL, which is not supported yet"),
    Foreign("id_adapter.", "a PuLID file, which is not supported yet"),
    Foreign("pulid_ca.", "a PuLID file for FLUX, which is not supported"),
    Foreign("pulid_encoder.", "a PuLID file for FLUX, which is not supported"),
    Foreign("ip_adapter_proj_model.", "an XLabs IP-Adapter for FLUX"),
    Foreign("image_proj.time_embedding.", "an InstantX IP-Adapter for SD3.5"),
    Foreign("ip_adapter.0.to_k_ip.", "an InstantX IP-Adapter for FLUX"),
    Foreign("controlnet_cond_embedding.", "a ControlNet (IdentityNet belongs in models/controlnet)"),
    Foreign("control_model.", "a ControlNet (it belongs in models/controlnet)"),
    Foreign("input_hint_block.", "a ControlNet (it belongs in models/controlnet)"),
    Foreign("vision_model.", "an image encoder (it belongs in models/clip_vision)"),
    Foreign("visual.", "an image encoder (it belongs in models/clip_vision)"),
    Foreign("model.diffusion_model.", "a model checkpoint (it belongs in models/checkpoints)"),
    Foreign("lora_unet_", "a LoRA (it belongs in models/loras)"),
)


def foreign(keys: Collection[str]) -> Foreign | None:
    """The first row of FOREIGN that matches a file with these keys."""
    return next((row for row in FOREIGN if any(key.startswith(row.prefix) for key in keys)), None)
