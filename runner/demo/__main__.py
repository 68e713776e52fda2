"""Draws the demonstration on a running server: pictures and contact sheet into a folder."""

import argparse
import asyncio
import io
import sys
from pathlib import Path

import aiohttp
from PIL import Image

from ..client import Comfy, Outputs
from ..problems import Problem
from ..progress import Progress
from .cells import CELLS, IDENTITY_CELLS, Cell
from .identity_prompts import FOUND, POINTS, identity_prompt_for
from .job import Job, Photo
from .prompts import SAVE, Prompt, prompt_for
from .report import Drawn, Pictures, footer, header, rows, summary, unequal
from .sheet import contact_sheet

SHEET = "contact-sheet.png"


def square(photo: Photo) -> Image.Image:
    """The part of a photograph that is used as the reference."""
    with Image.open(photo.path) as whole:
        left, top, side = (round(part * whole.width) for part in (photo.left, photo.top, photo.width))
        return whole.convert("RGB").crop((left, top, left + side, top + side))


def png_of(picture: Image.Image) -> bytes:
    """The picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def cells_of(job: Job) -> tuple[Cell, ...]:
    """What is drawn: InstantID's part only where there are models for it."""
    return CELLS + (IDENTITY_CELLS if job.identity else ())


def prompt_of(cell: Cell, job: Job, uploaded: dict[str, str]) -> Prompt:
    """The prompt of any cell."""
    return (identity_prompt_for if cell.identity else prompt_for)(cell, job, uploaded)


async def draw(url: str, job: Job, photos: Pictures, folder: Path) -> Drawn:
    """Every cell's picture, drawn by the server and saved in `folder`, and what its nodes showed on the way."""
    drawn = Drawn({}, {})
    cells = cells_of(job)
    progress = Progress(sys.stdout, len(cells), job.steps)
    async with Comfy(url) as comfy:
        uploaded = {
            letter: await comfy.upload(f"likeness-{letter}.png", png_of(photo)) for letter, photo in photos.items()
        }
        for number, cell in enumerate(cells, start=1):
            outputs = await comfy.run(
                prompt_of(cell, job, uploaded), lambda done, total, title=cell.title: progress.step(title, done, total)
            )
            for node, name in shown(cell, outputs):
                png = await comfy.picture(outputs, node)
                (folder / f"{number:02}-{name.replace('/', '-')}.png").write_bytes(png)
                drawn.pictures[name] = Image.open(io.BytesIO(png)).convert("RGB")
                drawn.texts[name] = "\n".join(outputs[node].get("text", ()))
            progress.picture(cell.title)
    return drawn


def shown(cell: Cell, outputs: Outputs) -> list[tuple[str, str]]:
    """The nodes whose pictures are kept, and under which name: the cell's, or cell/node for a preview."""
    previews = [(node, f"{cell.name}/{node}") for node in (FOUND, POINTS) if node in outputs]
    return [(SAVE, cell.name), *previews]


def show(job: Job, drawn: Drawn, photos: Pictures, folder: Path) -> None:
    """Write the contact sheet and print what was drawn and where it is."""
    sheet, pictures = folder / SHEET, drawn.pictures
    contact_sheet(header(job), rows(drawn, photos), footer(job)).save(sheet, optimize=True)
    print("\nHow far each picture moved:", *summary(pictures), sep="\n")
    print(f"\nPictures:      {folder}\nContact sheet: {sheet}")
    if job.caption:
        print(f"({job.caption})")
    print(flush=True)
    different = unequal(pictures)
    if different:
        raise Problem(
            f"{', '.join(different)} must be bit-identical to the plain model, and is not.",
            "this is a fault of the pack or of another patch on the model: please report it with the contact sheet.",
        )


def main() -> int:
    """Run from the command line; the exit status."""
    form = argparse.ArgumentParser(prog="demo", description=__doc__)
    form.add_argument("--server", required=True)
    form.add_argument("--job", type=Path, required=True)
    form.add_argument("--pictures", type=Path, required=True)
    options = form.parse_args()
    job = Job.read(options.job)
    options.pictures.mkdir(parents=True, exist_ok=True)
    try:
        photos = {letter: square(photo) for letter, photo in job.photos.items()}
        show(job, asyncio.run(draw(options.server, job, photos, options.pictures)), photos, options.pictures)
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except aiohttp.ClientError as error:
        print(f"\nThe connection to ComfyUI at {options.server} failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
