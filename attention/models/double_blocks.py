"""Where FLUX joins pictures and text: its double blocks, in which a reference can act beside the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from comfy.model_patcher import ModelPatcher
from torch import nn

from .families import BlockKey, LayerShape
from .unet import network_of

SIDE = "double"
"""The side under which the double blocks are known."""


def double_blocks(model: ModelPatcher) -> Mapping[BlockKey, LayerShape]:
    """The sizes of every double block of this clone of a model; empty where it has none.

    Told by what they have, not by their class: other packs put classes of their own in the place of the host's.
    """
    network = network_of(model)
    blocks = getattr(network, "double_blocks", ())
    text = getattr(getattr(network, "txt_in", None), "in_features", None)
    if text is None or not all(_is_joint(block) for block in blocks):
        return {}
    return {(SIDE, number, 0): LayerShape(cast(Any, block).hidden_size, text) for number, block in enumerate(blocks)}


def _is_joint(block: nn.Module) -> bool:
    return all(hasattr(block, name) for name in ("hidden_size", "num_heads", "img_attn", "txt_attn"))
