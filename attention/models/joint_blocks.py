"""Where FLUX joins pictures and text: its double and single blocks, in which a reference can act beside the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from comfy.model_patcher import ModelPatcher
from torch import nn

from .families import BlockKey, LayerShape
from .unet import network_of

DOUBLE, SINGLE = "double", "single"
"""The sides under which the blocks are known: those where picture and text have weights of their own, and those that follow."""
_HAVE = {
    DOUBLE: ("double_blocks", ("hidden_size", "num_heads", "img_attn", "txt_attn")),
    SINGLE: ("single_blocks", ("hidden_size", "num_heads", "linear1", "linear2")),
}


def joint_blocks(model: ModelPatcher) -> Mapping[BlockKey, LayerShape]:
    """The sizes of every block of this clone of a model, in the order in which they run; empty where it has none.

    Told by what they have, not by their class: other packs put classes of their own in the place of the host's.
    """
    network = network_of(model)
    text = getattr(getattr(network, "txt_in", None), "in_features", None)
    found: dict[BlockKey, LayerShape] = {}
    for side, (name, parts) in _HAVE.items():
        blocks = getattr(network, name, ())
        if text is None or not all(_has(block, parts) for block in blocks):
            return found
        for number, block in enumerate(blocks):
            found[side, number, 0] = LayerShape(cast(Any, block).hidden_size, text)
    return found


def _has(block: nn.Module, parts: tuple[str, ...]) -> bool:
    return all(hasattr(block, name) for name in parts)
