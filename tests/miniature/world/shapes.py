"""Turns a seed into a drawn picture of one shape, with its attributes and its caption."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy
from numpy import ndarray
from PIL import Image, ImageDraw

SIDE = 64  # pixels of every picture
FINE = 4  # drawn this much larger, then averaged
CELL = 8  # pixels: one cell of the latent, and one tile of a texture
# A texture that repeats within a cell would give every cell the same latent, and a decoder of convolutions cannot make
# a pattern out of that.

COLOURS: Mapping[str, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "orange": (245, 130, 20),
    "yellow": (240, 205, 40),
    "green": (50, 150, 70),
    "blue": (40, 90, 210),
    "purple": (135, 60, 175),
}
BACKGROUNDS: Mapping[str, tuple[int, int, int]] = {
    "white": (245, 245, 240),
    "grey": (150, 152, 158),
    "navy": (34, 42, 88),
    "sand": (222, 200, 160),
}
POSITIONS: Mapping[str, tuple[str, float]] = {
    "left": ("on the left", 0.36),
    "middle": ("in the middle", 0.5),
    "right": ("on the right", 0.64),
}


def regular(corners: int, inner: float = 1.0, turn: float = -math.pi / 2) -> list[tuple[float, float]]:
    """A regular polygon of radius 1; with `inner` every other corner lies at that radius."""
    return [
        (radius * math.cos(angle), radius * math.sin(angle))
        for corner in range(corners)
        for radius in (inner if corner % 2 else 1.0,)
        for angle in (turn + 2 * math.pi * corner / corners,)
    ]


ARM = 0.36
SHAPES: Mapping[str, list[tuple[float, float]]] = {
    "circle": regular(48),
    "square": regular(4, turn=-math.pi / 4),
    "triangle": regular(3),
    "star": regular(10, inner=0.42),
    "cross": [
        (-ARM, -1), (ARM, -1), (ARM, -ARM), (1, -ARM), (1, ARM), (ARM, ARM),
        (ARM, 1), (-ARM, 1), (-ARM, ARM), (-1, ARM), (-1, -ARM), (-ARM, -ARM),
    ],
    "moon": [(math.cos(a), math.sin(a)) for a in numpy.linspace(0.9, 2 * math.pi - 0.9, 40)]
    + [(0.38 + 0.83 * math.cos(a), 0.98 * math.sin(a)) for a in numpy.linspace(2 * math.pi - 1.25, 1.25, 40)],
}  # fmt: skip

Pattern = Callable[[ndarray, ndarray], ndarray]
TEXTURES: Mapping[str, Pattern] = {
    "plain": lambda x, y: numpy.zeros(x.shape, bool),
    "striped": lambda x, y: y // CELL % 2 == 0,
    "barred": lambda x, y: x // CELL % 2 == 0,
    "checked": lambda x, y: (x // CELL + y // CELL) % 2 == 0,
    "dotted": lambda x, y: (x // CELL % 2 == 0) & (y // CELL % 2 == 0),
}
PALE = 0.75  # how far the second tone of a texture lies from the colour towards white

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "colour": tuple(COLOURS),
    "texture": tuple(TEXTURES),
    "shape": tuple(SHAPES),
    "position": tuple(POSITIONS),
    "background": tuple(BACKGROUNDS),
}


@dataclass(frozen=True)
class Shape:
    """What a picture of a shape shows, and the numbers that the caption does not tell."""

    colour: str
    texture: str
    shape: str
    position: str
    background: str
    shift: tuple[float, float]  # pixels
    radius: float  # pixels
    turn: float  # radians


def any_shape(random: numpy.random.Generator) -> Shape:
    """A shape with every attribute drawn at random."""
    names = {name: str(random.choice(values)) for name, values in ATTRIBUTES.items()}
    shift = (float(random.uniform(-2, 2)), float(random.uniform(-3, 3)))
    return Shape(**names, shift=shift, radius=float(random.uniform(19, 22)), turn=float(random.uniform(-0.15, 0.15)))


def draw_shape(shape: Shape) -> ndarray:
    """The picture, (SIDE, SIDE, 3), 8 bit."""
    ys, xs = numpy.mgrid[:SIDE, :SIDE]
    base = numpy.array(COLOURS[shape.colour], float)
    pale = base + PALE * (255 - base)
    inside = numpy.where(TEXTURES[shape.texture](xs, ys)[..., None], pale, base)
    outside = numpy.array(BACKGROUNDS[shape.background], float)
    cover = silhouette(shape)[..., None]
    return (cover * inside + (1 - cover) * outside + 0.5).astype(numpy.uint8)


def silhouette(shape: Shape) -> ndarray:
    """How much of each pixel the shape covers, (SIDE, SIDE), 0..1."""
    centre = (POSITIONS[shape.position][1] * SIDE + shape.shift[0], SIDE / 2 + shape.shift[1])
    sine, cosine = math.sin(shape.turn), math.cos(shape.turn)
    points = [
        tuple(FINE * (c + shape.radius * part) for c, part in zip(centre, turned, strict=True))
        for x, y in SHAPES[shape.shape]
        for turned in ((cosine * x - sine * y, sine * x + cosine * y),)
    ]
    canvas = Image.new("L", (SIDE * FINE, SIDE * FINE))
    ImageDraw.Draw(canvas).polygon(points, fill=255)
    return numpy.asarray(canvas.reduce(FINE), float) / 255


def caption_shape(shape: Shape, told: frozenset[str] = frozenset(ATTRIBUTES)) -> str:
    """The caption that tells the attributes in `told`, "a red striped star on the left, white background"."""
    words = ["a", *(getattr(shape, name) for name in ("colour", "texture") if name in told)]
    words.append(shape.shape if "shape" in told else "thing")
    if "position" in told:
        words.append(POSITIONS[shape.position][0])
    text = " ".join(words)
    return f"{text}, {shape.background} background" if "background" in told else text
