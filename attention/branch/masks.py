"""A mask in pixels -> one factor for each query of a layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

Grid = tuple[int, int]
"""Rows and columns of a layer's queries."""


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


def on_grid(mask: Tensor, grid: Grid, area: Area | None = None, rule: str = "mean") -> Tensor:
    """Masks (B, H, W), 0..1, as factors (B, h * w, 1) on a layer's grid of h x w queries.

    With `area` the grid covers only that part of the canvas. `rule` is a name of `MASK_RULES`.
    """
    masks = mask[:, None]
    if area is not None:
        masks = _mean(masks, area.canvas)
        masks = masks[..., area.top : area.top + area.height, area.left : area.left + area.width]
    return MASK_RULES[rule](masks, grid).flatten(1)[..., None]


def within(region: Tensor, mask: Tensor) -> Tensor:
    """Where both masks (B, H, W) are 1: of the region's size. Averages over areas keep 0 and 1 exact."""
    height, width = region.shape[-2:]
    return region * _mean(mask.to(region)[:, None], (height, width))[:, 0]


def _mean(masks: Tensor, grid: Grid) -> Tensor:
    """Each cell is the mean of what it covers: exactly 0 where the mask does not reach, exactly 1 inside it."""
    return F.interpolate(masks, size=grid, mode="area")


def _as_diffusers(masks: Tensor, grid: Grid) -> Tensor:
    """Bicubic without antialiasing or clamping, on a grid guessed from the mask's own shape (diffusers' rule).

    `IPAdapterMaskProcessor.downsample`: if the guess has too few cells, zeros follow; if it has too many, they are cut.
    """
    queries = grid[0] * grid[1]
    rows = int(math.sqrt(queries / (masks.shape[-1] / masks.shape[-2])))
    rows += queries % rows != 0
    scaled = F.interpolate(masks, size=(rows, queries // rows), mode="bicubic").flatten(1)[:, :queries]
    return F.pad(scaled, (0, queries - scaled.shape[1]))


MEAN = "mean"
MASK_RULES: Mapping[str, Callable[[Tensor, Grid], Tensor]] = {MEAN: _mean, "diffusers": _as_diffusers}
