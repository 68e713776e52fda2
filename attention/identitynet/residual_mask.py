"""A mask in pixels -> the factors of a ControlNet's residual, one row for each row of a call."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..branch.masks import Area, Grid, factors, on_grid
from ..sampling.call import PictureArea


def residual_factors(mask: Tensor, areas: Sequence[PictureArea], grid: Grid, rule: str, cell: int) -> Tensor:
    """Masks (B, H, W), 0..1, as factors (rows, 1, h, w) of a residual of h x w cells, one row for each area.

    `rule` is a name of `MASK_RULES`, `cell` the side of a latent cell in pixels.
    """
    found = {each: factors(mask[each[0] : each[0] + 1], grid, each[1], rule, cell) for each in set(areas)}
    return torch.cat([found[each] for each in areas])


def touches(mask: Tensor, areas: Sequence[PictureArea]) -> bool:
    """Whether the masks are above 0 anywhere in the areas: where they are not, every factor is 0."""
    return any(bool(_part(mask, *each).any()) for each in set(areas))


def _part(mask: Tensor, index: int, area: Area | None) -> Tensor:
    one = mask[index : index + 1]
    return one if area is None else on_grid(one, (area.height, area.width), area)
