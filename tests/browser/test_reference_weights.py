"""The rows and the canvas of Reference Weights."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from serving.patience import until

from .editors import Editor
from .frontend import RENDERERS, template

NODE = "LikenessReferenceWeights"


@pytest.fixture(params=RENDERERS)
def editor(request, frontend):
    return Editor(frontend, NODE, request.param)


def rows(editor):
    return json.loads(editor.value("references"))


def field(editor, name, value):
    """A number as a person types it."""
    place = editor.part(f'input[data-focus="{name}"]')
    place.fill(str(value))
    place.press("Enter")
    editor.breathe()


def test_weights_of_each_reference(editor):
    assert editor.root.locator(".likeness-reference").count() == 2
    field(editor, "weight 1", 0.4)
    assert editor.value("references") == "1, 0.4" == editor.sent("references")
    editor.button("undo")  # in a field the keys undo what was typed there
    editor.becomes("references", "1, 1")
    editor.button("redo")
    editor.becomes("references", "1, 0.4")
    editor.set("references", "1, x")
    editor.part(".likeness-wrong >> text='x' is not a number").wait_for()
    editor.button("eraser")
    editor.becomes("references", "1, 1")


def test_regions_are_drawn_for_the_chosen_reference(editor):
    field(editor, "weight 1", 0.4)
    editor.part('[data-focus="row 0"]').click()
    box = editor.part(".likeness-canvas").bounding_box()
    x, y, wide, high = box["x"], box["y"], box["width"], box["height"]
    editor.page.keyboard.down("Shift")
    editor.drag((x + 1, y + 1), (x + wide / 2, y + high - 1))
    editor.page.keyboard.up("Shift")
    (outline,) = rows(editor)[0]["mask"]
    assert len(outline) == 4 and outline[2] == pytest.approx([0.5, 1.0], abs=0.02)
    editor.drag((x + wide * 0.6, y + high * 0.5), (x + wide * 0.6, y + high * 0.5))
    assert len(rows(editor)[0]["mask"]) == 1, "a click draws nothing"
    assert rows(editor)[1] == {"weight": 0.4}

    editor.part('[data-focus="row 1"]').click()
    editor.part('select[data-focus="select"]').select_option("right")
    assert rows(editor)[1]["mask"] == [[[0.5, 0], [1, 0], [1, 1], [0.5, 1]]]
    field(editor, "end 1", 0.6)
    editor.button("plus")
    editor.part('select[data-focus="of 2"]').select_option("redux")
    assert rows(editor)[1:] == [{"weight": 0.4, "end": 0.6, "mask": rows(editor)[1]["mask"]}, {"of": "redux"}]
    editor.frontend.picture(f"references {editor.page.evaluate('!!document.querySelector(`.lg-node`)')}")
    editor.outlives("references")


def test_each_row_shows_the_picture_of_its_reference(editor):
    page, frontend = editor.page, editor.frontend
    load, encode, prompt, refer, sample = (
        frontend.add(kind, (700, 100 + 60 * i))
        for i, kind in enumerate(("LoadImage", "VAEEncode", "CLIPTextEncode", "ReferenceLatent", "KSampler"))
    )
    frontend.connect(load, "IMAGE", encode, "pixels")
    frontend.connect(encode, "LATENT", refer, "latent")
    frontend.connect(prompt, "CONDITIONING", refer, "conditioning")
    frontend.connect(refer, "CONDITIONING", sample, "positive")
    frontend.connect(editor.node, "MODEL", sample, "model")
    frontend.capture()
    shown = ".likeness-reference img:not([hidden])"
    until(lambda: page.locator(shown).count() == 1, "the picture of the one reference of the prompt")
    address = page.locator(shown).first.get_attribute("src")
    asked = parse_qs(urlsplit(address).query)["filename"]
    assert "view?" in address and asked == [frontend.value(load, "image").split("/")[-1]]


def test_pictures_are_found_through_subgraphs(frontend, page):
    frontend.load(json.loads(template("References on FLUX Kontext").read_text(encoding="utf-8")))
    node = next(number for number, each in frontend.nodes().items() if each["kind"] == NODE)
    frontend.show(node)
    shown = page.locator(".likeness-reference img")
    until(lambda: shown.evaluate_all("all => all.map(one => one.naturalWidth > 0)") == [True, True], "both pictures")
    found = """async id => (await import('/extensions/comfyui-likeness/editor/reference_pictures.js'))
        .referencesOf(app.graph.getNodeById(id)).size"""
    assert page.evaluate(found, node) == [1024, 1024]
    frontend.picture("references through subgraphs", node)
