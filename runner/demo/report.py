"""Turns the drawn pictures into the tiles of the sheet, with how far each one moved."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PIL import Image

from .cells import CELLS, IDENTITY_CELLS, Cell
from .identity_prompts import FOUND, POINTS
from .job import Job
from .measure import is_identical, moved
from .prompts import SEED
from .sheet import Header, Section, Tile

Pictures = Mapping[str, Image.Image]
BY_NAME = {cell.name: cell for cell in (*CELLS, *IDENTITY_CELLS)}


@dataclass(frozen=True)
class Drawn:
    """Pictures and texts by the name of their cell; what a node showed on the way is under cell/node."""

    pictures: dict[str, Image.Image]
    texts: dict[str, str]


# The rows of the sheet: under each heading the names of cells, "photo a" for a reference, or a preview. Sections whose
# pictures were not drawn are left out.
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
    (
        ("InstantID: a real photograph, its faces and their points", (f"faces/{FOUND}", "faces")),
        ("InstantID at 0 is the plain model", ("plain-sdxl", "instantid-0")),
    ),
    (
        (
            "One photo, three poses (in the corner: where the points are)",
            ("pose-upright", "pose-tilted", "pose-mirrored"),
        ),
        ("Two people, a region each", ("two-people",)),
    ),
)
FOOTER = (
    "Plain model: no node of the pack is in the graph. Every picture has the same seed, steps and text, except the "
    "two of 'Text and picture together'.",
    "Moved: mean absolute difference of the decoded pixels, in grey levels of 255.",
)
IDENTITY_FOOTER = "A and B are people of one photograph, the Solvay conference of 1927."


def unequal(pictures: Pictures) -> list[str]:
    """The titles of pictures that must be bit-identical to the one they are compared with, and are not."""
    must = [cell for cell in BY_NAME.values() if cell.must_equal and cell.name in pictures]
    return [cell.title for cell in must if not is_identical(pictures[cell.name], pictures[cell.against])]


def note_for(cell: Cell, pictures: Pictures) -> tuple[str, str]:
    """What is written under a picture, and its tone."""
    if not cell.against:
        return cell.note, ""
    picture, other = pictures[cell.name], pictures[cell.against]
    title = BY_NAME[cell.against].title
    there = f"the {title[0].lower()}{title[1:]}"
    if is_identical(picture, other):
        return f"bit-identical to {there}", "good" if cell.must_equal else "bad"
    distance = f"{_grey_levels(moved(picture, other))} of 255"
    if cell.must_equal:
        return f"DIFFERS from {there}: {distance}", "bad"
    if cell.beside:
        second = BY_NAME[cell.beside]
        return (
            f"moved {distance}; {_grey_levels(moved(picture, pictures[second.name]))} from {second.named or second.title}",
            "",
        )
    return f"moved {distance} from {there}", ""


def _grey_levels(distance: float) -> str:
    """With as many digits as it takes to see that it is not 0."""
    return f"{distance:.1f}" if distance >= 0.1 else f"{distance:.2g}"


def rows(drawn: Drawn, photos: Pictures) -> list[list[Section]]:
    """The tiles in the order of ROWS."""
    there = {*drawn.pictures, *(f"photo {letter}" for letter in photos)}
    sections = [
        [Section(title, [_tile(name, drawn, photos) for name in names]) for title, names in row if there >= set(names)]
        for row in ROWS
    ]
    return [row for row in sections if row]


def _tile(name: str, drawn: Drawn, photos: Pictures) -> Tile:
    if name.startswith("photo "):
        letter = name.removeprefix("photo ")
        return Tile(photos[letter], f"Reference {letter.upper()}", "a photograph")
    if name.endswith(f"/{FOUND}"):
        count = re.search(r"\d+ faces?", drawn.texts[name])
        return Tile(drawn.pictures[name], "The photograph", f"{count[0] if count else 'no face'} found")
    cell = BY_NAME[name]
    note, tone = note_for(cell, drawn.pictures)
    inset = drawn.pictures.get(f"{name}/{POINTS}") if cell.against else None
    return Tile(drawn.pictures[name], cell.title, note, tone, inset)


def header(job: Job) -> Header:
    """The head of the sheet."""
    settings = f"{job.pixels} x {job.pixels} pixels, {job.steps} steps, seed {SEED}"
    models = [job.models_text, *([job.identity.models_text] if job.identity else [])]
    return Header("Likeness: a picture steers a picture", (*models, settings), job.caption)


def footer(job: Job) -> tuple[str, ...]:
    """What stands below the tiles."""
    return (*FOOTER, IDENTITY_FOOTER) if job.identity else FOOTER


def summary(pictures: Pictures) -> Sequence[str]:
    """One line for each compared picture, for the terminal."""
    compared = [cell for cell in BY_NAME.values() if cell.against and cell.name in pictures]
    return [f"  {cell.title:<32} {note_for(cell, pictures)[0]}" for cell in compared]
