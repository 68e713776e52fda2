"""A mask in pixels -> one factor for each cell of a grid, which are the queries of a layer or the cells of a residual."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..models.families import LATENT_CELL

Grid = tuple[int, int]
"""Rows and columns."""


@dataclass(frozen=True)
class Area:
    """The part of the canvas that one conditioning works on, in latent cells, and the canvas it is cut from."""

    height: int
    width: int
    top: int
    left: int
    canvas: Grid

    @property
    def size(self) -> Grid:
        return self.height, self.width


def factors(mask: Tensor, grid: Grid, area: Area | None = None, rule: str = "mean", cell: int = LATENT_CELL) -> Tensor:
    """Masks (B, H, W), 0..1, as factors (B, 1, h, w) on a grid, by a rule of `MASK_RULES`.

    With `area` the grid covers only that part of the canvas; `cell` is the side of a latent cell in pixels.
    """
    row, masks = MASK_RULES[rule], mask[:, None]
    if area is not None:
        fine = cell if row.cuts_pixels else 1
        height, width = area.canvas
        masks = row.onto_canvas(masks, (height * fine, width * fine))
        top, left = area.top * fine, area.left * fine
        masks = masks[..., top : top + area.height * fine, left : left + area.width * fine]
    return row.onto_grid(masks, grid)


def on_grid(mask: Tensor, grid: Grid, area: Area | None = None, rule: str = "mean") -> Tensor:
    """As `factors`, one for each query of a layer: (B, h * w, 1)."""
    return rearrange(factors(mask, grid, area, rule), "b 1 h w -> b (h w) 1")


def within(region: Tensor, mask: Tensor) -> Tensor:
    """Where both masks (B, H, W) are 1: of the region's size. Averages over areas keep 0 and 1 exact."""
    height, width = region.shape[-2:]
    return region * _mean(mask.to(region)[:, None], (height, width))[:, 0]


def _mean(masks: Tensor, grid: Grid) -> Tensor:
    """Each cell is the mean of what it covers: exactly 0 where the mask does not reach, exactly 1 inside it."""
    return F.interpolate(masks, size=grid, mode="area")


def _bilinear(masks: Tensor, grid: Grid) -> Tensor:
    """Reads only the pixels around each cell's centre."""
    if bool((masks == 1).all()):
        # The weights of a cell may sum to a rounding error less than 1; a full mask must change no bit.
        return masks.new_ones(len(masks), 1, *grid)
    return _interpolated(masks, grid)


def _interpolated(masks: Tensor, grid: Grid) -> Tensor:
    return F.interpolate(masks, size=grid, mode="bilinear")


def _as_diffusers(masks: Tensor, grid: Grid) -> Tensor:
    """Bicubic without antialiasing or clamping, on a grid guessed from the mask's own shape (diffusers' rule).

    `IPAdapterMaskProcessor.downsample`: if the guess has too few cells, zeros follow; if it has too many, they are cut.
    """
    queries = grid[0] * grid[1]
    rows = int(math.sqrt(queries / (masks.shape[-1] / masks.shape[-2])))
    rows += queries % rows != 0
    scaled = F.interpolate(masks, size=(rows, queries // rows), mode="bicubic").flatten(1)[:, :queries]
    padded = F.pad(scaled, (0, queries - scaled.shape[1]))
    return rearrange(padded, "b (h w) -> b 1 h w", h=grid[0])


@dataclass(frozen=True)
class MaskRule:
    """How masks (B, 1, H, W) are brought to a grid; for the part of an area first to the canvas, in cells or in pixels."""

    onto_grid: Callable[[Tensor, Grid], Tensor]
    onto_canvas: Callable[[Tensor, Grid], Tensor] = _mean
    cuts_pixels: bool = False


MEAN = "mean"
BILINEAR = "bilinear"
MASK_RULES: Mapping[str, MaskRule] = MappingProxyType(
    {
        MEAN: MaskRule(_mean),
        # InstantID's full pipeline ('enhance non-face region').
        BILINEAR: MaskRule(_bilinear, _interpolated, cuts_pixels=True),
        "diffusers": MaskRule(_as_diffusers),
    }
)
