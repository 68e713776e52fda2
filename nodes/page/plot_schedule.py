"""A weight schedule -> a picture of its course over sampling and of each picture's factor."""

from __future__ import annotations

from PIL import ImageDraw
from torch import Tensor

from .. import wires
from . import plot

WIDTH, ROW = 640, 240
_SAMPLES = 256


def schedule_picture(schedule: wires.WeightSchedule) -> Tensor:
    """An IMAGE (1, H, W, 3)."""
    rows = 1 + bool(schedule.frame_scales)
    picture, draw = plot.sheet(WIDTH, ROW * rows)
    _course(draw, schedule, _box(0))
    if schedule.frame_scales:
        _frames(draw, schedule.frame_scales, _box(1))
    return plot.as_image(picture)


def _box(row: int) -> plot.Box:
    return (64, ROW * row + 44, WIDTH - 24, ROW * (row + 1) - 40)


def _course(draw: ImageDraw.ImageDraw, schedule: wires.WeightSchedule, box: plot.Box) -> None:
    left, top, right, bottom = box
    course = schedule.schedule
    values = [course.factor(i / _SAMPLES) if course else 1.0 for i in range(_SAMPLES + 1)]
    plot.write(draw, (16, top - 22), "factor over sampling", 16)
    height = plot.axis(draw, box, *plot.span(values))
    draw.line([(left + (right - left) * i / _SAMPLES, height(v)) for i, v in enumerate(values)], plot.UP, 3, "curve")
    for percent in (0.0, 0.25, 0.5, 0.75, 1.0):
        plot.write(draw, (left + (right - left) * percent, bottom + 16), f"{percent:g}", 12, plot.FAINT, "centre")


def _frames(draw: ImageDraw.ImageDraw, factors: tuple[float, ...], box: plot.Box) -> None:
    left, top, right, bottom = box
    plot.write(draw, (16, top - 22), "factor of each picture of the batch", 16)
    height = plot.axis(draw, box, *plot.span(factors))
    column = (right - left) / len(factors)
    every = -(-len(factors) // 16)  # as many numbers as there is room for
    for i, factor in enumerate(factors):
        x = left + i * column
        upper, lower = sorted((height(factor), height(0)))
        if factor:
            gap = 0.1 * column
            draw.rectangle((x + gap, upper, x + column - gap, lower), plot.UP if factor > 0 else plot.DOWN)
        if i % every == 0:
            plot.write(draw, (x + column / 2, bottom + 16), str(i), 12, plot.FAINT, "centre")
