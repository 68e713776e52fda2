"""A node with an editor has room for it at once and always: what is drawn later is no step of undo by itself."""

import pytest

from .frontend import RENDERERS, TRACKER

WITH_EDITORS = (
    "LayerWeights",
    "RenderKeypoints",
    "PoseSheet",
    "ChooseFace",
    "FindFaces",
    "WeightSchedule",
    "ApplyIPAdapter",
)

SHEETS = """() => [document.querySelectorAll('.likeness-editor style').length, document.adoptedStyleSheets.filter(
    sheet => [...sheet.cssRules].some(rule => rule.selectorText?.includes('.likeness-editor'))).length]"""


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_new_node_is_one_step(renderer, frontend, page):
    frontend.renderer(renderer)
    for kind in WITH_EDITORS:
        frontend.clear()
        frontend.remember()
        page.evaluate(f"() => {{ {TRACKER}.undoQueue.length = 0 }}")  # it keeps fifty
        node = frontend.add(f"Likeness{kind}")
        frontend.capture()
        frontend.still()
        frontend.capture()
        assert page.evaluate(f"{TRACKER}.undoQueue.length") == 1, (kind, frontend.box(node))
    assert page.evaluate(SHEETS) == [0, 1], "one style sheet for all editors"


@pytest.mark.parametrize("renderer", RENDERERS)
def test_an_editor_keeps_its_room_on_a_node_that_was_made_small(renderer, frontend, page):
    frontend.renderer(renderer)
    for kind in WITH_EDITORS[:-1]:
        frontend.clear()
        node = frontend.add(f"Likeness{kind}")
        page.evaluate("id => { const n = app.graph.getNodeById(id); n.setSize([n.computeSize()[0], 40]) }", node)
        frontend.still()
        frontend.show(node)
        drawing = page.locator(
            ".likeness-editor svg.likeness-plot, .likeness-editor svg.likeness-canvas"
        ).bounding_box()
        frontend.picture(f"small {kind}, {renderer}", node)
        left, top, width, height = frontend.box(node)
        assert drawing["width"] > 0.8 * width and drawing["height"] > 0.2 * height, (kind, drawing)
        assert left <= drawing["x"] and drawing["x"] + drawing["width"] <= left + width + 1, (kind, drawing)
        assert drawing["y"] + drawing["height"] <= top + height, (kind, drawing)
