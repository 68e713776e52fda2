"""The kinds of model that branches act in: one row each. What is done in a call of the model is in `sampling.entries`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from comfy.model_patcher import ModelPatcher

from .families import BlockKey, KindName, LayerShape, families_in
from .image_branch import image_branches
from .joint_blocks import DOUBLE, SINGLE, joint_blocks
from .mmdit_blocks import MMDIT, mmdit_blocks
from .reference_tokens import JOINT, JOINT_SINGLE, reading_references
from .unet import ModelLayers, model_layers


@dataclass(frozen=True)
class Kind:
    """A row: `attentions` finds where branches act in this clone of a model, nowhere in a model of another kind.

    `sides` are the first parts of the keys of those places, `places` what they are called and `within` what they are in.
    `plain` is the weight of a branch that leaves the model as it is: 0 where the branch is added to the model, 1 where
    the model has it by itself. `counted` is what the factors of a branch's pictures are counted by. `has_base` says
    whether there is an attention to the text alone, which all rules of fusion but 'add' compare the reference's with.
    """

    name: KindName
    attentions: Callable[[ModelPatcher], Mapping[BlockKey, LayerShape]]
    sides: frozenset[str]
    places: str
    within: str
    plain: float
    counted: str
    has_base: bool

    @property
    def takes_adapters(self) -> bool:
        return self.plain == 0


UNET = Kind(
    "unet",
    lambda model: model_layers(model).shapes,
    frozenset({"input", "middle", "output"}),
    "cross-attentions",
    "the cross-attention of a UNet",
    0.0,
    "pictures",
    has_base=True,
)
FLUX = Kind(
    "flux",
    joint_blocks,
    frozenset({DOUBLE, SINGLE}),
    "blocks",
    "the blocks of FLUX",
    0.0,
    "pictures",
    has_base=False,
)
SD3 = Kind(
    "sd3",
    mmdit_blocks,
    frozenset({MMDIT}),
    "joint blocks",
    "the joint blocks of SD3.5 Large",
    0.0,
    "pictures",
    has_base=False,
)
WAN = Kind(
    "wan",
    image_branches,
    frozenset({"block"}),
    "blocks with an image branch",
    "the image branch of Wan",
    1.0,
    "latent frames",
    has_base=True,
)
REFERENCES = Kind(
    "references",
    reading_references,
    frozenset({JOINT, JOINT_SINGLE}),
    "blocks that read references",
    "the blocks of a model that reads references",
    1.0,
    "pictures",
    has_base=False,
)
KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (UNET, FLUX, SD3, WAN, REFERENCES)})


def kind_of(model: ModelPatcher) -> Kind | None:
    """The kind of this clone of a model; None where branches have no place in it."""
    return next((kind for kind in KINDS.values() if kind.attentions(model)), None)


def kind_with(blocks: Collection[BlockKey]) -> Kind:
    """The kind of model that has these places, all of one kind."""
    side, *_ = next(iter(blocks))
    return next(kind for kind in KINDS.values() if side in kind.sides)


def layers_for_adapters(model: ModelPatcher) -> ModelLayers:
    """Where adapters act in this clone of a model, whatever kind it is of."""
    found = model_layers(model)
    adapted = (kind.attentions(model) for kind in KINDS.values() if kind.takes_adapters)
    shapes = next(filter(None, adapted), found.shapes)
    return found if shapes is found.shapes else replace(found, shapes=shapes, families=families_in(shapes))
