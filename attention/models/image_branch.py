"""Where a model has an image branch of its own: Wan's blocks that read a picture beside the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from comfy.model_patcher import ModelPatcher
from torch import nn

from .families import BlockKey, LayerShape
from .unet import network_of


def image_branches(model: ModelPatcher) -> Mapping[BlockKey, LayerShape]:
    """The sizes of every cross-attention of this clone of a model that reads a picture by itself; empty where none does.

    Told by what they have, not by their class: other packs put classes of their own in the place of the host's.
    """
    found: dict[BlockKey, LayerShape] = {}
    for number, block in enumerate(getattr(network_of(model), "blocks", ())):
        attention = getattr(cast(nn.Module, block), "cross_attn", None)
        if all(hasattr(attention, name) for name in ("k_img", "v_img", "norm_k_img", "num_heads")):
            width = cast(Any, attention).dim
            found["block", number, 0] = LayerShape(width, width)
    return found
