"""The base models that adapters are trained for: one row each, and where a checkpoint's layers sit in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Literal

Side = Literal["input", "middle", "output", "block", "double", "single", "mmdit"]
KindName = Literal["unet", "wan", "flux", "sd3", "references"]
BlockKey = tuple[str, int, int]
"""How the host announces one cross-attention: (side, block number, transformer in that block)."""


@dataclass(frozen=True)
class Stage:
    """One SpatialTransformer of the UNet, or one block of a transformer: `depth` cross-attentions at one resolution."""

    side: Side
    block: int
    depth: int


@dataclass(frozen=True)
class Layer:
    """One cross-attention of a family.

    `index` is its number in checkpoints (1, 3, 5 ...: diffusers counts self-attentions too and runs down,
    up, then middle). `transformer` is the number of its SpatialTransformer in the order of execution
    (the host's `transformer_index`), which is what presets of layer weights name.
    """

    index: int
    key: BlockKey
    transformer: int


@dataclass(frozen=True)
class Roles:
    """The blocks of a family that InstantStyle (2404.02733) found to carry style and composition.

    `composition` gives a factor for each, as people use them. Blocks are numbered as `Layer.transformer` is.
    """

    style: frozenset[int]
    composition: Mapping[int, float]
    quiet: frozenset[int] = field(default_factory=frozenset[int])  # weakened further by 'composition precise'

    def of(self, number: int) -> str:
        """The role of a block in one word, empty for none."""
        return "style" if number in self.style else "composition" if number in self.composition else ""


@dataclass(frozen=True)
class LayerShape:
    """The sizes of one cross-attention: D of its queries, C of its text."""

    width: int
    context_dim: int


LATENT_CELL = 8
"""Pixels along one side of a latent cell, where no model, net or autoencoder is at hand that could be asked."""


@dataclass(frozen=True)
class Family:
    """A layout of layers that adapters are trained for.

    `text_width` is C of the published models. `levels` counts the resolutions of the UNet, each half as fine as the
    one before; the finest has a query for each `cell` pixels. `kind` names a row of `kinds.KINDS`. `takes_adapters` is
    False where the model has an image branch of its own instead. `beside` are the sides on which its models have blocks
    that its adapters do not act in.
    """

    name: str
    label: str
    text_width: int
    levels: int
    stages: tuple[Stage, ...]  # in checkpoint order: input, output, middle
    roles: Roles
    cell: int = LATENT_CELL
    kind: KindName = "unet"
    takes_adapters: bool = True
    beside: frozenset[Side] = frozenset()

    @property
    def num_layers(self) -> int:
        return sum(stage.depth for stage in self.stages)

    @property
    def num_transformers(self) -> int:
        return len(self.stages)


def level_of(family: Family, side: str, block: int) -> int:
    """The resolution at which a block works: 0 is the finest."""
    coarsest = family.levels - 1
    return {
        "input": (block - 1) // BLOCKS_PER_LEVEL,
        "middle": coarsest,
        "output": coarsest - block // BLOCKS_PER_LEVEL,
        "block": 0,
        "double": 0,
        "single": 0,
        "mmdit": 0,
    }[side]


BLOCKS_PER_LEVEL = 3
"""Blocks of a UNet at each resolution on either side: two and a down, three and an up."""


def _stages(side: Side, depths: Mapping[int, int]) -> tuple[Stage, ...]:
    return tuple(Stage(side, block, depth) for block, depth in depths.items())


_NO_ROLES = Roles(frozenset(), {})


def _wan(name: str, label: str, blocks: int) -> Family:
    """Wan with an image branch: nobody has published which of its blocks carry what. A token is two cells wide."""
    stages = _stages("block", dict.fromkeys(range(blocks), 1))
    return Family(name, label, 4096, 1, stages, _NO_ROLES, 2 * LATENT_CELL, "wan", takes_adapters=False)


_DOUBLE = _stages("double", dict.fromkeys(range(19), 1))


def _flux(name: str, stages: tuple[Stage, ...], beside: frozenset[Side] = frozenset()) -> Family:
    """FLUX.1: nobody has published which of its blocks carry what."""
    return Family(name, "FLUX.1", 4096, 1, stages, _NO_ROLES, 2 * LATENT_CELL, "flux", beside=beside)


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family(
                "sd15",
                "SD1.5",
                768,
                4,
                _stages("input", dict.fromkeys((1, 2, 4, 5, 7, 8), 1))
                + _stages("output", dict.fromkeys(range(3, 12), 1))
                + _stages("middle", {0: 1}),
                Roles(frozenset({0, 1, 2, 3, *range(9, 16)}), {4: 0.25, 5: 1.0}, frozenset({6, 7, 8})),
            ),
            Family(
                "sdxl",
                "SDXL",
                2048,
                3,
                _stages("input", {4: 2, 5: 2, 7: 10, 8: 10})
                + _stages("output", {0: 10, 1: 10, 2: 10, 3: 2, 4: 2, 5: 2})
                + _stages("middle", {0: 10}),
                Roles(frozenset({6}), {3: 1.0}, frozenset({0, 1, 2, 4, 5, 7, 8, 9, 10})),
            ),
            # SDXL distilled to a quarter; nobody published an adapter for it, but one can be trained.
            Family(
                "vega",
                "Segmind Vega",
                2048,
                3,
                _stages("input", {4: 1, 5: 1, 7: 2, 8: 2}) + _stages("output", {0: 2, 1: 2, 2: 2, 3: 1, 4: 1, 5: 1}),
                # SDXL's blocks without the middle: it was distilled from SDXL, nobody has looked for others.
                Roles(frozenset({5}), {3: 1.0}, frozenset({0, 1, 2, 4, 6, 7, 8, 9})),
            ),
            # XLabs' adapters act in its double blocks alone, InstantX's in all. A token is two cells wide.
            _flux("flux", _DOUBLE, beside=frozenset({"single"})),
            _flux("flux_all", _DOUBLE + _stages("single", dict.fromkeys(range(38), 1))),
            # Its blocks join picture and text, and nobody has published which of them carry what. A token is two cells wide.
            Family(
                "sd35l",
                "SD3.5 Large",
                2432,
                1,
                _stages("mmdit", dict.fromkeys(range(38), 1)),
                _NO_ROLES,
                2 * LATENT_CELL,
                "sd3",
            ),
            _wan("wan14b", "Wan 14B", 40),
            _wan("wan1.3b", "Wan 1.3B", 30),
        )
    }
)

ADAPTED: tuple[Family, ...] = tuple(family for family in FAMILIES.values() if family.takes_adapters)
"""Those that there are adapters for."""
UNETS: tuple[Family, ...] = tuple(family for family in FAMILIES.values() if family.kind == "unet")

# The UNet runs the middle before the output blocks; checkpoints store it last.
_EXECUTION = {"input": 0, "block": 0, "double": 0, "mmdit": 0, "middle": 1, "single": 1, "output": 2}


@cache
def layers(family: str) -> tuple[Layer, ...]:
    """Every cross-attention of a family, in checkpoint order."""
    stages = FAMILIES[family].stages
    executed = sorted(stages, key=lambda stage: _EXECUTION[stage.side])  # stable: blocks stay in order
    found: list[Layer] = []
    for stage in stages:
        for depth in range(stage.depth):
            key = (stage.side, stage.block, depth)
            found.append(Layer(2 * len(found) + 1, key, executed.index(stage)))
    return tuple(found)


def family_of(num_layers: int, kind: KindName = "unet") -> Family:
    """The family of an adapter for `num_layers` layers of a kind of model.

    Raises ValueError when no family of this kind has that many.
    """
    candidates = [family for family in ADAPTED if family.kind == kind]
    for family in candidates:
        if family.num_layers == num_layers:
            return family
    known = ", ".join(f"{f.num_layers} ({f.label})" for f in candidates)
    raise ValueError(f"no known base model has {num_layers} layers for an adapter; known are: {known}.")


def family_with(keys: Collection[BlockKey]) -> Family | None:
    """The family whose cross-attentions are exactly those under `keys`, None where there is none."""
    found = set(keys)
    return next((f for f in FAMILIES.values() if found == _keys(f)), None)


def families_in(keys: Collection[BlockKey]) -> tuple[Family, ...]:
    """The families whose cross-attentions a model with those under `keys` has, and no others where they would act."""
    return tuple(f for f in FAMILIES.values() if _keys(f) == {key for key in keys if key[0] not in f.beside})


def _keys(family: Family) -> set[BlockKey]:
    return {layer.key for layer in layers(family.name)}
