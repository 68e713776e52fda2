"""What a person reads about the blocks of a family: where each one sits, how coarse it is, what it carries."""

from __future__ import annotations

from dataclasses import dataclass

from .families import FAMILIES, layers, level_of


@dataclass(frozen=True)
class BlockOutline:
    """One SpatialTransformer of a UNet, or one block of a transformer. `cell` is the side in pixels of the area that one of its queries covers."""

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
    row, keys = FAMILIES[family], {layer.transformer: layer.key for layer in layers(family)}
    return tuple(
        BlockOutline(i, side, block, row.cell << level_of(row, side, block), row.roles.of(i))
        for i, (side, block, _) in sorted(keys.items())
    )
