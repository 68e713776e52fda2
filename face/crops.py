"""A picture and its faces -> one sheet of small squares, each with one face and what is around it."""

from collections.abc import Sequence

import numpy as np

from .align import crop
from .needs import opencv
from .value import Face, PictureFaces, Pixels

SIDE = 96
COLUMNS = 8
UPRIGHT = 224
"""Pixels of an upright crop, before it is made small."""
AROUND = 1.5
"""Side of the square, in longer sides of the box."""


def crops(entry: PictureFaces) -> Pixels:
    """(rows * SIDE, COLUMNS * SIDE, 3) RGB, a square for each face in their order, row by row; black outside the photo.

    A face whose photo was not kept shows its aligned crop, or black without one.
    """
    rows = -(-len(entry.faces) // COLUMNS)
    sheet: Pixels = np.zeros((max(rows, 1) * SIDE, COLUMNS * SIDE, 3), np.uint8)
    for number, face in enumerate(entry.faces):
        row, column = divmod(number, COLUMNS)
        place = sheet[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
        if entry.picture.photo is not None:
            _cut(entry.picture.photo, face, place)
        elif face.upright is not None:
            _put(face.upright, place)
    return sheet


def lineup(faces: Sequence[Face]) -> Pixels:
    """(SIDE, n * SIDE, 3) RGB, the faces upright, side by side; black where neither the photo nor a crop was kept."""
    sheet: Pixels = np.zeros((SIDE, len(faces) * SIDE, 3), np.uint8)
    for number, face in enumerate(faces):
        upright = face.upright if face.picture.photo is None else crop(face, UPRIGHT)
        if upright is not None:
            _put(upright, sheet[:, number * SIDE : (number + 1) * SIDE])
    return sheet


def _cut(photo: Pixels, face: Face, place: Pixels) -> None:
    """Fill a square from the part of the photo that is there, however large the box."""
    x0, y0, x1, y1 = (float(v) for v in face.box)
    side = max(x1 - x0, y1 - y0, 1.0) * AROUND
    start = np.array([(x0 + x1 - side) / 2, (y0 + y1 - side) / 2])
    size = np.array([photo.shape[1], photo.shape[0]])
    low, high = (np.clip(np.round(edge), 0, size).astype(int) for edge in (start, start + side))
    part = photo[low[1] : high[1], low[0] : high[0]]
    left, top, right, bottom = (
        int(v) for v in np.clip(np.round((np.concatenate([low, high]) - np.tile(start, 2)) * SIDE / side), 0, SIDE)
    )
    if part.size:
        _put(part, place[top:bottom, left:right])


def _put(part: Pixels, place: Pixels) -> None:
    if place.size:
        place[:] = opencv().resize(part, (place.shape[1], place.shape[0]), interpolation=opencv().INTER_AREA)
