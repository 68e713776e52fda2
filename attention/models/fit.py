"""Checks that an adapter's layers are the layers of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from comfy.ldm.modules.attention import CrossAttention, SpatialTransformer
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.model_patcher import ModelPatcher
from torch import nn

from ..adapter.adapter import Adapter
from .families import FAMILIES, BlockKey, layers


@dataclass(frozen=True)
class CrossAttentionShape:
    """The sizes of one cross-attention of a model: D of its queries and C of its text."""

    width: int
    context_dim: int


def cross_attentions(unet: UNetModel) -> dict[BlockKey, CrossAttentionShape]:
    """The sizes of every cross-attention of a UNet by the key under which the host announces it."""
    return {key: _shape(attention) for key, attention in cross_attention_modules(unet).items()}


def cross_attention_modules(unet: UNetModel) -> dict[BlockKey, CrossAttention]:
    """Every cross-attention of a UNet by the key under which the host announces it."""
    sides = {"input": unet.input_blocks, "output": unet.output_blocks, "middle": [unet.middle_block]}
    found: dict[BlockKey, CrossAttention] = {}
    for side, blocks in sides.items():
        for number, block in enumerate(blocks):
            for module in cast(nn.Module, block).children():
                if isinstance(module, SpatialTransformer):
                    for depth, transformer in enumerate(module.transformer_blocks):
                        if isinstance(transformer.attn2, CrossAttention):
                            found[side, number, depth] = transformer.attn2
    return found


def _shape(attention: CrossAttention) -> CrossAttentionShape:
    # Not from the weights: quantised ones have other shapes.
    return CrossAttentionShape(attention.heads * attention.dim_head, attention.to_k.in_features)


def check_fits(adapter: Adapter, model: ModelPatcher) -> None:
    """Raise ValueError, naming both sides, unless every layer of the adapter is a layer of the model."""
    unet = model.get_model_object("diffusion_model")
    if not isinstance(unet, UNetModel):
        raise ValueError(
            f"'{adapter.name}' is {adapter.label}, which acts in the cross-attention of a UNet; the connected model "
            f"is {type(model.model).__name__} ({type(unet).__name__}), which has none. Connect an "
            f"{adapter.identity.family.label} model."
        )
    present = cross_attentions(unet)
    wanted = {layer.key: layer.index for layer in layers(adapter.identity.family.name)}
    if set(present) != set(wanted):
        raise ValueError(
            f"'{adapter.name}' is {adapter.label} ({len(wanted)} cross-attentions); the connected model is "
            f"{_name(present)} ({len(present)} cross-attentions). Connect an {adapter.identity.family.label} model, or "
            "load an adapter made for this one."
        )
    for key, shape in present.items():
        _check_layer(adapter, model, key, wanted[key], shape)


def _check_layer(adapter: Adapter, model: ModelPatcher, key: BlockKey, index: int, shape: CrossAttentionShape) -> None:
    width = adapter.module.to_k[str(index)].out_features
    if width != shape.width:
        raise ValueError(
            f"'{adapter.name}' is {width} wide in layer {index} where the connected model "
            f"({type(model.model).__name__}, {key[0]} block {key[1]}) is {shape.width} wide. It was made for another "
            "model."
        )
    if adapter.context_dim != shape.context_dim:
        raise ValueError(
            f"'{adapter.name}' was made for a text encoder of width {adapter.context_dim}; the connected model "
            f"({type(model.model).__name__}) reads text of width {shape.context_dim}. Connect an "
            f"{adapter.identity.family.label} model."
        )


def _name(present: Mapping[BlockKey, CrossAttentionShape]) -> str:
    for family in FAMILIES.values():
        if set(present) == {layer.key for layer in layers(family.name)}:
            return family.label
    return "of another layout"
