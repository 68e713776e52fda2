"""How far one picture lies from another."""

import numpy
from PIL import Image


def is_identical(picture: Image.Image, other: Image.Image) -> bool:
    """Whether every decoded pixel is the same, bit for bit."""
    return picture.size == other.size and picture.mode == other.mode and picture.tobytes() == other.tobytes()


def moved(picture: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of two RGB pictures of one size, in grey levels of 255."""
    pixels, others = (numpy.asarray(each.convert("RGB"), dtype=numpy.float64) for each in (picture, other))
    return float(numpy.abs(pixels - others).mean())
