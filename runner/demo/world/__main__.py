"""Draws the miniature world's sheet on a running server: pictures and contact sheet into a folder."""

import argparse
import asyncio
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
from PIL import Image

from ...client import Comfy
from ...problems import Problem
from ...progress import Progress
from ..measure import is_identical, moved
from ..nodes import SAVE
from ..sheet import Header, Section, Tile, contact_sheet
from .cells import CELLS, ROWS, Cell
from .prompts import CFG, SEED, SIDE, STEPS, prompt_for

SHEET = "contact-sheet.png"
HEADER = Header(
    "Likeness: a picture as a prompt",
    (
        "A base model of 4 million weights, trained from nothing on pictures that a program draws, and an IP-Adapter, "
        "trained on it by this pack.",
        f"{SIDE} x {SIDE} pixels, {STEPS} steps, cfg {CFG:g}, seed {SEED}; the base model and the "
        "adapter were not trained on these references.",
    ),
    "",
)
FOOTER = (
    "References and the seed are chosen to show it clearly; how often it comes out so is in bench/README.md.",
    "The image encoder was trained on other pictures; it sees pixels, never the words that a picture was drawn from.",
    "Moved: mean absolute difference of the decoded pixels from the plain model, in grey levels of 255.",
)
Pictures = Mapping[str, Image.Image]


async def draw(url: str, cells: Sequence[Cell], folder: Path) -> Pictures:
    """Every cell's picture, drawn by the server and saved in `folder`."""
    pictures: dict[str, Image.Image] = {}
    progress = Progress(sys.stdout, len(cells), STEPS)
    async with Comfy(url) as comfy:
        for number, cell in enumerate(cells, start=1):
            outputs = await comfy.run(
                prompt_for(cell), lambda done, total, title=cell.title: progress.step(title, done, total)
            )
            png = await comfy.picture(outputs, SAVE)
            (folder / f"{number:02}-{cell.name}.png").write_bytes(png)
            pictures[cell.name] = opened(png)
            progress.picture(cell.title)
    return pictures


def opened(png: bytes) -> Image.Image:
    """A picture from its file's content."""
    return Image.open(io.BytesIO(png)).convert("RGB")


def rows(pictures: Pictures) -> list[list[Section]]:
    """The tiles in the order of ROWS."""
    return [[Section(row.promise, [tile(cell, pictures) for cell in row.cells], row.says)] for row in ROWS]


def tile(cell: Cell, pictures: Pictures) -> Tile:
    """A picture with its note."""
    return Tile(pictures[cell.name], cell.title, *note(cell, pictures))


def note(cell: Cell, pictures: Pictures) -> tuple[str, str]:
    """What is written under a picture, and its tone."""
    picture = pictures[cell.name]
    if cell.equals:
        same = is_identical(picture, pictures[cell.equals])
        return ("bit-identical to the plain model", "good") if same else ("DIFFERS from the plain model", "bad")
    if cell.note or picture.size != pictures["plain"].size:
        return cell.note, ""
    return f"moved {moved(picture, pictures['plain']):.1f} of 255", ""


def unequal(pictures: Pictures) -> list[str]:
    """The titles of pictures that must be bit-identical to another, and are not."""
    must = [cell for cell in CELLS if cell.equals]
    return [cell.title for cell in must if not is_identical(pictures[cell.name], pictures[cell.equals])]


def main() -> int:
    """Run from the command line; the exit status."""
    form = argparse.ArgumentParser(prog="demo", description=__doc__)
    form.add_argument("--server", required=True)
    form.add_argument("--pictures", type=Path, required=True)
    options = form.parse_args()
    options.pictures.mkdir(parents=True, exist_ok=True)
    try:
        pictures = asyncio.run(draw(options.server, CELLS, options.pictures))
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except aiohttp.ClientError as error:
        print(f"\nThe connection to ComfyUI at {options.server} failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    sheet = options.pictures / SHEET
    contact_sheet(HEADER, rows(pictures), FOOTER).save(sheet, optimize=True)
    print(f"\nPictures:      {options.pictures}\nContact sheet: {sheet}", flush=True)
    different = unequal(pictures)
    if different:
        print(f"\n{', '.join(different)} must be bit-identical to the plain model, and is not.", file=sys.stderr)
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
