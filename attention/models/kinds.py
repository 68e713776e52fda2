"""The kinds of model that branches act in: one row each. What is done in a call of the model is in `sampling.entries`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from comfy.model_patcher import ModelPatcher

from .families import BlockKey, LayerShape
from .image_branch import image_branches
from .unet import model_layers


@dataclass(frozen=True)
class Kind:
    """A row: `attentions` finds where branches act in this clone of a model, nowhere in a model of another kind.

    `plain` is the weight of a branch that leaves the model as it is: 0 where the branch is added to the model, 1 where
    the model has it by itself. `counted` is what the factors of a branch's pictures are counted by.
    """

    name: str
    attentions: Callable[[ModelPatcher], Mapping[BlockKey, LayerShape]]
    plain: float
    counted: str


UNET = Kind("unet", lambda model: model_layers(model).shapes, 0.0, "pictures")
WAN = Kind("wan", image_branches, 1.0, "latent frames")
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (UNET, WAN)})


def kind_of(model: ModelPatcher) -> Kind | None:
    """The kind of this clone of a model; None where branches have no place in it."""
    return next((kind for kind in KINDS.values() if kind.attentions(model)), None)
