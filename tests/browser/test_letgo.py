"""An editor goes with its node: nothing of it is listened for, observed or drawn any more."""

import pytest
from serving.patience import until

from .frontend import RENDERERS

# What the pack's own scripts listen for and observe from here on, in `window.alive`; undone by `window.blind()`.
WATCH = """() => {
    const alive = window.alive = new Set()
    const ours = () => new Error().stack.split('\\n')[3].includes('/extensions/')
    const host = EventTarget.prototype.addEventListener, Observer = window.ResizeObserver
    EventTarget.prototype.addEventListener = function (type, act, options) {
        host.call(this, type, act, options)
        if (!ours() || this instanceof AbortSignal) return
        const one = { type, target: this }
        alive.add(one)
        if (options?.signal) host.call(options.signal, 'abort', () => alive.delete(one))
    }
    window.ResizeObserver = class extends Observer {
        observe(...args) { if (ours()) alive.add(this); super.observe(...args) }
        disconnect() { alive.delete(this); super.disconnect() }
    }
    window.blind = () => {
        EventTarget.prototype.addEventListener = host
        window.ResizeObserver = Observer
    }
}"""
ADD = """kinds => {
    const made = kinds.map((kind, i) => {
        const node = LiteGraph.createNode(kind)
        node.pos = [600 * (i % 8), 900 * Math.floor(i / 8)]
        app.graph.add(node)
        return node
    })
    window.panels = made.flatMap(one => one.widgets ?? []).filter(one => one.type === 'likeness_editor').map(one => one.element)
    return made.map(one => String(one.id))
}"""
DRAWN = (
    """() => ['[data-focus="bar 0"]', '.likeness-canvas'].every(mark => panels.some(one => one.querySelector(mark)))"""
)
LEFT = """() => [...alive].map(one => `${one.type ?? 'size'} of ${one.target?.className?.baseVal ?? one.target?.className}`)"""
# A picture of one's own behind the keypoints, which is listened to until it is loaded.
WITH_PHOTO = """id => {
    const node = app.graph.getNodeById(id)
    node.properties.likeness_background = { filename: 'example.png', type: 'input' }
    node.onConfigure({})
}"""
# How far it is, on a page that is not zoomed, from the last thing on each node to its end.
FEET = """() => app.graph._nodes.map(node => {
    const shown = document.querySelector(`.lg-node[data-node-id="${node.id}"]`)
    const parts = [...shown.querySelectorAll('.lg-node-widget, .likeness-bar, .likeness-status, .lg-slot')]
    const last = Math.max(...parts.map(one => one.getBoundingClientRect().bottom))
    return [node.type, (shown.getBoundingClientRect().bottom - last) / app.canvas.ds.scale]
})"""
FOOT = 64  # pixels: the pack's name and the button that unfolds
MARKS = "() => panels.reduce((count, one) => count + one.childNodes.length, 0)"


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_node_that_is_removed_takes_its_editor_along(renderer, frontend, page, our_nodes):
    frontend.renderer(renderer)
    page.evaluate(WATCH)
    nodes = page.evaluate(ADD, list(our_nodes))
    page.wait_for_function(DRAWN)  # which the server's tables were needed for
    page.evaluate(WITH_PHOTO, nodes[list(our_nodes).index("LikenessRenderKeypoints")])
    frontend.show()
    frontend.remember()
    if renderer == "nodes 2.0":
        assert not [foot for foot in page.evaluate(FEET) if foot[1] > FOOT], "no node has an empty foot"
    assert len(page.evaluate(LEFT)) > 100 and page.evaluate(MARKS) > 20

    moved = "id => { const node = app.graph.getNodeById(id); app.graph.remove(node); app.graph.add(node) }"
    page.evaluate(moved, nodes[list(our_nodes).index("LikenessLayerWeights")])
    frontend.settle()
    assert page.evaluate(DRAWN), "one that is only moved keeps it"

    frontend.remove(*nodes)
    frontend.remember()
    until(lambda: page.evaluate(LEFT) == [], f"no listener and no observer; {page.evaluate(LEFT)[:9]}")
    assert page.evaluate(MARKS) == 0 and not page.locator(".likeness-editor").count()
    page.evaluate("() => blind()")

    frontend.command("Comfy.Undo")
    bar = page.locator('[data-focus="bar 0"]')
    bar.wait_for(state="attached")
    frontend.show(nodes[list(our_nodes).index("LikenessLayerWeights")])
    until(lambda: bar.count() == 1 and bar.is_visible(), "the editor made anew")
    frontend.picture(f"made anew {renderer}")
