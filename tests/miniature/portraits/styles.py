"""The styles that a caption asks for: what a drawing becomes in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy
from numpy import ndarray

from .portrait import Drawing

LIGHT = numpy.array([-0.45, -0.6, 0.66], numpy.float32)  # from above, left of the viewer
INK = numpy.array([30, 28, 40], numpy.float32)
PAPER = numpy.array([250, 247, 238], numpy.float32)
WITHOUT_LINES = {"freckles"}  # parts so small that lines would be all that is left of them
CELL = 3  # pixels of a pixel drawing's cell
LEVELS = 11  # of each colour in a pixel drawing


def flat(drawing: Drawing, fine: int) -> ndarray:
    """Plain colours in two tones, light and shade."""
    return _smaller(drawing.colour * _tone(drawing, LIGHT, 0.05, 0.86), fine)


def ink(drawing: Drawing, fine: int) -> ndarray:
    """Dark lines around every part on paper, over a thin wash of its colour."""
    wash = PAPER + 0.6 * (drawing.colour * _tone(drawing, LIGHT, 0.05, 0.8) - PAPER)
    wash[drawing.part == 0] = PAPER
    return _smaller(numpy.where(_edges(drawing, fine)[..., None], INK, wash), fine)


def pixel(drawing: Drawing, fine: int) -> ndarray:
    """Large square cells in few colours."""
    cells = _smaller(drawing.colour * _tone(drawing, LIGHT, 0.05, 0.78), fine * CELL)
    step = 255 / (LEVELS - 1)
    return numpy.kron(numpy.round(cells / step) * step, numpy.ones((CELL, CELL, 1), numpy.float32))


def night(drawing: Drawing, fine: int) -> ndarray:
    """Blue dusk, with a warm lamp on one side and a cold rim on the other."""
    grey = drawing.colour.mean(axis=2, keepdims=True)
    dusk = (0.55 * drawing.colour + 0.45 * grey) * numpy.array([0.38, 0.44, 0.68], numpy.float32) + (6, 8, 26)
    across, _, near = drawing.normal
    is_person = drawing.part > 0
    lamp = numpy.clip(0.9 * across + 0.25 * near, 0, 1) * is_person
    rim = numpy.clip(-across - 0.62, 0, 1) * 2.2 * is_person
    warm = drawing.colour * numpy.array([1.0, 0.78, 0.48], numpy.float32)
    lit = dusk + 0.85 * lamp[..., None] * warm + rim[..., None] * numpy.array([30, 110, 190], numpy.float32)
    return _smaller(numpy.clip(lit, 0, 255), fine)


STYLES: Mapping[str, Callable[[Drawing, int], ndarray]] = {
    "flat drawing": flat,
    "ink drawing": ink,
    "pixel art": pixel,
    "at night": night,
}
"""What a caption calls a style -> its function from a drawing to a picture (side, side, 3), 0..255."""


def _tone(drawing: Drawing, light: ndarray, edge: float, shade: float) -> ndarray:
    lit = numpy.tensordot(light, drawing.normal, 1)
    return numpy.where((drawing.part > 0) & (lit < edge), shade, 1.0).astype(numpy.float32)[..., None]


def _edges(drawing: Drawing, fine: int) -> ndarray:
    """Where another part begins within half a line's width."""
    reach = max(1, round(0.35 * fine))
    part, edge = drawing.part.copy(), numpy.zeros(drawing.part.shape, bool)
    for name in WITHOUT_LINES & set(drawing.names):
        part[part == drawing.names.index(name)] = drawing.names.index("skin")
    for axis in (0, 1):
        for step in range(1, reach + 1):
            differs = numpy.roll(part, step, axis) != part
            edge |= differs | numpy.roll(differs, -step, axis)
    edge[:reach], edge[-reach:], edge[:, :reach], edge[:, -reach:] = False, False, False, False
    return edge


def _smaller(picture: ndarray, fine: int) -> ndarray:
    height, width, _ = picture.shape
    return picture.reshape(height // fine, fine, width // fine, fine, 3).mean(axis=(1, 3))
