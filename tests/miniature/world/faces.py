"""Turns an identity and a pose into a drawn face with its five keypoints and its caption."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy
from numpy import ndarray
from PIL import Image, ImageDraw

from .shapes import BACKGROUNDS, FINE, SIDE

Colour = tuple[int, int, int]
Point = tuple[float, float]

SKINS: Mapping[str, Colour] = {
    "pale": (250, 220, 200),
    "tan": (224, 172, 125),
    "brown": (160, 105, 65),
    "dark": (92, 60, 42),
}
HAIRS: Mapping[str, Colour] = {
    "black": (30, 28, 30),
    "auburn": (165, 60, 25),
    "blond": (235, 200, 90),
    "white": (232, 232, 236),
    "blue": (60, 100, 220),
}
STYLES = ("bald", "short", "long")
EYES: Mapping[str, Colour] = {"dark": (40, 28, 22), "blue": (40, 110, 230), "green": (30, 150, 70)}
EXPRESSIONS: Mapping[str, float] = {"smiling": 0.55, "sad": -0.5}  # how far the middle of the mouth hangs down

IDENTITY: Mapping[str, tuple[str, ...]] = {
    "skin": tuple(SKINS),
    "hair": tuple(HAIRS),
    "style": STYLES,
    "eyes": tuple(EYES),
    "glasses": ("no", "yes"),
    "beard": ("no", "yes"),
}

# Units: half the distance of the eyes, which lie at (-1, 0) and (1, 0). The proportions are ArcFace's template.
KEYPOINTS: Sequence[Point] = ((-1, 0), (1, 0), (0, 1.14), (-0.83, 2.31), (0.83, 2.31))


@dataclass(frozen=True)
class Identity:
    """What stays the same in every picture of one person."""

    skin: str
    hair: str
    style: str
    eyes: str
    glasses: str
    beard: str
    width: float  # of the head, 1 is ordinary


@dataclass(frozen=True)
class Pose:
    """Where the face is and how it is held, its expression and what is behind it."""

    centre: Point  # between the eyes, pixels
    unit: float  # pixels
    roll: float  # radians
    yaw: float  # -1..1
    expression: str
    background: str


def any_identity(random: numpy.random.Generator) -> Identity:
    """An identity with every attribute drawn at random."""
    names = {name: str(random.choice(values)) for name, values in IDENTITY.items()}
    return Identity(**names, width=float(random.uniform(0.88, 1.12)))


def any_pose(random: numpy.random.Generator) -> Pose:
    """A pose in which the whole head is in the picture."""
    unit = float(random.uniform(5.6, 7.2))
    room = (7.6 - unit) * 3 + 1.5
    return Pose(
        centre=(SIDE / 2 + float(random.uniform(-room, room)), SIDE * 0.42 + float(random.uniform(-room, room)) * 0.8),
        unit=unit,
        roll=float(random.uniform(-0.45, 0.45)),
        yaw=float(random.uniform(-1, 1)),
        expression=str(random.choice(tuple(EXPRESSIONS))),
        background=str(random.choice(tuple(BACKGROUNDS))),
    )


def caption_face(pose: Pose, told: frozenset[str] = frozenset({"expression", "background"})) -> str:
    """The caption: "a smiling face, white background"; it never tells the identity."""
    text = f"a {pose.expression} face" if "expression" in told else "a face"
    return f"{text}, {pose.background} background" if "background" in told else text


def keypoints(pose: Pose) -> ndarray:
    """The five keypoints (5, 2) in pixels, x then y, in the order of InsightFace."""
    return numpy.array([_place(pose, _turned(pose, point, depth=i == 2)) for i, point in enumerate(KEYPOINTS)])


def draw_face(identity: Identity, pose: Pose) -> ndarray:
    """The picture, (SIDE, SIDE, 3), 8 bit."""
    brush = _Brush(pose)
    skin, hair = SKINS[identity.skin], HAIRS[identity.hair]
    wide = 2.35 * identity.width
    if identity.style == "long":
        brush.ellipse((0, 1.3), (wide + 0.75, 3.6), hair)
    brush.ellipse((0, 0.75), (wide, 3.1), skin)
    if identity.style != "bald":
        brush.arch(wide + 0.2, -0.75, hair)
    if identity.beard == "yes":
        brush.beard(wide, hair)
    for side in (-1, 1):
        brush.ellipse((side, 0), (0.62, 0.46), (255, 255, 255), moves=True)
        brush.ellipse((side, 0), (0.36, 0.4), EYES[identity.eyes], moves=True)
        if identity.glasses == "yes":
            brush.ring((side, 0), 0.85, (20, 20, 24))
    if identity.glasses == "yes":
        brush.line([(-0.2, 0), (0.2, 0)], 0.24, (20, 20, 24))
    brush.line([(0, 0.5), (0, 1.14)], 0.34, _darker(skin), depth=True)
    hang = EXPRESSIONS[pose.expression]
    mouth = [(x, 2.31 + hang * (1 - (x / 0.83) ** 2)) for x in numpy.linspace(-0.83, 0.83, 9)]
    brush.line(mouth, 0.36, (190, 40, 60))
    return brush.picture()


def _darker(colour: Colour) -> Colour:
    red, green, blue = (int(0.68 * part) for part in colour)
    return red, green, blue


def _turned(pose: Pose, point: Point, depth: bool = False) -> Point:
    """A point of the front of the face after the head has turned sideways; the nose stands out further."""
    return point[0] * (1 - 0.12 * abs(pose.yaw)) + pose.yaw * (0.75 if depth else 0.5), point[1]


def _place(pose: Pose, point: Point) -> Point:
    sine, cosine = math.sin(pose.roll), math.cos(pose.roll)
    x, y = point[0] * pose.unit, point[1] * pose.unit
    return pose.centre[0] + cosine * x - sine * y, pose.centre[1] + sine * x + cosine * y


class _Brush:
    """Draws in the units of a face onto a finer canvas."""

    def __init__(self, pose: Pose) -> None:
        self.pose = pose
        self.canvas = Image.new("RGB", (SIDE * FINE, SIDE * FINE), BACKGROUNDS[pose.background])
        self.draw = ImageDraw.Draw(self.canvas)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        self.draw.polygon([tuple(FINE * c for c in _place(self.pose, point)) for point in points], fill=colour)

    def ellipse(self, centre: Point, radii: Point, colour: Colour, moves: bool = False) -> None:
        centre = _turned(self.pose, centre) if moves else centre
        angles = numpy.linspace(0, 2 * math.pi, 40, endpoint=False)
        self.polygon([(centre[0] + radii[0] * math.cos(a), centre[1] + radii[1] * math.sin(a)) for a in angles], colour)

    def ring(self, centre: Point, radius: float, colour: Colour) -> None:
        angles = numpy.linspace(0, 2 * math.pi, 25)
        self.line([(centre[0] + radius * math.cos(a), radius * math.sin(a)) for a in angles], 0.24, colour)

    def arch(self, wide: float, lowest: float, colour: Colour) -> None:
        """Hair over the head down to `lowest`, with a parting that the head's turn moves."""
        angles = numpy.linspace(math.pi, 2 * math.pi, 24)
        outer = [(wide * math.cos(a), 0.3 + 2.9 * math.sin(a)) for a in angles]
        inner = [(x * 0.9 + 0.3 * self.pose.yaw, lowest - 0.5 * (1 - abs(x) / wide)) for x in (wide, 0, -wide)]
        self.polygon([*outer, *inner], colour)

    def beard(self, wide: float, colour: Colour) -> None:
        angles = numpy.linspace(0.12, math.pi - 0.12, 24)
        outer = [(wide * math.cos(a), 0.75 + 3.15 * math.sin(a)) for a in angles]
        shift = 0.5 * self.pose.yaw
        self.polygon([*outer, (-1.2 + shift, 1.75), (1.2 + shift, 1.75)], colour)
        self.ellipse((shift, 2.4), (1.0, 0.6), SKINS["pale"] if colour[0] < 60 else (70, 35, 35))

    def line(self, points: Sequence[Point], width: float, colour: Colour, depth: bool = False) -> None:
        placed = [_place(self.pose, _turned(self.pose, point, depth)) for point in points]
        thick = max(1, round(width * self.pose.unit * FINE))
        fine = [(FINE * x, FINE * y) for x, y in placed]
        self.draw.line(fine, fill=colour, width=thick, joint="curve")
        for x, y in (fine[0], fine[-1]):
            self.draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=colour)

    def picture(self) -> ndarray:
        return numpy.asarray(self.canvas.reduce(FINE))
