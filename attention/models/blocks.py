"""What a person reads about the blocks of a family: where each one sits, how coarse it is, what it carries."""

from __future__ import annotations

from dataclasses import dataclass

from ..weights.layer_presets import ROLES
from .families import FAMILIES, layers

_LEVELS = {"sd15": 4, "sdxl": 3, "vega": 3}  # resolutions of the UNet, each half as fine as the one before
_PER_LEVEL = 3  # blocks at each resolution on either side: two and a down, three and an up
_LATENT = 8  # pixels along one side of a latent cell


@dataclass(frozen=True)
class BlockOutline:
    """One SpatialTransformer. `cell` is the side in pixels of what one of its queries stands for."""

    number: int
    side: str
    block: int
    cell: int
    role: str  # "style", "composition" or ""

    @property
    def place(self) -> str:
        return "middle" if self.side == "middle" else f"{self.side} {self.block}"


def outlines(family: str) -> tuple[BlockOutline, ...]:
    """Every block of a family in the order in which they run, as presets and texts number them."""
    keys = {layer.transformer: layer.key for layer in layers(family)}
    return tuple(
        BlockOutline(i, keys[i][0], keys[i][1], _LATENT << _level(family, keys[i][0], keys[i][1]), _role(family, i))
        for i in range(FAMILIES[family].num_transformers)
    )


def _level(family: str, side: str, block: int) -> int:
    coarsest = _LEVELS[family] - 1
    return {
        "input": (block - 1) // _PER_LEVEL,
        "middle": coarsest,
        "output": coarsest - block // _PER_LEVEL,
    }[side]


def _role(family: str, number: int) -> str:
    roles = ROLES[family]
    return "style" if number in roles.style else "composition" if number in roles.composition else ""
