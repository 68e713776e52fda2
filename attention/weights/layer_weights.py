"""How strongly a branch acts in each layer of a family."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..models.families import FAMILIES, BlockKey, layers


@dataclass(frozen=True)
class LayerWeights:
    """A factor for each SpatialTransformer of a family, in the order in which they run.

    In `swapped` ones the reference is on the unconditional side, so that guidance leads away from it.
    """

    family: str
    factors: tuple[float, ...]
    swapped: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        wanted = FAMILIES[self.family].num_transformers
        if len(self.factors) != wanted or not all(map(math.isfinite, self.factors)):
            raise ValueError(f"layer weights for {FAMILIES[self.family].label} are {wanted} numbers: {self.factors}.")

    @property
    def by_block(self) -> Mapping[BlockKey, float]:
        return {layer.key: self.factors[layer.transformer] for layer in layers(self.family)}

    @property
    def swapped_blocks(self) -> frozenset[BlockKey]:
        return frozenset(layer.key for layer in layers(self.family) if layer.transformer in self.swapped)

    @property
    def text(self) -> str:
        """The form that people type: `number of block:factor`, `!` before swapped ones, those of factor 0 left out."""
        pairs = ((f"{'!' * (i in self.swapped)}{i}", factor) for i, factor in enumerate(self.factors) if factor)
        return ", ".join(f"{block}:{factor:g}" for block, factor in pairs)
