"""Every template opens without a missing node, stands in both renderers, and runs from the page on the miniature."""

import io
import json
from itertools import cycle
from pathlib import Path

import pytest
from PIL import Image
from serving.patience import until
from serving.substitutes import on_the_miniature

from .frontend import RENDERERS, TEMPLATES

LOCALES = Path(__file__).resolve().parents[2] / "locales"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_opens_and_runs(path, frontend, example_photo):
    frontend.load(json.loads(path.read_text(encoding="utf-8")))
    assert not [node["kind"] for node in frontend.nodes().values() if not node["known"]]
    api_form = json.loads((path.parent / "api" / path.name).read_text(encoding="utf-8"))
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
    return {number: (node["class_type"], node["inputs"]) for number, node in prompt.items()}


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
