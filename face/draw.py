"""Five keypoints of each face -> the picture that InstantID's ControlNet was trained on."""

import math
from collections.abc import Sequence

import numpy as np

from .needs import opencv
from .value import Array, Pixels

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255))
LIMBS = ((0, 2), (1, 2), (3, 2), (4, 2))
"""From each point to the nose, in the colour of the first; later ones lie on top."""
HALF_WIDTH = 4
RADIUS = 10
LIMB_BRIGHTNESS = 0.6
FARTHEST = 1 << 20
"""Pixels: beyond it OpenCV's whole numbers run over, and nothing there is seen."""


def draw_keypoints(faces: Sequence[Array], size: tuple[int, int]) -> Pixels:
    """Keypoints (5, 2) of each face in pixels -> (height, width, 3) RGB on black, `size` being (width, height).

    Pixel for pixel `draw_kps` of InstantID's pipelines (every number is cut, not rounded); with several faces
    all limbs lie below all points.
    """
    _check_near(faces)
    cv2 = opencv()
    picture: Pixels = np.zeros((size[1], size[0], 3), np.uint8)
    for keypoints in faces:
        for limb in LIMBS:
            # Each channel is 0 or 255, so it may be made darker before drawing as well as after.
            cv2.fillConvexPoly(
                picture, _limb(keypoints, limb), tuple(int(c * LIMB_BRIGHTNESS) for c in COLOURS[limb[0]])
            )
    for keypoints in faces:
        for colour, (x, y) in zip(COLOURS, keypoints, strict=True):
            cv2.circle(picture, (int(x), int(y)), RADIUS, colour, -1)
    return picture


def _check_near(faces: Sequence[Array]) -> None:
    for number, keypoints in enumerate(faces, 1):
        if not bool((np.abs(keypoints) <= FARTHEST).all()):  # NaN is not
            raise ValueError(
                f"Face {number} of {len(faces)} has a keypoint at {np.asarray(keypoints).round(1).tolist()}, which is not a position "
                "in a picture. Lower scale and shift, or check where the points come from."
            )


def _limb(keypoints: Array, limb: tuple[int, int]) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
    """A thin ellipse between two points, as a polygon of whole pixels."""
    (x0, y0), (x1, y1) = (np.asarray(keypoints[i], np.float64) for i in limb)
    length = math.hypot(x0 - x1, y0 - y1)
    angle = int(math.degrees(math.atan2(y0 - y1, x0 - x1)))
    centre = int((x0 + x1) / 2), int((y0 + y1) / 2)
    return opencv().ellipse2Poly(centre, (int(length / 2), HALF_WIDTH), angle, 0, 360, 1)
