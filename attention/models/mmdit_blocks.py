"""Where SD3.5 joins pictures and text: its joint blocks, and how they norm the picture's queries and keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor, nn

from .families import BlockKey, LayerShape
from .this_clone import parameter_of
from .unet import network_of

MMDIT = "mmdit"
"""The side under which the blocks are known: the network is the MMDiT of Stable Diffusion 3 (2403.03206)."""
_BLOCKS = "joint_blocks"


def mmdit_blocks(model: ModelPatcher) -> Mapping[BlockKey, LayerShape]:
    """The sizes of every joint block of this clone of a model, in the order in which they run; empty where it has none.

    Told by what they have, not by their class: other packs put classes of their own in the place of the host's.
    """
    blocks = getattr(network_of(model), _BLOCKS, ())
    attentions = [_attention(block) for block in blocks]
    if not all(all(hasattr(each, name) for name in ("qkv", "num_heads", "head_dim")) for each in attentions):
        return {}
    widths = [each.num_heads * each.head_dim for each in attentions]
    return {(MMDIT, number, 0): LayerShape(width, width) for number, width in enumerate(widths)}


def picture_norms(model: ModelPatcher, block: BlockKey) -> tuple[Tensor, Tensor]:
    """What this clone of a model multiplies a picture's normed queries and keys by in a block: twice (d), float32.

    With the patches of this clone and of no other. Raises ValueError where the block norms them in another way.
    """
    attention = _attention(getattr(network_of(model), _BLOCKS)[block[1]])
    query, key = (
        _weight(model, attention, name, f"diffusion_model.{_BLOCKS}.{block[1]}.x_block.attn.{name}.weight")
        for name in ("ln_q", "ln_k")
    )
    return query, key


def _attention(block: nn.Module) -> Any:
    """The attention of a block, where the picture comes in."""
    return getattr(getattr(block, "x_block", None), "attn", None)


def _weight(model: ModelPatcher, attention: Any, name: str, key: str) -> Tensor:
    weight = getattr(getattr(attention, name, None), "weight", None)
    if not isinstance(weight, Tensor) or weight.shape != (attention.head_dim,):
        raise ValueError(
            f"the connected model has no {name} in its joint blocks, the norm that SD3.5 has. Connect SD3.5 Large."
        )
    return parameter_of(model, weight, key, torch.device("cpu"))
