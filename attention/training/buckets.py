"""A picture of any shape -> one of a few sizes of about the same area, cut as little as possible."""

from __future__ import annotations

import math

import comfy.utils
from torch import Tensor

STEP = 64  # pixels: every side is a multiple of it
MOST_UNEVEN = 2.0  # the longest shape, width to height or the other way


def bucket_of(width: int, height: int, side: int) -> tuple[int, int]:
    """The size (width, height) in pixels, of about `side` * `side`, whose shape is nearest to a picture's.

    Raises ValueError for a `side` that is no multiple of 64.
    """
    if side < STEP or side % STEP:
        raise ValueError(f"bucket_side is {side}; it must be a multiple of {STEP}.")
    shape = min(max(width / height, 1 / MOST_UNEVEN), MOST_UNEVEN)
    sizes = [
        (STEP * columns, STEP * rows)
        for columns in range(1, int(side * math.sqrt(MOST_UNEVEN)) // STEP + 1)
        for rows in (max(1, side * side // (STEP * STEP * columns)),)
        if 1 / MOST_UNEVEN <= columns / rows <= MOST_UNEVEN
    ]
    return min(sizes, key=lambda size: (abs(math.log(size[0] / size[1] / shape)), size))


def to_bucket(picture: Tensor, side: int) -> Tensor:
    """A picture (1, H, W, 3) scaled and cut at its middle to its bucket's size."""
    width, height = bucket_of(picture.shape[2], picture.shape[1], side)
    return comfy.utils.common_upscale(picture.movedim(-1, 1), width, height, "lanczos", "center").movedim(1, -1)
