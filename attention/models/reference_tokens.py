"""Where a model reads references as tokens of their own: the blocks of FLUX, FLUX.2 and Qwen-Image."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from comfy.model_patcher import ModelPatcher
from torch import nn

from .families import BlockKey, LayerShape
from .unet import network_of

JOINT, JOINT_SINGLE = "joint", "joint single"
"""The sides under which the blocks are known: those with weights for text and picture apart, and those with one for both."""


def reading_references(model: ModelPatcher) -> Mapping[BlockKey, LayerShape]:
    """The sizes of every block in which this clone of a model reads references beside text and canvas; empty where none does.

    Told by what they have, not by their class: other packs put classes of their own in the place of the host's.
    """
    network = network_of(model)
    text = getattr(getattr(network, "txt_in", None), "in_features", None)
    if text is None or not hasattr(network, "process_img"):  # what makes tokens of a reference
        return {}
    sides = {
        JOINT: (*getattr(network, "double_blocks", ()), *getattr(network, "transformer_blocks", ())),
        JOINT_SINGLE: tuple(getattr(network, "single_blocks", ())),
    }
    widths = {(side, i, 0): _width(block) for side, blocks in sides.items() for i, block in enumerate(blocks)}
    if not all(widths.values()):
        return {}
    return {key: LayerShape(cast(int, width), text) for key, width in widths.items()}


def _width(block: nn.Module) -> int | None:
    """The width of a block with one attention over text and pictures; None for every other block."""
    found = cast(Any, block)
    if hasattr(block, "linear1") or all(hasattr(block, name) for name in ("img_attn", "txt_attn")):
        return getattr(found, "hidden_size", None)
    return getattr(block, "dim", None) if hasattr(getattr(block, "attn", None), "add_q_proj") else None
