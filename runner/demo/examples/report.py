"""The drawn examples -> the tiles of the sheet, and what is said in the terminal."""

from collections.abc import Iterator, Mapping, Sequence

from PIL import Image

from ..measure import is_identical, moved
from ..sheet import Header, Section, Tile, contact_sheet
from .drawing import PLAIN, WEIGHED, Drawn
from .prompts import PHOTOGRAPHS

SHEET = "contact-sheet.png"
COLUMNS = 6
ZERO = "0"
FOOTER = (
    "In the corner: the first photograph. Every prompt is one of example_workflows/api; files were chosen by Load by "
    "Preset, by their contents.",
    "Moved: mean absolute difference of the decoded pixels from the plain model, in grey levels of 255.",
)


def unequal(drawn: Drawn) -> bool:
    """Whether weight 0 is not bit for bit the plain model."""
    return bool(drawn.weights) and not is_identical(drawn.weights[ZERO], drawn.weights[PLAIN])


def told(drawn: Drawn) -> list[str]:
    """What is said of the drawing: how far each weight moved the picture, and what was left out."""
    weights = [_weight(name, drawn) for name in drawn.weights]
    return [*(f"  {title:<16} {note}" for title, note, _ in weights), *left_out(drawn)]


def left_out(drawn: Drawn) -> list[str]:
    """A line for each example that could not run."""
    return [f"Left out: {name}. {reason}" for name, reason in drawn.left_out.items()]


def _weight(name: str, drawn: Drawn) -> tuple[str, str, str]:
    """Title, note and tone of one weight."""
    picture, other = drawn.weights[name], drawn.weights[PLAIN]
    if name == PLAIN:
        return "Plain model", "no node of the pack", ""
    same = is_identical(picture, other)
    if name == ZERO:
        return "Weight 0", "bit-identical to the plain model" if same else "DIFFERS", "good" if same else "bad"
    return f"Weight {name}", f"moved {moved(picture, other):.1f} of 255", "bad" if same else ""


def sheet_of(drawn: Drawn, checkpoints: Mapping[str, str], photos: Mapping[str, Image.Image]) -> Image.Image:
    """The contact sheet."""
    lines = (f"{' and '.join(checkpoints.values())}", "photographs of the Solvay conference of 1927 and of a president")
    header = Header("Likeness: the example workflows on your models", lines, "")
    return contact_sheet(header, list(_rows(list(_sections(drawn, photos)))), (*FOOTER, *left_out(drawn)))


def _sections(drawn: Drawn, photos: Mapping[str, Image.Image]) -> Iterator[Section]:
    if drawn.weights:
        tiles = [Tile(drawn.weights[name], *_weight(name, drawn)) for name in drawn.weights]
        yield Section(f"{WEIGHED}: how strongly the reference steers", [Tile(photos["a"], "Reference", ""), *tiles])
    for name, pictures in drawn.pictures.items():
        shown = photos[PHOTOGRAPHS.get(name, ("a",))[0]]
        yield Section(name, [Tile(picture, "", "", inset=shown) for picture in pictures[:3]])


def _rows(sections: Sequence[Section]) -> Iterator[list[Section]]:
    """As many sections beside each other as there is room for."""
    row: list[Section] = []
    for section in sections:
        if row and sum(each.columns for each in (*row, section)) > COLUMNS:
            yield row
            row = []
        row.append(section)
    if row:
        yield row
