"""A picture of any shape -> one of a few sizes of about the same area, cut as little as possible."""

from __future__ import annotations

import math
from dataclasses import dataclass

import comfy.utils
from torch import Tensor

STEP = 64  # pixels: every side is a multiple of it
MOST_UNEVEN = 2.0  # the longest shape, width to height or the other way


def bucket_of(width: int, height: int, side: int) -> tuple[int, int]:
    """The size (width, height) in pixels, of about `side` * `side`, whose shape is nearest to a picture's.

    Raises ValueError for a `side` that is not a multiple of 64.
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


@dataclass(frozen=True)
class Cut:
    """How a picture comes into its bucket: `left` and `top` pixels are cut off on both sides, the rest is scaled.

    `source` and `size` are (width, height) in pixels, of the picture and of the bucket.
    """

    source: tuple[int, int]
    size: tuple[int, int]
    left: int
    top: int

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the bucket for each pixel of the picture, across and down."""
        (width, height), (wide, high) = self.source, self.size
        return wide / (width - 2 * self.left), high / (height - 2 * self.top)

    @property
    def offset(self) -> tuple[float, float]:
        """Where the picture's corner comes to lie: a point p of the picture is at p * scale + offset."""
        across, down = self.scale
        return -self.left * across, -self.top * down

    def apply(self, picture: Tensor) -> Tensor:
        """A picture (1, H, W, 3) as it is in the bucket."""
        (width, height), (wide, high) = self.source, self.size
        kept = picture[:, self.top : height - self.top, self.left : width - self.left]
        return comfy.utils.common_upscale(kept.movedim(-1, 1), wide, high, "lanczos", "disabled").movedim(1, -1)


def cut_for(width: int, height: int, side: int) -> Cut:
    """How a picture of this size comes into its bucket, cut at its middle as the host's own scaling does."""
    wide, high = bucket_of(width, height, side)
    # What is kept has the bucket's shape.
    left = round(max(0.0, width - height * wide / high) / 2)
    top = round(max(0.0, height - width * high / wide) / 2)
    return Cut((width, height), (wide, high), min(left, (width - 1) // 2), min(top, (height - 1) // 2))


def to_bucket(picture: Tensor, side: int) -> Tensor:
    """A picture (1, H, W, 3) scaled and cut at its middle to its bucket's size."""
    return cut_for(picture.shape[2], picture.shape[1], side).apply(picture)
