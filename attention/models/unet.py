"""Turns a model into its family and the sizes of its cross-attentions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from comfy.ldm.modules.attention import CrossAttention, SpatialTransformer
from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.model_patcher import ModelPatcher
from torch import nn

from .families import FAMILIES, BlockKey, Family, LayerShape, family_with


@dataclass(frozen=True)
class ModelLayers:
    """The cross-attentions of a model: their sizes, and the family whose layout they have, if there is one.

    `kind` is the host's class of the model, `network` that of what it runs.
    """

    kind: str
    network: str
    shapes: Mapping[BlockKey, LayerShape]
    family: Family | None

    @property
    def context_dim(self) -> int:
        """The width of its text."""
        return next(iter(self.shapes.values())).context_dim


def model_layers(model: ModelPatcher) -> ModelLayers:
    """What cross-attentions this clone of a model has; none at all where it is not a UNet."""
    network = model.get_model_object("diffusion_model")
    shapes = cross_attentions(network) if isinstance(network, UNetModel) else {}
    return ModelLayers(type(model.model).__name__, type(network).__name__, shapes, family_with(shapes))


def family_of_model(layers: ModelLayers) -> Family:
    """The family of a model. Raises ValueError when no adapter family has its layout."""
    if layers.family is not None:
        return layers.family
    known = " and ".join(family.label for family in FAMILIES.values())
    raise ValueError(
        f"the connected model is {layers.kind} ({layers.network}, {len(layers.shapes)} "
        f"cross-attentions), for which there are no IP-Adapters. Connect a model of {known}."
    )


def cross_attentions(unet: UNetModel) -> dict[BlockKey, LayerShape]:
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


def _shape(attention: CrossAttention) -> LayerShape:
    # Not from the weights: quantised ones have other shapes.
    return LayerShape(attention.heads * attention.dim_head, attention.to_k.in_features)
