"""Draws a person's head from its parts: which part each pixel shows, in which colour, and how it is turned to the light."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy
from numpy import ndarray

from .head import Hit, Pose, Rays
from .identity import EYES, FACES, HAIRS, SKINS, Colour, Identity

EXPRESSIONS = ("smiling", "serious", "surprised")
WHITE, BLACK, LIP = (250, 250, 248), (26, 22, 26), (186, 58, 70)
FRAME = (24, 24, 30)
NAPE = (0.0, 1.0, -1.1)
"""Where the neck begins."""
FAR, BEHIND = -50.0, -20.0
"""How near the ground is, and the body: behind every part of a head."""

Point = tuple[float, float, float]


@dataclass
class Drawing:
    """A picture while it is drawn, `fine` times as large: the colour, the part and the normal of every pixel."""

    colour: ndarray  # (H, W, 3) float32, 0..255
    part: ndarray  # (H, W) uint8
    near: ndarray  # (H, W): how near what is seen is, in distances of the eyes
    normal: ndarray  # (3, H, W) in the picture's directions
    names: list[str] = field(default_factory=lambda: ["background"])

    def paint(self, name: str, where: ndarray, colour: Colour) -> None:
        """Give these pixels a colour and a part's name, where they are as near as they were."""
        if name not in self.names:
            self.names.append(name)
        self.part[where] = self.names.index(name)
        self.colour[where] = colour


class Head:
    """The head of one person in one pose."""

    def __init__(self, who: Identity, pose: Pose, expression: str, side: int, fine: int, ground: Colour) -> None:
        self.who, self.expression = who, expression
        self.rays = Rays(pose, side, fine)
        self.wide, self.jaw = FACES[who.face]
        self.skin, self.hair = SKINS[who.skin], HAIRS[who.hair]
        size = (side * fine, side * fine)
        self.drawing = Drawing(
            numpy.full((*size, 3), ground, numpy.float32),
            numpy.zeros(size, numpy.uint8),
            numpy.full(size, FAR, numpy.float32),
            numpy.zeros((3, *size), numpy.float32),
        )

    def drawn(self, shirt: Colour) -> Drawing:
        """All parts, the nearest of which is seen."""
        self._body(shirt)
        self._hair_behind()
        for side in (-1, 1):
            self._solid("ear", (side * 1.24 * self.wide, 0.3, -1.2), (0.17, 0.34, 0.24), self.skin)
        skull = self._solid("skin", (0, -0.05, -1.15), (1.25 * self.wide, 1.36, 1.3), self.skin)
        length = 1.04 + self.who.chin
        jaw = self._solid("skin", (0, 0.85, -0.75), (0.98 * self.jaw, length, 0.98), self.skin)
        face = self._nearest(skull, jaw)
        self._beard(length)
        self._features(face)
        nose = self._solid("nose", (0, 0.42, 0.18), (0.17 * self.who.nose, 0.36, 0.33), _darker(self.skin, 0.93))
        self._on("nostrils", nose, nose.point[1] > 0.62, _darker(self.skin, 0.74))
        self._hair()
        self._glasses()
        return self.drawing

    # Solids

    def _solid(
        self,
        name: str,
        centre: Point,
        radii: Point,
        colour: Colour,
        where: ndarray | None = None,
        hit: Hit | None = None,
    ) -> Hit:
        """An ellipsoid, or what `where` leaves of it; what rays meet of the whole."""
        met = hit or self.rays.ellipsoid(centre, radii)
        seen = met.there & (met.near > self.drawing.near)
        if where is not None:
            seen &= where
        self.drawing.near[seen] = met.near[seen]
        size = numpy.array(radii, numpy.float32)[:, None]
        outwards = (met.point[:, seen] - numpy.array(centre, numpy.float32)[:, None]) / size**2
        outwards /= numpy.linalg.norm(outwards, axis=0, keepdims=True)
        self.drawing.normal[:, seen] = self.rays.turn @ outwards
        self.drawing.paint(name, seen, colour)
        return met

    def _nearest(self, *hits: Hit) -> Hit:
        first, second = hits
        nearer = first.near >= second.near
        return Hit(numpy.where(nearer, first.near, second.near), numpy.where(nearer, first.point, second.point))

    def _on(self, name: str, hit: Hit, where: ndarray, colour: Colour, lift: float = 0.02) -> None:
        """Paint part of a surface that is seen, or is no further behind than `lift`."""
        self.drawing.paint(name, where & hit.there & (hit.near > self.drawing.near - lift), colour)

    # Parts

    def _body(self, shirt: Colour) -> None:
        """Neck and shoulders, which stay upright under the head: they are behind whatever the head has there."""
        right, down = self.rays.flat
        nape, low = self.rays.seen(NAPE)
        neck = (numpy.abs(right - nape) < 0.68) & (down > low)
        middle = nape / 2
        round_ = ((right - middle) / 2.4) ** 2 + ((numpy.minimum(down, 3.2) - 3.2) / 1.75) ** 2 < 1
        collar = ((right - nape) / 0.84) ** 2 + ((down - 1.5) / 0.5) ** 2 < 1
        self.drawing.paint("neck", neck, _darker(self.skin, 0.84))
        self.drawing.paint("shirt", round_ & ~(collar & neck), shirt)
        self.drawing.near[neck | round_] = BEHIND
        self.drawing.normal[2][neck | round_] = 1

    def _features(self, face: Hit) -> None:
        x, y, z = face.point
        front = z > -0.7
        for fx, fy in self.who.freckles:
            self._on("freckles", face, front & ((x - fx) ** 2 + (y - fy) ** 2 < 0.05**2), _darker(self.skin, 0.68))
        size = self.who.eye
        wide_open = 1.22 if self.expression == "surprised" else 1.0
        brow_colour = _darker(self.hair if self.who.cut != "bald" else (70, 50, 40), 0.72)
        for side in (-1, 1):
            across = x - side * 0.5
            open_ = (across / (0.3 * size)) ** 2 + (y / (0.2 * size * wide_open)) ** 2
            self._on("eye", face, front & (open_ < 1), WHITE)
            self._on("iris", face, front & (open_ < 1) & (across**2 + y**2 < (0.165 * size) ** 2), EYES[self.who.eyes])
            self._on("pupil", face, front & (open_ < 1) & (across**2 + y**2 < (0.08 * size) ** 2), BLACK)
            self._on("lid", face, front & (open_ > 0.92) & (open_ < 1.35) & (y < -0.02), BLACK)
            outer = across * side / 0.34
            bent = -0.4 - 0.04 * wide_open + 0.09 * outer**2 - self.who.frown * outer
            lifted = bent - (0.1 if self.expression == "surprised" else 0)
            thick = 0.062 * self.who.brow * numpy.sqrt(numpy.maximum(0, 1 - outer**4))
            self._on("brow", face, front & (numpy.abs(outer) < 1) & (numpy.abs(y - lifted) < thick), brow_colour)
        self._mouth(face, front)

    def _mouth(self, face: Hit, front: ndarray) -> None:
        x, y, _ = face.point
        lips, ends = 0.075 * self.who.lips, x / 0.43
        inside = numpy.abs(ends) < 1
        if self.expression == "surprised":
            far = (x / 0.3) ** 2 + ((y - 1.2) / 0.27) ** 2
            self._on("lips", face, front & (far < 1), LIP)
            self._on(
                "mouth", face, front & ((x / 0.3) ** 2 + ((y - 1.2) / 0.27) ** 2 < (1 - 2.2 * lips) ** 2), (92, 24, 34)
            )
            return
        hang = {"smiling": 0.27, "serious": -0.07}[self.expression]
        curve = 1.155 + hang * (1 - ends**2)
        if self.expression == "smiling":
            teeth = inside & (y > 1.155 - 0.02) & (y < curve)
            self._on("teeth", face, front & teeth, WHITE)
            self._on("lips", face, front & inside & (numpy.abs(y - 1.135) < 0.045), LIP)
        thick = lips * numpy.sqrt(numpy.maximum(0, 1 - ends**2)) + 0.03
        self._on("lips", face, front & (numpy.abs(ends) < 1.05) & (numpy.abs(y - curve) < thick), LIP)

    def _beard(self, length: float) -> None:
        kind = self.who.beard
        if kind == "none":
            return
        colour = self.hair if self.who.cut != "bald" else (84, 58, 42)
        centre, radii = (0.0, 0.85, -0.75), (0.98 * self.jaw * 1.05, length * 1.06, 1.06)
        hit = self.rays.ellipsoid(centre, radii)
        x, y, z = hit.point
        lip = (numpy.abs(x) < 0.6) & (numpy.abs(y - 0.9 - 0.12 * (x / 0.6) ** 2) < 0.13) & (z > -0.6)
        chin = (numpy.abs(x) < 0.42) & (y > 1.5) & (z > -0.6)
        cheeks = (y > 0.8 + 0.75 * (1 - numpy.minimum(1, numpy.abs(x) / 0.75)) ** 0.7) & (z > -1.25)
        around = (x / 0.52) ** 2 + ((y - 1.2) / 0.3) ** 2 > 1
        where = {"moustache": lip, "goatee": chin, "full": (cheeks | chin | lip) & around}[kind]
        self._solid("beard", centre, radii, colour, where, hit)

    def _hair_behind(self) -> None:
        """What hangs down behind the head."""
        if self.who.cut == "long":
            self._solid("hair", (0, 1.05, -1.45), (1.5 * self.wide, 2.15, 0.75), self.hair)
        if self.who.cut == "bun":
            self._solid("bun", (0, -1.62, -1.35), (0.6, 0.52, 0.6), self.hair)
        if self.who.cut == "curls":
            for x, y, z in CURLS:
                self._solid("hair", (x * self.wide, y, z), (0.5, 0.5, 0.5), self.hair)

    def _hair(self) -> None:
        """What lies on the skull."""
        cut = self.who.cut
        if cut == "bald":
            return
        if cut == "crest":
            for z in (0.0, -0.45, -0.9, -1.35, -1.8, -2.2):
                high = -1.52 + 0.22 * (z + 1.0) ** 2
                self._solid("hair", (0, high, z - 0.1), (0.27, 0.55, 0.42), self.hair)
            return
        thick = {"short": 1.05, "parted": 1.12, "fringe": 1.12, "long": 1.1, "curls": 1.08, "bun": 1.05}[cut]
        centre, radii = (0.0, -0.07, -1.17), (1.25 * self.wide * thick, 1.36 * thick, 1.3 * thick)
        hit = self.rays.ellipsoid(centre, radii)
        x, y, z = hit.point
        side = numpy.abs(x) / self.wide
        front = {
            "short": -0.78 + 0.12 * side,
            "parted": -0.86 + 0.42 * numpy.abs(x + 0.55),
            "fringe": -0.5 + 0.05 * side,
            "long": -1.0 + 0.62 * side**1.6,
            "curls": -0.8 + 0.2 * side,
            "bun": -0.92 + 0.3 * side,
        }[cut]
        low = {"short": 0.1, "parted": 0.35, "fringe": 1.15, "long": 1.6, "curls": 0.45, "bun": 0.0}[cut]
        ends = {"fringe": -0.55, "long": -0.55}.get(cut, -0.95)  # how far to the front the sides come
        nape = 1.2 if cut in ("fringe", "long") else 0.75
        where = numpy.where(z > ends, y < front, numpy.where(z > -1.6, y < low, y < nape))
        self._solid("hair", centre, radii, self.hair, where, hit)

    def _glasses(self) -> None:
        if self.who.glasses == "none":
            return
        lens = self.rays.plane(2, 0.3)
        x, y, _ = lens.point
        rim = numpy.zeros(x.shape, bool)
        for side in (-1, 1):
            across, down = numpy.abs(x - side * 0.5), numpy.abs(y - 0.04)
            if self.who.glasses == "round":
                far = numpy.hypot(across, down)
                rim |= numpy.abs(far - 0.41) < 0.05
            else:
                inside = (across < 0.42) & (down < 0.31)
                rim |= inside & ~((across < 0.33) & (down < 0.22))
        rim |= (numpy.abs(x) < 0.1) & (numpy.abs(y) < 0.045)
        if self.rays.way[2] > 0.2:
            self._flat("glasses", lens, rim)
        for side in (-1, 1):
            arm = self.rays.plane(0, side * 1.29 * self.wide)
            _, y, z = arm.point
            self._flat("glasses", arm, (numpy.abs(y + 0.03) < 0.045) & (z > -1.2) & (z < 0.2))

    def _flat(self, name: str, hit: Hit, where: ndarray) -> None:
        seen = where & (hit.near > self.drawing.near - 0.1)
        self.drawing.near[seen] = hit.near[seen]
        self.drawing.paint(name, seen, FRAME)


def _curls() -> Sequence[Point]:
    """Balls of hair over the back and the top of the skull."""
    made = []
    for ring, (high, count) in enumerate(((-1.15, 7), (-0.75, 10), (-0.2, 10), (0.35, 9))):
        around = 1.1 * numpy.sqrt(max(0.05, 1 - (high / 1.5) ** 2))
        for i in range(count):
            angle = 2 * numpy.pi * (i + 0.5 * (ring % 2)) / count
            x, z = around * 1.12 * numpy.sin(angle), around * 1.15 * numpy.cos(angle) - 1.15
            if high < -1.0 or z < (-0.35 if high < -0.6 else -1.0):
                made.append((float(x), high, float(z)))
    return tuple(made)


CURLS = _curls()


def _darker(colour: Colour, share: float) -> Colour:
    red, green, blue = (int(share * part) for part in colour)
    return red, green, blue
