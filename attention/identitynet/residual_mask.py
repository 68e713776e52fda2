"""A mask in pixels -> the factor of a ControlNet's residual, by one of two rules of resizing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from ..branch.masks import Area, on_grid
from ..sampling.call import Place

MaskResize = Literal["coverage", "bilinear"]
Grid = tuple[int, int]

_CELL = 8  # pixels along one side of a latent cell


def _coverage(mask: Tensor, grid: Grid, area: Area | None) -> Tensor:
    return on_grid(mask, grid, area).transpose(1, 2).unflatten(2, grid)


def _bilinear(mask: Tensor, grid: Grid, area: Area | None) -> Tensor:
    masks = mask[:, None]
    if area is not None:
        height, width = (side * _CELL for side in area.canvas)
        masks = F.interpolate(masks, size=(height, width), mode="bilinear")
        top, left = area.top * _CELL, area.left * _CELL
        masks = masks[..., top : top + area.height * _CELL, left : left + area.width * _CELL]
    if bool((masks == 1).all()):
        # The weights of a cell may sum to a rounding error less than 1; a full mask must change no bit.
        return torch.ones(len(masks), 1, *grid, device=mask.device)
    return F.interpolate(masks, size=grid, mode="bilinear")


_RULES: Mapping[MaskResize, Callable[[Tensor, Grid, Area | None], Tensor]] = MappingProxyType(
    {"coverage": _coverage, "bilinear": _bilinear}
)


def factor(mask: Tensor, places: Sequence[Place], grid: Grid, resize: MaskResize) -> Tensor:
    """Masks (B, H, W), 0..1, as factors (rows, 1, h, w) of a residual of h x w cells, one row for each place.

    "coverage" is the branch's rule: the mean of the mask over each cell. "bilinear" is the rule of the
    reference's 'enhance non-face region' (InstantID's full pipeline): plain bilinear, which reads only the
    pixels around each cell's centre.
    """
    resized = {place: _RULES[resize](mask[place[0] : place[0] + 1], grid, place[1]) for place in set(places)}
    return torch.cat([resized[place] for place in places])


def touches(mask: Tensor, places: Sequence[Place]) -> bool:
    """Whether the masks are above 0 anywhere in the places: where they are not, every factor is 0."""
    return any(bool(_part(mask, *place).any()) for place in set(places))


def _part(mask: Tensor, index: int, area: Area | None) -> Tensor:
    one = mask[index : index + 1]
    return one if area is None else on_grid(one, (area.height, area.width), area)
