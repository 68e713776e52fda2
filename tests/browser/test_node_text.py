"""What a run said under a node, as one reads it."""

import pytest
from serving.patience import until

from .frontend import RENDERERS

SAID = "mask 1: wearing a red jacket\nmask 2: wearing a straw hat"
SAY = "([nodeId, text]) => comfyAPI.api.api.dispatchCustomEvent('progress_text', { nodeId, text })"


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_text_has_its_lines_until_something_is_changed(renderer, frontend, page):
    frontend.renderer(renderer)
    node = frontend.add("LikenessChooseFace")
    page.evaluate(SAY, [node, SAID])
    frontend.show(node)
    text = page.get_by_text("mask 2: wearing a straw hat")
    until(lambda: text.inner_text().split("\n") == SAID.split("\n"), "two lines")
    frontend.picture(f"text of two lines {renderer}")
    frontend.change(node, "index", 1)
    until(lambda: not text.count(), "nothing of a run with other values")
    page.evaluate(SAY, [node, SAID])
    text.wait_for()
