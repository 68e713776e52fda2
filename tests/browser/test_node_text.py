"""What a run said under a node, as one reads it."""

import pytest
from serving.patience import until

from .frontend import RENDERERS

SAID = "mask 1: wearing a red jacket\nmask 2: wearing a straw hat"
SAY = "([nodeId, text]) => comfyAPI.api.api.dispatchCustomEvent('progress_text', { nodeId, text })"


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_text_has_its_lines_until_something_is_changed(renderer, frontend, page):
    frontend.renderer(renderer)
    node, other = frontend.add("LikenessChooseFace"), frontend.add("LikenessFindFaces", (600, 100))
    for each in (node, other):
        page.evaluate(SAY, [each, SAID])
    frontend.show()
    text = page.get_by_text("mask 2: wearing a straw hat")
    until(lambda: [one.split("\n") for one in text.all_inner_texts()] == [SAID.split("\n")] * 2, "two lines on both")
    breaks = "all => all.map(one => getComputedStyle(one).wordBreak)"
    until(lambda: "break-all" not in text.evaluate_all(breaks), "words stay whole")
    frontend.picture(f"text of two lines {renderer}")
    frontend.change(node, "index", 1)
    until(lambda: text.count() == 1, "nothing of a run with other values")
    page.evaluate(SAY, [node, SAID])
    until(lambda: text.count() == 2, "what is said anew")


LONG = "\n".join(f"picture {i} of 9: nobody was found, neither at 640 nor turned" for i in range(1, 10))
# The lines of a text of which something is not to be seen within the node that says it.
HIDDEN = """([id]) => {
    const node = app.graph.getNodeById(id), { scale, offset } = app.canvas.ds
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const found = []
    for (let text = walker.nextNode(); text; text = walker.nextNode())
        if (/^picture \\d of 9/.test(text.data.trim())) found.push(text)
    // In Nodes 2.0 the browser knows where a node ends; newer pages do not tell the graph.
    const foot = document.querySelector(`[data-node-id="${id}"]`)?.getBoundingClientRect().bottom
        ?? app.canvas.canvas.getBoundingClientRect().top + (node.pos[1] + node.size[1] + offset[1]) * scale
    const isSeen = ({ parentElement }, { x, y, width, height, bottom }) => bottom <= foot + 1
        && [0.25, 0.9].every(share => parentElement.contains(document.elementFromPoint(x + width / 2, y + share * height)))
    const rects = text => {
        const range = document.createRange()
        range.selectNodeContents(text)
        return [...range.getClientRects()]
    }
    return found.length !== 9 ? ['none'] : found.filter(one => !rects(one).every(rect => isSeen(one, rect))).map(one => one.data)
}"""
RESIZED = (
    "([id, width]) => { const n = app.graph.getNodeById(id); n.setSize([Math.max(n.computeSize()[0], width), 0]) }"
)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_text_of_any_length_is_seen_whole(renderer, frontend, page):
    frontend.renderer(renderer)
    for kind in ("LikenessFindFaces", "LikenessApplyInstantID"):
        frontend.clear()
        node = frontend.add(kind)
        page.evaluate(SAY, [node, "one line"])
        page.get_by_text("one line", exact=True).wait_for()
        page.evaluate(SAY, [node, LONG])
        for width in (0, 700, 0):  # the least it can be
            page.evaluate(RESIZED, [node, width])
            frontend.show(node)
            frontend.picture(f"long text {kind} {width} {renderer}", node)
            until(lambda node=node: not page.evaluate(HIDDEN, [node]), f"every line on {kind}")


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
