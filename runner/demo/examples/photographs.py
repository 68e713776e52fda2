"""The photographs of the set-up -> the pictures that the examples get."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

CROWD = "solvay_conference_1927.jpg"
# File, and the square of it that is used: left, top and width as parts of its width.
SQUARES = {
    "a": (CROWD, 0.225, 0.335, 0.15),
    "b": (CROWD, 0.470, 0.335, 0.15),
    "first": ("obama.jpg", 0.2, 0.0, 0.65),
    "second": ("obama2.jpg", 0.1, 0.2, 0.85),
}


def photographs(folder: Path) -> Mapping[str, Image.Image]:
    """Two people of one photograph of 1927, both of them side by side, and two photographs of one person."""
    found = {name: square(folder / file, *place) for name, (file, *place) in SQUARES.items()}
    return {**found, "pair": beside(found["a"], found["b"])}


def square(path: Path, left: float, top: float, width: float) -> Image.Image:
    """A square of a photograph."""
    with Image.open(path) as whole:
        x, y, side = (round(part * whole.width) for part in (left, top, width))
        return whole.convert("RGB").crop((x, y, x + side, y + side))


def beside(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two pictures of one height as one."""
    both = Image.new("RGB", (left.width + right.width, left.height))
    both.paste(left, (0, 0))
    both.paste(right, (left.width, 0))
    return both
