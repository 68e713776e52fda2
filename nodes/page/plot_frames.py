"""The factors of a batch's pictures -> a picture with one bar for each."""

from __future__ import annotations

from torch import Tensor

from . import plot

WIDTH, HEIGHT = 640, 240
_BOX: plot.Box = (64, 44, WIDTH - 24, HEIGHT - 40)
_NUMBERS = 16  # as many as there is room for


def frames_picture(factors: tuple[float, ...]) -> Tensor:
    """An IMAGE (1, H, W, 3)."""
    picture, draw = plot.sheet(WIDTH, HEIGHT)
    left, top, right, bottom = _BOX
    plot.write(draw, (16, top - 22), "factor of each picture of the batch", 16)
    height = plot.axis(draw, _BOX, *plot.span(factors))
    column = (right - left) / len(factors)
    every = -(-len(factors) // _NUMBERS)
    for i, factor in enumerate(factors):
        x = left + i * column
        upper, lower = sorted((height(factor), height(0)))
        if factor:
            gap = 0.1 * column
            draw.rectangle((x + gap, upper, x + column - gap, lower), plot.UP if factor > 0 else plot.DOWN)
        if i % every == 0:
            plot.write(draw, (x + column / 2, bottom + 16), str(i), 12, plot.FAINT, "centre")
    return plot.as_image(picture)
