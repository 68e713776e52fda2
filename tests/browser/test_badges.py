"""Badges that say what a node recognised."""

import json

import pytest
from serving.patience import until
from serving.substitutes import on_the_miniature

from .frontend import RENDERERS, template
from .test_choose_face import KINDS, LINKS
from .test_node_text import SAY
from .test_render_keypoints import GRAPH

FIRST = template("IP-Adapter 1 picture prompt")


FIRST_AND_OTHER = """id => {
    const { value, options } = app.graph.getNodeById(id).widgets.find(widget => widget.name === 'kind')
    return [value, options.values.find(one => one !== value)]
}"""


def badges(frontend, node):
    """The words on a node, seen on the page."""
    return frontend.page.evaluate(
        """id => {
            const panel = app.graph.getNodeById(id).widgets.find(widget => widget.name === 'recognised').element
            return [...panel.children].filter(one => one.getClientRects().length).map(one => one.textContent)
        }""",
        node,
    )


@pytest.mark.parametrize("renderer", RENDERERS)
def test_faces_say_how_they_were_found_and_where_the_models_run(renderer, frontend, example_photo):
    frontend.renderer(renderer)
    _, models, finds, *_ = frontend.page.evaluate(GRAPH, [KINDS, LINKS])
    assert frontend.queue().succeeded
    frontend.show(models, finds)
    until(lambda: badges(frontend, finds) == ["2 faces", "at 640"], "badges of the faces")
    assert badges(frontend, models) == ["MobileFaceNet (buffalo_s)", "CPU"]
    frontend.picture(f"badges {renderer}")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_list_of_photos_has_the_badges_of_all(renderer, frontend):
    frontend.renderer(renderer)
    node = frontend.add("LikenessFindFaces")
    frontend.page.evaluate(
        """id => {
            app.nodeOutputs[id] = { likeness_badges: [['1 face', 'at 640'], ['1 face', 'at 448', 'less likeness: dark']] }
            app.graph.getNodeById(id).onExecuted({})
        }""",
        node,
    )
    frontend.show(node)
    assert badges(frontend, node) == ["1 face", "at 640", "at 448", "less likeness: dark"]


LONG = ["SDXL", "IP-Adapter Plus", "an encoder of 1280 channels in 32 layers of 1664 that reads pictures of 224 pixels"]
# How far each badge reaches over the node and over what comes below it, and whether its text is cut off.
REACH = """id => {
    const panel = app.graph.getNodeById(id).widgets.find(widget => widget.name === 'recognised').element
    const { right, bottom } = panel.getBoundingClientRect()
    return [...panel.querySelectorAll('span')].map(badge => {
        const box = badge.getBoundingClientRect()
        return [box.right - right, box.bottom - bottom, badge.scrollWidth > badge.clientWidth, badge.title]
    })
}"""


@pytest.mark.parametrize("renderer", RENDERERS)
def test_long_badges_stay_in_one_row_on_their_node(renderer, frontend, page):
    frontend.renderer(renderer)
    node = frontend.add("LikenessLoadByPreset")
    page.evaluate(SAY, [node, "Chosen from the files that are installed."])
    page.evaluate(
        """([id, words]) => {
            app.nodeOutputs[id] = { likeness_badges: [words] }
            app.graph.getNodeById(id).onExecuted({})
        }""",
        [node, LONG],
    )
    frontend.show(node)
    until(lambda: badges(frontend, node) == LONG, "the badges")
    reach = page.evaluate(REACH, node)
    assert all(over <= 0.5 and below <= 0.5 for over, below, *_ in reach), reach
    assert [is_cut for *_, is_cut, _ in reach] == [False, False, True] and reach[-1][-1] == LONG[-1]
    bottom = page.locator(".likeness-badges span").first.bounding_box()
    text = page.get_by_text("Chosen from the files").first.bounding_box()
    assert text["y"] >= bottom["y"] + bottom["height"] or text["y"] + text["height"] <= bottom["y"]
    frontend.picture(f"long badges {renderer}", node)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_an_adapter_says_what_it_is_until_another_is_chosen(renderer, frontend, example_photo):
    frontend.renderer(renderer)
    frontend.load(json.loads(FIRST.read_text(encoding="utf-8")))
    (loader,) = (id for id, node in frontend.nodes().items() if node["kind"].startswith("LikenessLoad"))
    assert frontend.queue(rewritten=on_the_miniature).succeeded
    frontend.show(loader)
    until(lambda: len(badges(frontend, loader)) >= 2, "badges of the adapter")
    family, variant, *_ = badges(frontend, loader)
    assert family in ("SD1.5", "SDXL") and variant.startswith("IP-Adapter")
    chosen = badges(frontend, loader)
    was, other = frontend.page.evaluate(FIRST_AND_OTHER, loader)
    frontend.change(loader, "kind", other)
    assert badges(frontend, loader) == []
    frontend.change(loader, "kind", was)
    assert badges(frontend, loader) == chosen, "what the run was of is chosen again"
    frontend.command("Comfy.NewBlankWorkflow")
    assert not frontend.nodes()
    while loader not in frontend.nodes():  # tabs of other tests may lie between
        frontend.command("Workspace.PreviousOpenedWorkflow")
    until(lambda: loader in frontend.nodes() and badges(frontend, loader) == chosen, "the same after another tab")
