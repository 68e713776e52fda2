"""Runs the example workflows on one's own models, on a running server: pictures and contact sheet into a folder."""

import argparse
import asyncio
import io
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp
from PIL import Image

from ...client import Comfy
from ...folders import folders_in
from ...problems import Problem
from .checkpoints import checkpoints_in
from .drawing import Drawn, draw, write
from .photographs import photographs
from .prompts import Models, examples
from .report import SHEET, sheet_of, told, unequal


async def drawn_on(url: str, checkpoints: Mapping[str, str], photos: Mapping[str, Image.Image]) -> Drawn:
    """Every example, drawn by the server."""
    async with Comfy(url) as comfy:
        uploaded = {name: await comfy.upload(f"likeness-{name}.png", png_of(photo)) for name, photo in photos.items()}
        return await draw(comfy, examples(), Models(checkpoints, listed(await comfy.nodes())), uploaded)


def png_of(picture: Image.Image) -> bytes:
    """The picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def listed(nodes: Mapping[str, Mapping]) -> Mapping[tuple[str, str], Sequence[str]]:
    """By class and input what ComfyUI lists to choose from, of what it says of its nodes."""
    return {
        (name, field): options
        for name, described in nodes.items()
        for part in ("required", "optional")
        for field, (kind, *settings) in described["input"].get(part, {}).items()
        if (options := kind if isinstance(kind, list) else settings and settings[0].get("options"))
    }


def checkpoints_of(folder: Path) -> Mapping[str, str]:
    """The checkpoints to draw with. Raises Problem when there is none."""
    found = checkpoints_in(folders_in(folder)["checkpoints"]) if folder.is_dir() else {}
    if not found:
        raise Problem(
            f"{folder} holds no SD1.5 or SDXL checkpoint.",
            "give --models-dir a ComfyUI models folder, or a folder with a base checkpoint (no inpainting one), the "
            "adapters and the encoders that the README's table names.",
        )
    return found


def main() -> int:
    """Run from the command line; the exit status."""
    form = argparse.ArgumentParser(prog="demo", description=__doc__)
    form.add_argument("--server", required=True)
    form.add_argument("--pictures", type=Path, required=True)
    form.add_argument("--models", type=Path, required=True)
    form.add_argument("--photographs", type=Path, required=True)
    options = form.parse_args()
    options.pictures.mkdir(parents=True, exist_ok=True)
    try:
        checkpoints, photos = checkpoints_of(options.models), photographs(options.photographs)
        drawn = asyncio.run(drawn_on(options.server, checkpoints, photos))
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except aiohttp.ClientError as error:
        print(f"\nThe connection to ComfyUI at {options.server} failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("", *told(drawn), sep="\n")
    if not drawn.pictures:
        print("\nNone of the examples could be drawn.", file=sys.stderr)
        return 1
    write(drawn, options.pictures)
    sheet_of(drawn, checkpoints, photos).save(options.pictures / SHEET, optimize=True)
    print(f"\nPictures:      {options.pictures}\nContact sheet: {options.pictures / SHEET}", flush=True)
    if unequal(drawn):
        print("\nWeight 0 must be bit-identical to the plain model, and is not.", file=sys.stderr)
    return 1 if unequal(drawn) else 0


if __name__ == "__main__":
    sys.exit(main())
