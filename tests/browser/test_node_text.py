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
    until(lambda: text.evaluate("one => getComputedStyle(one).wordBreak") != "break-all", "words stay whole")
    frontend.picture(f"text of two lines {renderer}")
    frontend.change(node, "index", 1)
    until(lambda: not text.count(), "nothing of a run with other values")
    page.evaluate(SAY, [node, SAID])
    text.wait_for()


# A page that takes every text away when a run ends, in the same moment as the last one came.
SAY_AND_END = """([id, text]) => {
    const { api } = comfyAPI.api, node = comfyAPI.app.app.graph.getNodeById(id)
    api.dispatchCustomEvent('progress_text', { nodeId: id, text })
    const at = node.widgets.findIndex(one => one.name === '$$node-text-preview')
    if (at >= 0) node.widgets.splice(at, 1)
    api.dispatchCustomEvent('execution_success', { prompt_id: 'any', timestamp: 0 })
}"""


@pytest.mark.parametrize("renderer", RENDERERS)
def test_what_was_said_last_stays_when_the_run_ends_with_it(renderer, frontend, page):
    frontend.renderer(renderer)
    node = frontend.add("LikenessChooseFace")
    frontend.show(node)
    page.evaluate(SAY_AND_END, [node, SAID])
    until(lambda: "straw hat" in str(frontend.value(node, "$$node-text-preview")), "the text, shown again")
