"""A picture -> the same picture inside a black margin and the way back, since a close-up is only found with room."""

from dataclasses import dataclass

import numpy as np

from .needs import opencv
from .value import Array, Pixels


@dataclass(frozen=True, eq=False)
class Framed:
    """A canvas with the picture in its middle; `scale` and `shift` are how a pixel of the picture got there, (x, y)."""

    canvas: Pixels
    scale: tuple[float, float]
    shift: tuple[float, float]

    def back(self, points: Array) -> Array:
        """Points (..., 2) of the canvas in pixels of the picture."""
        return ((points - np.array(self.shift, np.float32)) / np.array(self.scale, np.float32)).astype(np.float32)


def framed(pixels: Pixels, size: tuple[int, int]) -> Framed:
    """The picture at half of `size` (width, height), so that half its side is margin all round.

    Made at the detector's own size, so that a huge picture never gets a huger copy.
    """
    height, width = pixels.shape[:2]
    ratio = min(size[0] / 2 / width, size[1] / 2 / height)
    small = max(int(width * ratio), 1), max(int(height * ratio), 1)
    left, top = (size[0] - small[0]) // 2, (size[1] - small[1]) // 2
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    canvas[top : top + small[1], left : left + small[0]] = opencv().resize(pixels, small)
    return Framed(canvas, (small[0] / width, small[1] / height), (left, top))
