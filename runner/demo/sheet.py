"""Lays labelled pictures out on one sheet: sections with headings over a grid of tiles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

PICTURE = 300
GAP = 24
MARGIN = 56
INSET = 76
LABEL = 84
HEADING = 92
ROW = HEADING + PICTURE + LABEL
SMALLEST = 14  # points

PAPER = "#faf9f6"
INK = "#1c1c1e"
SOFT = "#6b6a67"
LINE = "#dedbd4"
TONES = {"": SOFT, "good": "#1d7a46", "bad": "#b3261e"}
NOTICE_PAPER = "#fdf0d5"
NOTICE_INK = "#7a4b00"


@dataclass(frozen=True)
class Tile:
    """A picture with its title and a note; `tone` colours the note, `inset` is shown small under the picture.

    A picture twice as wide as high takes the room of two.
    """

    picture: Image.Image
    title: str
    note: str
    tone: str = ""
    inset: Image.Image | None = None

    @property
    def columns(self) -> int:
        return max(1, round(self.picture.width / self.picture.height))

    @property
    def room(self) -> int:
        """Its width on the sheet in pixels."""
        return self.columns * (PICTURE + GAP) - GAP


@dataclass(frozen=True)
class Section:
    """Tiles that stand side by side under one heading, and what is said to it in smaller words."""

    heading: str
    tiles: Sequence[Tile]
    says: str = ""

    @property
    def columns(self) -> int:
        return sum(tile.columns for tile in self.tiles)


@dataclass(frozen=True)
class Header:
    """What stands above the tiles; an empty caption leaves its strip out."""

    title: str
    lines: Sequence[str]
    caption: str

    @property
    def height(self) -> int:
        return 52 + 28 * len(self.lines) + (64 if self.caption else 0)


@dataclass(frozen=True)
class Place:
    """The upper left corner of a tile's picture, in pixels."""

    x: int
    y: int


def places(rows: Sequence[Sequence[Section]], top: int) -> Iterator[tuple[Section, list[Place]]]:
    """Where the tiles of each section go when the first row starts at `top`."""
    for number, row in enumerate(rows):
        y = top + number * (ROW + GAP) + HEADING
        x = MARGIN
        for section in row:
            corners = []
            for tile in section.tiles:
                corners.append(Place(x, y))
                x += tile.room + GAP
            yield section, corners


def size(rows: Sequence[Sequence[Section]], header: Header, footer_lines: int) -> tuple[int, int]:
    """Width and height of the sheet in pixels."""
    columns = max(sum(section.columns for section in row) for row in rows)
    height = MARGIN + header.height + len(rows) * (ROW + GAP) + footer_lines * 26 + MARGIN
    return 2 * MARGIN + columns * (PICTURE + GAP) - GAP, height


def contact_sheet(header: Header, rows: Sequence[Sequence[Section]], footer: Sequence[str]) -> Image.Image:
    """The sheet as an RGB picture."""
    sheet = Image.new("RGB", size(rows, header, len(footer)), PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_header(draw, header, sheet.width)
    for section, corners in places(rows, MARGIN + header.height):
        right = corners[-1].x + section.tiles[-1].room
        _draw_heading(draw, section, corners[0], right)
        for tile, corner in zip(section.tiles, corners, strict=True):
            _draw_tile(sheet, draw, tile, corner)
    for number, line in enumerate(reversed(footer), start=1):
        _text(draw, (MARGIN, sheet.height - MARGIN + 10 - 26 * number), line, 17, SOFT, sheet.width - 2 * MARGIN)
    return sheet


def _draw_header(draw: ImageDraw.ImageDraw, header: Header, width: int) -> None:
    room = width - 2 * MARGIN
    _text(draw, (MARGIN, MARGIN - 12), header.title, 38, INK, room)
    y = MARGIN + 42
    for line in header.lines:
        _text(draw, (MARGIN, y), line, 19, SOFT, room)
        y += 28
    if header.caption:
        box = (MARGIN, y + 8, width - MARGIN, y + 52)
        draw.rounded_rectangle(box, radius=8, fill=NOTICE_PAPER)
        _text(draw, (MARGIN + 18, y + 18), header.caption, 20, NOTICE_INK, room - 36)


def _draw_heading(draw: ImageDraw.ImageDraw, section: Section, first: Place, right: int) -> None:
    left, y = first.x, first.y - HEADING
    draw.line((left, y + 4, right, y + 4), fill=LINE, width=2)
    _text(draw, (left, y + 15), section.heading, 34, INK, right - left)
    _text(draw, (left, y + 58), section.says, 19, SOFT, right - left)


def _draw_tile(sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, corner: Place) -> None:
    picture = tile.picture.convert("RGB").resize((tile.columns * PICTURE, PICTURE), Image.Resampling.LANCZOS)
    sheet.paste(picture, (corner.x, corner.y))
    y, room = corner.y + PICTURE, tile.room
    if tile.inset is not None:
        small = ImageOps.contain(tile.inset.convert("RGB"), (tile.columns * INSET, INSET), Image.Resampling.LANCZOS)
        room -= small.width + GAP // 2
        sheet.paste(small, (corner.x + tile.room - small.width, y + 6))
    draw.rectangle((corner.x - 1, corner.y - 1, corner.x + picture.width, y), outline=LINE)
    _text(draw, (corner.x, y + 9), tile.title, 20, INK, room)
    _text(draw, (corner.x, y + 35), tile.note, 17, TONES[tile.tone], room)


def _text(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, points: int, ink: str, room: int) -> None:
    """Write one line into `room` pixels: smaller if it must be, and cut where it would become illegible."""
    font = ImageFont.load_default(points)
    while font.getlength(text) > room and points > SMALLEST:
        points -= 1
        font = ImageFont.load_default(points)
    if font.getlength(text) > room:
        while font.getlength(text + "...") > room:
            text = text[:-1].rstrip()
        text += "..."
    draw.text(at, text, fill=ink, font=font)
