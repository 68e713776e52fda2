"""Layer weights -> a picture with one bar for each block."""

from __future__ import annotations

from PIL import ImageDraw
from torch import Tensor

from ...attention.models.blocks import BlockOutline, outlines
from ...attention.models.families import FAMILIES
from ...attention.weights.layer_weights import LayerWeights
from . import plot

WIDTH, HEIGHT = 960, 412
_BOX: plot.Box = (64, 56, 944, 280)
_ROLES = {"style": plot.STYLE, "composition": plot.COMPOSITION}
_LINES = ("block", "place", "cell", "role")


def layers_picture(weights: LayerWeights) -> Tensor:
    """An IMAGE (1, H, W, 3): each block's factor, number, place, cell and role; swapped ones are outlined."""
    picture, draw = plot.sheet(WIDTH, HEIGHT)
    plot.write(draw, (16, 22), f"{FAMILIES[weights.family].label}: factor of each block, in the order they run", 16)
    height = plot.axis(draw, _BOX, *plot.span(weights.factors))
    column = (_BOX[2] - _BOX[0]) / len(weights.factors)
    for i, name in enumerate(_LINES):
        plot.write(draw, (_BOX[0] - 8, _label_at(i)), name, 12, plot.FAINT, "right")
    for outline, factor in zip(outlines(weights.family), weights.factors, strict=True):
        left = _BOX[0] + outline.number * column
        bar = (left + 0.18 * column, *sorted((height(factor), height(0))), left + 0.82 * column)
        swapped = outline.number in weights.swapped
        _bar(draw, (bar[0], bar[1], bar[3], bar[2]), factor, swapped)
        plot.write(draw, (left + column / 2, bar[1] - 9), f"{factor:.3g}", 12, plot.TEXT, "centre")
        _labels(draw, left + column / 2, outline)
    if weights.swapped:
        note = "outlined: the reference stands on the negative side there, guidance leads away from it"
        plot.write(draw, (16, HEIGHT - 16), note, 13, plot.DOWN)
    return plot.as_image(picture)


def _bar(draw: ImageDraw.ImageDraw, box: plot.Box, factor: float, swapped: bool) -> None:
    if swapped:
        draw.rectangle(box, outline=plot.DOWN, width=2)
    elif factor:
        draw.rectangle(box, fill=plot.UP if factor > 0 else plot.DOWN)


def _labels(draw: ImageDraw.ImageDraw, x: float, outline: BlockOutline) -> None:
    texts = (str(outline.number), outline.place.replace("put", ""), f"{outline.cell} px", outline.role[:5])
    colours = (plot.TEXT, plot.FAINT, plot.FAINT, _ROLES.get(outline.role, plot.FAINT))
    for i, (text, colour) in enumerate(zip(texts, colours, strict=True)):
        plot.write(draw, (x, _label_at(i)), text, 14 if i == 0 else 12, colour, "centre")


def _label_at(line: int) -> float:
    return _BOX[3] + 20 + 22 * line
