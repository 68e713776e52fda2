"""Where each layer of an adapter checkpoint sits in the base model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

Side = Literal["input", "middle", "output"]
BlockKey = tuple[str, int, int]
"""How the host announces one cross-attention: (side, block number, transformer in that block)."""


@dataclass(frozen=True)
class Stage:
    """One SpatialTransformer of the UNet: `depth` cross-attentions at one resolution."""

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
class Family:
    """A layout of cross-attention layers that adapters are trained for."""

    name: str
    label: str
    stages: tuple[Stage, ...]  # in checkpoint order: input, output, middle

    @property
    def num_layers(self) -> int:
        return sum(stage.depth for stage in self.stages)

    @property
    def num_transformers(self) -> int:
        return len(self.stages)


def _stages(side: Side, depths: Mapping[int, int]) -> tuple[Stage, ...]:
    return tuple(Stage(side, block, depth) for block, depth in depths.items())


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        family.name: family
        for family in (
            Family(
                "sd15",
                "SD1.5",
                _stages("input", dict.fromkeys((1, 2, 4, 5, 7, 8), 1))
                + _stages("output", dict.fromkeys(range(3, 12), 1))
                + _stages("middle", {0: 1}),
            ),
            Family(
                "sdxl",
                "SDXL",
                _stages("input", {4: 2, 5: 2, 7: 10, 8: 10})
                + _stages("output", {0: 10, 1: 10, 2: 10, 3: 2, 4: 2, 5: 2})
                + _stages("middle", {0: 10}),
            ),
            # SDXL distilled to a quarter; nobody published an adapter for it, but one can be trained.
            Family(
                "vega",
                "Segmind Vega",
                _stages("input", {4: 1, 5: 1, 7: 2, 8: 2}) + _stages("output", {0: 2, 1: 2, 2: 2, 3: 1, 4: 1, 5: 1}),
            ),
        )
    }
)

# The UNet runs the middle before the output blocks; checkpoints store it last.
_EXECUTION = {"input": 0, "middle": 1, "output": 2}


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


def family_of(num_layers: int) -> Family:
    """The family whose UNet has `num_layers` cross-attentions.

    Raises ValueError when no family has that many.
    """
    for family in FAMILIES.values():
        if family.num_layers == num_layers:
            return family
    known = ", ".join(f"{f.num_layers} ({f.label})" for f in FAMILIES.values())
    raise ValueError(f"{num_layers} cross-attention layers fit no known base model; known are {known}.")
