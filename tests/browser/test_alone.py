"""Faces are seen without running the rest of the graph, and again after the page is loaded anew."""

import pytest
from serving.patience import until

from .frontend import RENDERERS
from .test_choose_face import KINDS, LINKS
from .test_render_keypoints import GRAPH

LOOSE = ["PreviewImage", 2300, {}]
"""A node that makes a run of the whole graph fail: its input is not connected."""


def values(workflow):
    """What a saved workflow keeps of each node, by id."""
    return {node["id"]: (node["type"], node.get("widgets_values")) for node in workflow["nodes"]}


def press(frontend, label=""):
    """Press the first button, with a label that begins so, that runs a node alone; the history of that run."""
    with frontend.page.expect_response("**/api/prompt") as answer:
        wanted = label and f'[aria-label^="{label}"]'
        frontend.page.locator(f'.likeness-editor [data-focus="play"]{wanted}').first.click()
    assert answer.value.ok, answer.value.text()
    return frontend.api.wait(answer.value.json()["prompt_id"], pause=lambda: frontend.page.wait_for_timeout(100))


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_button_runs_one_node_alone_and_a_reload_shows_it_again(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    *needed, finds, _ = page.evaluate(GRAPH, [[*KINDS[:3], LOOSE], LINKS[:2]])
    frontend.show(finds)
    saved = frontend.workflow()
    run = press(frontend)
    assert run.succeeded, run.messages
    sent = run.entry["prompt"][2]
    assert {*needed, finds} < set(sent) and len(sent) == 4, "what it needs, and what looks at it"
    boxes = page.locator(".likeness-box")
    until(lambda: boxes.count() == 2, "both faces")
    assert values(frontend.workflow()) == values(saved)
    frontend.picture(f"run alone {renderer}")

    frontend.open()
    frontend.load(saved)
    frontend.show(finds)
    until(lambda: boxes.count() == 2, "the faces of the last run")
    frontend.picture(f"after a reload {renderer}")


def test_what_cannot_run_says_why(frontend, page):
    node = frontend.add("LikenessRenderKeypoints")
    frontend.show(node)
    run = press(frontend)
    assert not run.succeeded
    page.get_by_text("Render Keypoints needs 'faces', 'landmarks' or 'keypoints'; none is given.").first.wait_for()
    frontend.dismiss_toasts()
