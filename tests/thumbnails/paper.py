"""What goes in and what comes out -> a thumbnail: pictures, words, files, heads and bars, with an arrow between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageColor, ImageDraw, ImageFont

SIZE = (640, 480)
FINE = 2  # drawn this much larger, then averaged
GROUND, CARD, INK, SOFT, ARROW = "#16171b", "#24262c", "#f2f2f0", "#9a9ba0", "#f0922b"
POINTS = ("#ff5a5a", "#59e07a", "#5f8dff", "#ffe14d", "#ff6bf0")
"""The colours in which InstantID's five points are drawn, on a dark ground."""
MARGIN, GAP, ROUND = 26, 16, 14
MIDDLE = (236, 300)  # pixels from the left between which the arrow stands


@dataclass(frozen=True)
class Picture:
    """A drawn or made picture; `word` stands in its corner."""

    image: Image.Image
    word: str = ""

    def onto(self, pen: Pen, box: Sequence[int]) -> None:
        pen.picture(self.image, box)
        if self.word:
            pen.chip(self.word, (box[0] + 8, box[3] - 40))


@dataclass(frozen=True)
class Text:
    """A prompt."""

    words: str

    def onto(self, pen: Pen, box: Sequence[int]) -> None:
        pen.card(box)
        pen.words(f"\N{LEFT DOUBLE QUOTATION MARK}{self.words}\N{RIGHT DOUBLE QUOTATION MARK}", box, 30)


@dataclass(frozen=True)
class File:
    """A file."""

    name: str

    def onto(self, pen: Pen, box: Sequence[int]) -> None:
        x, y, right, bottom = box
        wide, high = min(right - x, 190), min(bottom - y, 230)
        left, top, fold = (x + right - wide) // 2, (y + bottom - high) // 2, 46
        corner = (left + wide - fold, top, left + wide, top + fold)
        pen.polygon([(left, top), corner[:2], corner[2:], (left + wide, top + high), (left, top + high)], CARD, SOFT)
        pen.polygon([corner[:2], corner[2:], (corner[0], corner[3])], SOFT, SOFT)
        pen.words(self.name, (left, top + fold, left + wide, top + high), 27)


@dataclass(frozen=True)
class Head:
    """A head with its five points, turned by yaw, pitch and roll, in the colour of its person."""

    turn: tuple[float, float, float]
    colour: tuple[int, int, int]
    ground: str = "#2c3350"

    def onto(self, pen: Pen, box: Sequence[int]) -> None:
        from pack.face.head_poses import turned_head

        x, y, right, bottom = box
        pen.card(box, self.ground)
        unit = min(right - x, bottom - y) / 4.3
        middle = ((x + right) / 2, (y + bottom) / 2 - 0.1 * unit)
        pen.head(middle, unit, self.turn[2], self.colour)
        points = [(middle[0] + unit * a, middle[1] + unit * b) for a, b in turned_head(*self.turn)]
        pen.points(points, max(4.0, unit / 9))


@dataclass(frozen=True)
class Bar:
    """How alike two faces are, as Face Similarity shows it."""

    value: float

    def onto(self, pen: Pen, box: Sequence[int]) -> None:
        x, y, right, bottom = box
        middle = (y + bottom) // 2
        pen.words(f"{self.value:.2f}", (x, middle - 110, right, middle - 20), 58)
        pen.card((x, middle, right, middle + 34), CARD)
        pen.card((x, middle, x + round((right - x) * self.value), middle + 34), "#3fae6a")
        pen.words("the same person", (x, middle + 44, right, middle + 90), 25)


@dataclass(frozen=True)
class Cells:
    """How strongly a reference acts, 0 to 1: a row for each block, a column for each step."""

    factors: Sequence[Sequence[float]]

    def onto(self, pen: Pen, box: Sequence[int]) -> None:
        x, y, right, bottom = box
        wide, high = (right - x) / len(self.factors[0]), (bottom - y - 40) / len(self.factors)
        for row, line in enumerate(self.factors):
            for column, factor in enumerate(line):
                left, top = x + column * wide, y + row * high
                pen.cell((left + 1, top + 1, left + wide - 1, top + high - 1), factor)
        pen.words("blocks by steps", (x, bottom - 36, right, bottom), 25)


Part = Picture | Text | File | Head | Bar | Cells


@dataclass(frozen=True)
class Thumbnail:
    """Parts that go in, one below the other, and parts that come out, in `columns`."""

    goes_in: Sequence[Part]
    comes_out: Sequence[Part]
    columns: int = 1

    def drawn(self) -> Image.Image:
        pen = Pen()
        for part, box in zip(
            self.goes_in, _grid((MARGIN, MARGIN, MIDDLE[0], SIZE[1] - MARGIN), len(self.goes_in), 1), strict=True
        ):
            part.onto(pen, box)
        pen.arrow()
        right = (MIDDLE[1], MARGIN, SIZE[0] - MARGIN, SIZE[1] - MARGIN)
        for part, box in zip(self.comes_out, _grid(right, len(self.comes_out), self.columns), strict=True):
            part.onto(pen, box)
        return pen.picture_of_all()


def _grid(room: Sequence[int], count: int, columns: int) -> list[tuple[int, int, int, int]]:
    """Equal places for so many parts, row by row, in the middle of the room; as high as wide at most."""
    rows = math.ceil(count / columns)
    wide = (room[2] - room[0] - GAP * (columns - 1)) // columns
    high = min((room[3] - room[1] - GAP * (rows - 1)) // rows, wide)
    top = room[1] + (room[3] - room[1] - rows * high - GAP * (rows - 1)) // 2
    places = ((number % columns, number // columns) for number in range(count))
    return [
        (x, y, x + wide, y + high)
        for column, row in places
        for x, y in ((room[0] + column * (wide + GAP), top + row * (high + GAP)),)
    ]


class Pen:
    """Draws on one thumbnail; places are pixels of the thumbnail."""

    def __init__(self) -> None:
        self.image = Image.new("RGB", (SIZE[0] * FINE, SIZE[1] * FINE), GROUND)
        self.draw = ImageDraw.Draw(self.image)

    def card(self, box: Sequence[float], colour: str = CARD) -> None:
        self.draw.rounded_rectangle([FINE * v for v in box], FINE * ROUND, colour)

    def cell(self, box: Sequence[float], factor: float) -> None:
        low, high = (ImageColor.getrgb(colour) for colour in (CARD, ARROW))
        mixed = tuple(round(a + (b - a) * factor) for a, b in zip(low, high, strict=True))
        self.draw.rectangle([FINE * v for v in box], mixed)

    def polygon(self, points: Sequence[Sequence[float]], colour: str, line: str) -> None:
        self.draw.polygon([(FINE * x, FINE * y) for x, y in points], colour, line, 2 * FINE)

    def picture(self, image: Image.Image, box: Sequence[int]) -> None:
        """The picture in the middle of the box, whole."""
        wide, high = FINE * (box[2] - box[0]), FINE * (box[3] - box[1])
        ratio = min(wide / image.width, high / image.height)
        size = round(image.width * ratio), round(image.height * ratio)
        mask = Image.new("L", size)
        ImageDraw.Draw(mask).rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), FINE * ROUND, 255)
        place = (FINE * box[0] + (wide - size[0]) // 2, FINE * box[1] + (high - size[1]) // 2)
        self.image.paste(image.convert("RGB").resize(size, Image.Resampling.LANCZOS), place, mask)

    def words(self, words: str, box: Sequence[float], size: int) -> None:
        """Words in the middle of a box, in as many lines as they need."""
        font, wide = ImageFont.load_default(size * FINE), FINE * (box[2] - box[0] - 16)
        lines = [""]
        for word in words.split():
            longer = f"{lines[-1]} {word}".strip()
            lines = [*lines[:-1], longer] if font.getlength(longer) <= wide or not lines[-1] else [*lines, word]
        middle = FINE * (box[0] + box[2]) / 2, FINE * (box[1] + box[3]) / 2
        self.draw.multiline_text(middle, "\n".join(lines), INK, font, "mm", align="center")

    def chip(self, word: str, corner: Sequence[int]) -> None:
        font = ImageFont.load_default(22 * FINE)
        wide = font.getlength(word) / FINE + 20
        self.card((*corner, corner[0] + wide, corner[1] + 32), GROUND)
        self.draw.text((FINE * (corner[0] + 10), FINE * (corner[1] + 16)), word, INK, font, "lm")

    def head(self, middle: Sequence[float], unit: float, roll: float, colour: tuple[int, int, int]) -> None:
        """An oval around the points, pale within."""
        turn = math.radians(roll)
        oval = [
            (1.55 * unit * math.cos(t), 1.95 * unit * math.sin(t) - 0.1 * unit)
            for t in (2 * math.pi * step / 72 for step in range(72))
        ]
        about = [
            (middle[0] + x * math.cos(turn) - y * math.sin(turn), middle[1] + x * math.sin(turn) + y * math.cos(turn))
            for x, y in oval
        ]
        pale = "#" + "".join(f"{round(0.45 * each):02x}" for each in colour)
        self.polygon(about, pale, "#" + "".join(f"{each:02x}" for each in colour))

    def points(self, points: Sequence[tuple[float, float]], radius: float) -> None:
        """InstantID's five points, with a limb from each to the nose."""
        nose = points[2]
        for place, colour in zip(points, POINTS, strict=True):
            self.draw.line([(FINE * x, FINE * y) for x, y in (place, nose)], colour, round(FINE * radius * 0.8))
        for (x, y), colour in zip(points, POINTS, strict=True):
            self.draw.ellipse([FINE * v for v in (x - radius, y - radius, x + radius, y + radius)], colour)

    def arrow(self) -> None:
        left, right, y = MIDDLE[0] + 14, MIDDLE[1] - 14, SIZE[1] / 2
        self.polygon([(left, y - 20), (right, y), (left, y + 20)], ARROW, ARROW)

    def picture_of_all(self) -> Image.Image:
        return self.image.resize(SIZE, Image.Resampling.LANCZOS)
