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
    """Press the first button that is seen, with a label that begins so, that runs a node alone; the history of that run."""
    with frontend.page.expect_response("**/api/prompt") as answer:
        wanted = label and f'[aria-label^="{label}"]'
        frontend.page.locator(f'.likeness-editor [data-focus="play"]{wanted}:visible').first.click()
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


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_run_that_fails_or_is_stopped_says_so_and_can_be_repeated(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    photo, models, finds = page.evaluate(GRAPH, [KINDS[:3], LINKS[:1]])
    node = frontend.add("LikenessRenderKeypoints", (900, 100))
    frontend.show(node)
    assert not press(frontend, "Draw").succeeded
    why = "Render Keypoints needs 'faces', 'landmarks' or 'keypoints'; none is given."
    status = page.locator(".likeness-status.likeness-wrong")
    status.get_by_text(f"That did not work: {why}").wait_for()
    frontend.picture(f"run alone failed {renderer}", node)
    frontend.dismiss_toasts()

    frontend.remove(node)
    frontend.show(finds)
    page.evaluate("id => app.graph.getNodeById(id).disconnectInput(0)", finds)
    page.locator('.likeness-editor [data-focus="play"]').click()
    status.get_by_text("That did not work: Find Faces: 'image' is not connected.").wait_for()
    frontend.connect(photo, 0, finds, "image")
    frontend.complaints.clear()  # of the answer, 400

    page.evaluate(
        "([models, finds]) => app.graph.getNodeById(models).connect(0, app.graph.getNodeById(finds), 1)",
        [models, finds],
    )
    for event, detail in (
        ("status", "{ exec_info: { queue_remaining: 0 } }"),  # taken from the queue
        ("execution_interrupted", "{ prompt_id: 'held' }"),
    ):
        held(page)
        page.locator('.likeness-editor [data-focus="play"]').click()
        page.get_by_text("Looking for faces ...").wait_for()
        page.unroute("**/api/prompt")
        page.evaluate(f"() => window.comfyAPI.api.api.dispatchCustomEvent('{event}', {detail})")
        status.get_by_text("That did not work: it was stopped.").wait_for()
        assert page.locator('.likeness-editor [data-focus="play"]').is_enabled()
    for _ in range(2):  # the second finds everything computed
        assert press(frontend).succeeded
        page.get_by_text("Click a face to choose it").wait_for()
        assert not status.count()


def held(page):
    """The next run is taken by a server that does not come to it."""
    page.route("**/api/prompt", lambda route: route.fulfill(json={"prompt_id": "held", "number": 1, "node_errors": {}}))
