"""What acts where, one press away from the node that makes it act, and read at the width of a node."""

import pytest
from serving.patience import until

from .frontend import RENDERERS
from .test_render_keypoints import GRAPH

NODE = "LikenessShowAdapters"
KINDS = [
    ["LikenessLoadIPAdapter", 0, {"file": "miniature/sd15_base.safetensors"}],
    ["MiniatureModel", 0, {"family": "sd15"}],
    ["MiniatureCLIPVision", 0, {"kind": "vit_h"}],
    ["EmptyImage", 400, {"width": 64, "height": 64}],
    ["LikenessApplyIPAdapter", 800, {"layer_preset": "style and composition", "end_percent": 0.5}],
    ["KSampler", 1300, {"steps": 12, "scheduler": "karras"}],
]
LINKS = [[0, 4, "adapter"], [1, 4, "model"], [2, 4, "clip_vision"], [3, 4, "image"], [4, 5, "model"]]
# Of the map: its texts, the least height of one on a page that is not zoomed, and how far it reaches over its panel.
MAP = """() => {
    const map = document.querySelector('.likeness-map'), panel = map?.closest('.likeness-strengths')
    if (!map) return null
    const boxes = [...map.querySelectorAll('text')].map(one => one.getBoundingClientRect().height / app.canvas.ds.scale)
    return {
        texts: [...map.querySelectorAll('text')].map(one => one.textContent),
        least: Math.min(...boxes),
        over: panel.scrollWidth - panel.clientWidth,
        said: [...map.querySelectorAll('title')].map(one => one.textContent)
    }
}"""


def shows(frontend):
    return [id for id, node in frontend.nodes().items() if node["kind"] == NODE]


def check_the_menu_offers_it(frontend, apply):
    """The menu finds the one that is there."""
    frontend.page.evaluate(
        """id => (window.items = app.collectNodeMenuItems(app.graph.getNodeById(id))
            .filter(one => one?.content?.startsWith('Show what acts where')))""",
        apply,
    )
    assert frontend.page.evaluate("() => items.length") == 1
    frontend.page.evaluate("() => items[0].callback()")
    assert len(shows(frontend)) == 1


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_press_shows_what_acts_in_each_block_and_step(renderer, frontend, page):
    frontend.renderer(renderer)
    *_, apply, _ = page.evaluate(GRAPH, [KINDS, LINKS])
    frontend.show(apply)
    page.locator('[data-focus="chart-bar"]').click()
    (show,) = shows(frontend)
    sampled = {"steps": 12, "scheduler": "karras", "denoise": 1}
    assert sampled.items() <= frontend.prompt()[show]["inputs"].items()
    frontend.show(show)
    assert frontend.run_alone("Show it now").succeeded
    seen = until(lambda: page.evaluate(MAP), "the map")
    frontend.picture(f"show adapters {renderer}", show)
    names, numbers = [text for text in seen["texts"] if "put" in text], seen["texts"][-8:]
    assert names[0] == "0 input 1" and names[-1] == "15 output 11" and numbers[-1] == "most"
    assert "4 input 7, step 1-6, sigma" in " ".join(seen["said"]) and any(s.endswith(": 0.25") for s in seen["said"])
    assert seen["least"] >= 11 and seen["over"] <= 0
    check_the_menu_offers_it(frontend, apply)
