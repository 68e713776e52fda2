"""Turns a model into its family and the sizes of its cross-attentions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from comfy.ldm.modules.diffusionmodules.openaimodel import UNetModel
from comfy.model_patcher import ModelPatcher

from ..adapter.checkpoint import Checkpoint
from .families import FAMILIES, BlockKey, Family, layers
from .fit import CrossAttentionShape, cross_attentions


@dataclass(frozen=True)
class ModelLayers:
    """The family of a model and the sizes of each of its cross-attentions."""

    family: Family
    shapes: Mapping[BlockKey, CrossAttentionShape]

    @property
    def context_dim(self) -> int:
        """The width of its text."""
        return next(iter(self.shapes.values())).context_dim

    def take(self, outline: Checkpoint) -> bool:
        """Whether every layer of an adapter has the sizes of the model's layer."""
        wanted = layers(self.family.name)
        return outline.num_layers == len(wanted) and all(
            tuple(outline.keys[layer.index].shape) == (shape.width, shape.context_dim)
            for layer in wanted
            for shape in (self.shapes[layer.key],)
        )


def model_layers(model: ModelPatcher) -> ModelLayers:
    """The layers of a model. Raises ValueError when no adapter family has its layout."""
    unet = model.get_model_object("diffusion_model")
    shapes = cross_attentions(unet) if isinstance(unet, UNetModel) else {}
    for family in FAMILIES.values():
        if set(shapes) == {layer.key for layer in layers(family.name)}:
            return ModelLayers(family, shapes)
    known = " and ".join(family.label for family in FAMILIES.values())
    raise ValueError(
        f"the connected model is {type(model.model).__name__} ({type(unet).__name__}, {len(shapes)} "
        f"cross-attentions), for which there are no IP-Adapters. Connect a model of {known}."
    )
