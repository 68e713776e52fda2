"""A photo on its side or its head -> how it looks when turned, where points of that are in it, in which turn a face is upright."""

import numpy as np

from .models import Detector
from .needs import opencv
from .refine import square_of
from .value import Array, Pixels

TURNS = (0, 90, 180, 270)
"""Degrees against the clock."""
SIDE = 80
"""Pixels of a face with its surroundings in each turn: so small that looking takes a tenth of looking at the photo."""
ROOM = 1.6
"""Side of the square over the longer side of the face's box."""
LEAST = 0.3
"""The score from which something of this size counts."""


def turned(pixels: Pixels, degrees: int) -> Pixels:
    """The picture (H, W, 3) turned against the clock by one of TURNS; turned by 0 it is the same object."""
    return np.ascontiguousarray(np.rot90(pixels, degrees // 90)) if degrees else pixels


def back(points: Array, degrees: int, size: tuple[int, int]) -> Array:
    """Points (..., 2) of the turned picture in pixels of the picture itself, whose `size` is (width, height)."""
    right, down = points[..., 0], points[..., 1]
    width, height = size[0] - 1, size[1] - 1
    x, y = {
        0: (right, down),
        90: (width - down, right),
        180: (width - right, height - down),
        270: (down, height - right),
    }[degrees]
    return np.stack([x, y], axis=-1)


def boxes_back(boxes: Array, degrees: int, size: tuple[int, int]) -> Array:
    """Boxes (N, 4) of the turned picture as boxes of the picture itself."""
    corners = back(boxes.reshape(-1, 2, 2), degrees, size)
    return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def scores_by_turn(detector: Detector, bgr: Pixels, box: Array) -> Array:
    """The score (4,) of the face in a box (4,) in each of TURNS, 0 where the detector sees none; all in one look."""
    square = opencv().resize(square_of(bgr, box, ROOM)[0], (SIDE, SIDE), interpolation=opencv().INTER_AREA)
    four = [turned(square, degrees) for degrees in TURNS]
    sheet = np.concatenate([np.concatenate(four[:2], axis=1), np.concatenate(four[2:], axis=1)])
    boxes, _ = detector.detect(sheet, (2 * SIDE, 2 * SIDE), det_thresh=LEAST)
    scores = np.zeros(len(TURNS), np.float32)
    for x0, y0, x1, y1, score in boxes:
        place = 2 * int(y0 + y1 > 2 * SIDE) + int(x0 + x1 > 2 * SIDE)
        scores[place] = max(scores[place], score)
    return scores
