"""Outlines that were drawn on a canvas -> a mask."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..weights.reference_text import Point

SIDE = 1024
"""Pixels along one side: many for each token of the largest canvas, which averages over them."""


def drawn_mask(outlines: Sequence[Sequence[Point]]) -> Tensor:
    """A mask (1, SIDE, SIDE), 1 within any of these outlines, of a canvas of whatever shape."""
    picture = Image.new("L", (SIDE, SIDE))
    draw = ImageDraw.Draw(picture)
    for outline in outlines:
        # Pixels have their centres at halves, so that an outline around the whole canvas fills all of them.
        draw.polygon([(x * SIDE - 0.5, y * SIDE - 0.5) for x, y in outline], fill=255)
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return (pixels.view(1, SIDE, SIDE) > 0).float()
