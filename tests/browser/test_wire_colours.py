"""Wires and sockets of our types are told apart, on dark and on light ground, in both renderers."""

import io
import json
from pathlib import Path

import pytest

from .colours import contrast, hex_of
from .frontend import RENDERERS

TYPES = json.loads((Path(__file__).resolve().parents[2] / "locales/en/main.json").read_text(encoding="utf-8"))[
    "dataTypes"
]
READABLE = 3  # to one, for what is no text
NEAR = 24  # levels: a line has soft edges
COLOURS = """types => {
    const { link_type_colors: wires } = app.canvas.constructor
    const sockets = app.canvas.default_connection_color_byType
    const page = getComputedStyle(document.documentElement)
    return types.map(type => [wires[type], sockets[type], page.getPropertyValue(`--color-datatype-${type}`).trim()])
}"""


@pytest.fixture(params=["light", "dark"])
def palette(request, frontend):
    frontend.setting("Comfy.ColorPalette", request.param)
    yield request.param
    frontend.setting("Comfy.ColorPalette", "dark")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_our_wires_have_colours_of_their_own(renderer, palette, frontend, page):
    frontend.renderer(renderer)
    finds, chooses = frontend.add("LikenessFindFaces", (100, 150)), frontend.add("LikenessChooseFace", (800, 150))
    frontend.connect(finds, 0, chooses, "faces")  # and in view: the wires of a chosen node are white
    frontend.settle()
    colours = page.evaluate(COLOURS, list(TYPES))
    assert all(len(set(three)) == 1 for three in colours), "one colour on wire and socket, in both renderers"
    of = {name: one for name, (one, *_) in zip(TYPES, colours, strict=True)}
    assert len(set(of.values())) == len(TYPES)

    between = pixels(page, frontend, finds, chooses)
    ground = max(between, key=between.get)
    assert all(contrast(one, ground) >= READABLE for one in of.values()), (hex_of(ground), of)
    assert sum(n for seen, n in between.items() if is_near(seen, of["LIKENESS_FACES"])) > 50, "the wire"
    frontend.picture(f"wire colours {renderer} {palette}")


def pixels(page, frontend, left, right):
    """How often each colour is on the page between two nodes."""
    from PIL import Image

    (x, y, width, height), (end, *_) = frontend.box(left), frontend.box(right)
    clip = {"x": x + width + 8, "y": y, "width": end - x - width - 16, "height": height}
    shot = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
    return {colour: count for count, colour in shot.getcolors(shot.width * shot.height)}


def is_near(seen, wanted):
    return all(abs(a - b) <= NEAR for a, b in zip(seen, bytes.fromhex(wanted[1:]), strict=True))
