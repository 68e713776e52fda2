"""A node with an editor is as high as it stays at once: what is drawn later is no step of undo by itself."""

import pytest

from .editors import REMEMBER, STILL, TRACKER
from .frontend import RENDERERS

WITH_EDITORS = ("LayerWeights", "RenderKeypoints", "ChooseFace", "FindFaces", "WeightSchedule", "ApplyIPAdapter")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_new_node_is_one_step(renderer, frontend, page):
    frontend.renderer(renderer)
    for kind in WITH_EDITORS:
        frontend.clear()
        page.evaluate(REMEMBER)
        before = page.evaluate(f"{TRACKER}.undoQueue.length")
        node = frontend.add(f"Likeness{kind}")
        page.evaluate(REMEMBER)
        page.evaluate(STILL)
        page.evaluate(REMEMBER)
        assert page.evaluate(f"{TRACKER}.undoQueue.length") == before + 1, (kind, frontend.box(node))
