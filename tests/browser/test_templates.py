"""Every template opens without a missing node, stands in both renderers, and runs from the page on the miniature."""

import io
import json
from itertools import cycle
from pathlib import Path

import pytest
from PIL import Image
from serving.patience import until
from serving.substitutes import on_the_miniature

from .frontend import RENDERERS, TEMPLATES, template

LOCALES = Path(__file__).resolve().parents[2] / "locales"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_opens_and_runs(path, frontend, example_photo):
    frontend.load(json.loads(path.read_text(encoding="utf-8")))
    assert not [node["kind"] for node in frontend.nodes().values() if not node["known"]]
    name = " ".join(path.stem.encode("ascii", "ignore").decode().split())
    api_form = json.loads((path.parent / "api" / f"{name}.json").read_text(encoding="utf-8"))
    assert inputs(frontend.prompt()) == inputs(api_form), "a program that takes the API form runs the same"
    entry = frontend.queue_anew(rewritten=on_the_miniature)
    assert entry.succeeded, entry.messages.get("execution_error")
    for saver in [number for number, node in api_form.items() if node["class_type"].startswith("Save")]:
        picture = Image.open(io.BytesIO(entry.picture(saver))).convert("RGB")
        assert len(picture.getcolors(picture.width * picture.height)) > 100, "a picture, not an even surface"
    for renderer in RENDERERS:
        frontend.renderer(renderer)
        frontend.show()
        frontend.picture(f"template {path.stem}, {renderer}")
        assert not frontend.overlapping(), f"what nodes show after a run has no room ({renderer})"


def inputs(prompt):
    """Of a prompt, as if its nodes were in no subgraphs: a node within is numbered by the subgraph's number and its own."""

    def own(value):
        return [value[0].split(":")[-1], value[1]] if isinstance(value, list) and len(value) == 2 else value

    return {
        number.split(":")[-1]: (node["class_type"], {name: own(value) for name, value in node["inputs"].items()})
        for number, node in prompt.items()
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_templates_are_offered_with_their_pictures(language, frontend, page):
    words = json.loads((LOCALES / language / "main.json").read_text(encoding="utf-8"))
    frontend.command("Comfy.BrowseTemplates")
    page.get_by_text(words["templateWorkflows"]["category"]["comfyui-likeness"], exact=True).click()
    frontend.picture(f"templates, {language}")
    page.mouse.move(800, 600)
    seen = set()
    # The page loads them as they come into view, and drops them again: one that came too late is passed once more.
    wheel = cycle([200] * 40 + [-200] * 40)

    def all_seen():
        seen.update(page.locator("img").evaluate_all("all => all.filter(i => i.naturalWidth === 640).map(i => i.alt)"))
        page.mouse.wheel(0, next(wheel))
        return seen >= {path.stem for path in TEMPLATES}

    until(all_seen, "every thumbnail")
    page.keyboard.press("Escape")


# What is typed into the search of the dialog, and the template that is meant.
WANTED = {
    "ipadapter": "IP-Adapter 1 picture prompt",
    "face swap": "Face 1 InstantID portrait face swap",
    "likeness": "Face likeness, compare two",
    "\u6362\u8138": "Face 1 InstantID portrait face swap",
    "\u98ce\u683c\u8fc1\u79fb": "IP-Adapter 2 style transfer",
    "\u59ff\u52bf": "Face 2 InstantID sheet of poses",
}


def test_a_template_is_found_by_its_words_and_opens_to_be_read(frontend, page):
    frontend.command("Comfy.BrowseTemplates")
    page.get_by_text("Likeness", exact=True).click()
    search = page.get_by_placeholder("Search", exact=False).last
    for words, name in WANTED.items():
        search.fill(words)
        page.get_by_text(template(name).stem, exact=True).first.wait_for()
    frontend.picture("templates found")
    page.keyboard.press("Escape")
    frontend.setting("LiteGraph.Canvas.MinFontSizeForLOD", 8)  # the page's own
    try:
        for renderer in RENDERERS:
            frontend.renderer(renderer)
            frontend.open_template(template("IP-Adapter 1 picture prompt"))
            frontend.picture(f"template as it opens, {renderer}")
            leaves_texts_out, zoom = page.evaluate("() => [app.canvas.low_quality, app.canvas.ds.scale]")
            assert not leaves_texts_out and 0.6 < zoom < 1, zoom
        frontend.open_template(template("IP-Adapter on FLUX"))  # whose files no other test puts there
        page.get_by_role("button", name="View details").click()
        for name in ("flux-ip-adapter-v2.safetensors", "clip-vit-large-patch14.safetensors"):
            page.get_by_test_id("properties-panel").get_by_text(name).first.wait_for()
        frontend.picture("missing files")
    finally:
        frontend.setting("LiteGraph.Canvas.MinFontSizeForLOD", 0)
