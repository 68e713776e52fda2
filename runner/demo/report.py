"""Turns the drawn pictures into the tiles of the sheet, with how far each one moved."""

from collections.abc import Mapping, Sequence

from PIL import Image

from .cells import CELLS, Cell
from .job import Job
from .measure import is_identical, moved
from .prompts import SEED
from .sheet import Header, Section, Tile

Pictures = Mapping[str, Image.Image]
BY_NAME = {cell.name: cell for cell in CELLS}

# The rows of the sheet: under each heading the names of cells, or "photo a" for a reference.
ROWS = (
    (
        ("The two references", ("photo a", "photo b")),
        ("Weight 0 is the plain model", ("plain", "weight-0")),
    ),
    (("Weight: how strongly A steers", ("weight-0.25", "weight-0.5", "weight-1.0", "weight-1.5")),),
    (
        ("Text and picture together", ("text-alone", "text-and-image")),
        ("Two references on one model", ("second-reference", "two-references")),
    ),
)
FOOTER = (
    "Plain model: no node of the pack is in the graph. Every picture has the same seed, steps and text, except the "
    "two of 'Text and picture together'.",
    "Moved: mean absolute difference of the decoded pixels, in grey levels of 255.",
)


def unequal(pictures: Pictures) -> list[str]:
    """The titles of pictures that must be bit-identical to the one they are compared with, and are not."""
    must = [cell for cell in CELLS if cell.must_equal]
    return [cell.title for cell in must if not is_identical(pictures[cell.name], pictures[cell.against])]


def note_for(cell: Cell, pictures: Pictures) -> tuple[str, str]:
    """What is written under a picture, and its tone."""
    if not cell.against:
        return ("no node of the pack", "") if cell.name == "plain" else ("the same text without a picture", "")
    picture, other = pictures[cell.name], pictures[cell.against]
    there = f"the {BY_NAME[cell.against].title.lower()}"
    if is_identical(picture, other):
        return f"bit-identical to {there}", "good" if cell.must_equal else "bad"
    distance = f"{moved(picture, other):.1f} of 255"
    if cell.must_equal:
        return f"DIFFERS from {there}: {distance}", "bad"
    if cell.beside:
        return f"moved {distance}; {moved(picture, pictures[cell.beside]):.1f} from A at weight 1", ""
    return f"moved {distance} from {there}", ""


def rows(pictures: Pictures, photos: Pictures) -> list[list[Section]]:
    """The tiles in the order of ROWS."""
    return [[Section(title, [_tile(name, pictures, photos) for name in names]) for title, names in row] for row in ROWS]


def _tile(name: str, pictures: Pictures, photos: Pictures) -> Tile:
    if name.startswith("photo "):
        letter = name.removeprefix("photo ")
        return Tile(photos[letter], f"Reference {letter.upper()}", "a photograph")
    cell = BY_NAME[name]
    note, tone = note_for(cell, pictures)
    return Tile(pictures[name], cell.title, note, tone)


def header(job: Job) -> Header:
    """The head of the sheet."""
    settings = f"{job.pixels} x {job.pixels} pixels, {job.steps} steps, seed {SEED}"
    return Header("Likeness: a picture steers a picture", (job.models_text, settings), job.caption)


def summary(pictures: Pictures) -> Sequence[str]:
    """One line for each compared picture, for the terminal."""
    return [f"  {cell.title:<24} {note_for(cell, pictures)[0]}" for cell in CELLS if cell.against]
