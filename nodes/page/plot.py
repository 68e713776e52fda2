"""The few marks that the pack's previews are drawn with: a sheet, text, bars, lines, and a sheet as an IMAGE."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

Colour = tuple[int, int, int]
Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

SHEET: Colour = (30, 31, 34)
GROUND: Colour = (44, 46, 51)
GRID: Colour = (70, 73, 80)
FAINT: Colour = (160, 164, 172)
TEXT: Colour = (232, 234, 237)
UP: Colour = (255, 176, 64)
DOWN: Colour = (86, 156, 255)

_ANCHORS = {"left": "lm", "centre": "mm", "right": "rm"}


def sheet(width: int, height: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty sheet in pixels, and what draws on it."""
    picture = Image.new("RGB", (width, height), SHEET)
    return picture, ImageDraw.Draw(picture)


@cache
def font(size: int) -> Any:
    """The font that comes with Pillow: the same on every machine."""
    return ImageFont.load_default(size)


def write(
    draw: ImageDraw.ImageDraw, at: Point, text: str, size: int = 14, colour: Colour = TEXT, align: str = "left"
) -> None:
    """One line of text, vertically centred on `at`; `align` says which part of it is there: left, centre, right."""
    draw.text(at, text, fill=colour, font=font(size), anchor=_ANCHORS[align])


def width_of(text: str, size: int = 14) -> float:
    return font(size).getlength(text)


def clipped(text: str, room: float, size: int = 14) -> str:
    """The text, or as much of it as fits into `room` pixels."""
    if width_of(text, size) <= room:
        return text
    while text and width_of(f"{text}...", size) > room:
        text = text[:-1]
    return f"{text}..."


def heat(value: float, most: float) -> Colour:
    """The colour of a factor: the ground at 0, brighter up to `most`, blue below 0."""
    share = min(abs(value) / most, 1.0) if most else 0.0
    end = UP if value > 0 else DOWN
    # Never quite the ground unless it is 0: what acts a little is seen to act.
    share = 0.15 + 0.85 * share if value else 0.0
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(GROUND, end, strict=True))
    return red, green, blue


def as_image(picture: Image.Image) -> Tensor:
    """A sheet as an IMAGE (1, H, W, 3), 0..1."""
    return torch.from_numpy(np.asarray(picture, np.float32) / 255)[None]
