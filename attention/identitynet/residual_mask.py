"""A mask in pixels -> the factors of a ControlNet's residual, one row for each row of a call."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..branch.masks import Area, Grid, factors, on_grid
from ..sampling.call import Place


def residual_factors(mask: Tensor, places: Sequence[Place], grid: Grid, rule: str, cell: int) -> Tensor:
    """Masks (B, H, W), 0..1, as factors (rows, 1, h, w) of a residual of h x w cells, one row for each place.

    `rule` is a name of `MASK_RULES`, `cell` the side of a latent cell in pixels.
    """
    found = {place: factors(mask[place[0] : place[0] + 1], grid, place[1], rule, cell) for place in set(places)}
    return torch.cat([found[place] for place in places])


def touches(mask: Tensor, places: Sequence[Place]) -> bool:
    """Whether the masks are above 0 anywhere in the places: where they are not, every factor is 0."""
    return any(bool(_part(mask, *place).any()) for place in set(places))


def _part(mask: Tensor, index: int, area: Area | None) -> Tensor:
    one = mask[index : index + 1]
    return one if area is None else on_grid(one, (area.height, area.width), area)
