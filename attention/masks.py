"""A mask in pixels -> one factor for each query of a layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Area:
    """The part of the canvas that one conditioning works on, in latent cells, with the canvas it is cut from."""

    height: int
    width: int
    top: int
    left: int
    canvas: tuple[int, int]


def on_grid(mask: Tensor, grid: tuple[int, int], area: Area | None = None) -> Tensor:
    """Masks (B, H, W), 0..1, as factors (B, h * w, 1) on a layer's grid of h x w queries.

    Each cell gets the mean of the mask over what it covers, so a cell that the mask does not touch is exactly
    0, and one that it covers is exactly what the mask says. With `area` the grid covers only that part of the
    canvas.
    """
    masks = mask[:, None]
    if area is not None:
        masks = F.interpolate(masks, size=area.canvas, mode="area")
        masks = masks[..., area.top : area.top + area.height, area.left : area.left + area.width]
    return F.interpolate(masks, size=grid, mode="area").flatten(2).transpose(1, 2)
