"""A face's box -> the square around it, cut out of the photo as it lies there: not turned upright."""

import numpy as np
from PIL import Image

from .errors import MissingPhoto
from .value import Array, Face, Pixels

SIDE = 336
"""Pixels: what Kolors' FaceID plus is shown."""
SQUARE = f"{SIDE} square"
"""The setting of Save Faces that keeps it."""


def around(box: Array) -> tuple[float, float, float, float]:
    """The square (x0, y0, x1, y1) around the middle of a box, as long as the box's longer side."""
    x0, y0, x1, y1 = box
    x, y, half = (x0 + x1) / 2, (y0 + y1) / 2, max(x1 - x0, y1 - y0) / 2
    return float(x - half), float(y - half), float(x + half), float(y + half)


def square(face: Face) -> Pixels:
    """The square around a face, (SIDE, SIDE, 3) RGB, scaled bicubically; black where the picture ends.

    Of a face from a file the square that was kept with it. Raises MissingPhoto where none was.
    """
    if face.picture.photo is not None:
        return np.array(Image.fromarray(face.picture.photo).crop(_whole(around(face.box))).resize((SIDE, SIDE)))
    if face.unaligned is None:
        raise MissingPhoto(
            f"The photo of {face.picture.name} is not there, and the file its face comes from has no square around the "
            f"face. Save the faces again with 'crop' set to '{SQUARE}', or connect Find Faces with the photo."
        )
    return face.unaligned


def has_square(face: Face) -> bool:
    """Whether `square` has what it needs."""
    return face.picture.photo is not None or face.unaligned is not None


def _whole(corners: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """In whole pixels, and at least one: a box can be thinner than that."""
    x0, y0, x1, y1 = map(round, corners)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)
