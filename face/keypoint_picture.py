"""A picture that should show drawn keypoints -> what is wrong with it, and the size the authors would draw at."""

import numpy as np
import numpy.typing as npt

from .draw import COLOURS, LIMB_BRIGHTNESS
from .value import Picture

TOLERANCE = 48
"""Of each channel, 0..255: resizing and JPEG move colours."""
FEWEST = 8
"""Pixels of a point's colour that make a point."""
DRAWN = 0.8
"""The part of a drawn picture that is black, or of a colour that is drawn with; no photo has as much of them."""
SHORT, LONG, MULTIPLE = 1024, 1280, 64


def check_keypoint_picture(picture: Picture, may_be_black: bool = False) -> None:
    """Raise ValueError, naming the picture, unless it is black with coloured points as `draw_keypoints` draws them.

    With `may_be_black` the points may be missing.
    """
    pixels = picture.pixels.astype(np.int16)
    if int(pixels.max()) <= TOLERANCE:
        if may_be_black:
            return
        raise ValueError(
            f"The keypoint picture ({picture.name}) is black: it shows no face. Draw it with Render Keypoints, from a "
            "picture in which Find Faces found one; 'fit', 'scale' and the shifts there can move a face off the picture."
        )
    points = [_near(pixels, colour) for colour in COLOURS]
    limbs = [_near(pixels, tuple(int(c * LIMB_BRIGHTNESS) for c in colour)) for colour in COLOURS]
    drawn = np.logical_or.reduce([_near(pixels, (0, 0, 0)), *points, *limbs]).mean()
    if drawn < DRAWN:
        raise ValueError(
            f"The keypoint picture ({picture.name}) looks like a photo: only {drawn:.0%} of it is black or of the "
            "colours that keypoints are drawn in. Connect Find Faces and Render Keypoints between the photo and 'image'."
        )
    if max(int(point.sum()) for point in points) < FEWEST:
        raise ValueError(
            f"The keypoint picture ({picture.name}) has none of the five coloured points that InstantID was trained on "
            "(red, green, blue, yellow, magenta). Draw it with Render Keypoints."
        )


def authors_size(size: tuple[int, int]) -> tuple[int, int]:
    """A photo's (width, height) as InstantID's demo brings it to the size that it draws and generates at.

    Short side to 1024, then the long side to 1280, then both down to multiples of 64 (its `resize_img`).
    """
    for target, side in ((SHORT, min), (LONG, max)):
        ratio = target / side(size)
        size = round(ratio * size[0]), round(ratio * size[1])
    return max(size[0] // MULTIPLE, 1) * MULTIPLE, max(size[1] // MULTIPLE, 1) * MULTIPLE


def _near(pixels: npt.NDArray[np.int16], colour: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    away: npt.NDArray[np.int16] = np.abs(pixels - np.array(colour, np.int16)).max(axis=-1)
    return np.less_equal(away, TOLERANCE)
