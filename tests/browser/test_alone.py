"""Faces are seen without running the rest of the graph, and again after the page is loaded anew."""

import pytest
from serving.patience import until

from .frontend import RENDERERS
from .test_choose_face import KINDS, LINKS
from .test_render_keypoints import GRAPH

LOOSE = ["PreviewImage", 2300, {}]
"""A node that makes a run of the whole graph fail: its input is not connected."""

SLOW = [
    ["MiniatureModel", -3000, {"family": "sd15"}],
    ["CLIPTextEncode", -2600, {}],
    ["EmptyLatentImage", -2200, {"width": 64, "height": 64}],
    ["KSampler", -1800, {"steps": 5000}],
    ["VAEDecode", -1400, {}],
]
SLOW_LINKS = [[0, 3, "model"], [1, 3, "positive"], [1, 3, "negative"], [2, 3, "latent_image"], [3, 4, "samples"]]


def values(workflow):
    """What a saved workflow keeps of each node, by id."""
    return {node["id"]: (node["type"], node.get("widgets_values")) for node in workflow["nodes"]}


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_button_runs_one_node_alone_and_a_reload_shows_it_again(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    *needed, finds, _ = page.evaluate(GRAPH, [[*KINDS[:3], LOOSE], LINKS[:2]])
    frontend.show(finds)
    saved = frontend.workflow()
    run = frontend.run_alone()
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
def test_a_run_that_fails_says_so(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    *_, finds = page.evaluate(GRAPH, [KINDS[:3], LINKS[:1]])
    node = frontend.add("LikenessRenderKeypoints", (900, 100))
    frontend.show(node)
    assert not frontend.run_alone("Draw").succeeded
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
    frontend.complaints.clear()  # of the answer, 400


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_run_that_is_stopped_says_so_and_can_be_repeated(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    photo, _, finds = page.evaluate(GRAPH, [KINDS[:3], LINKS[:2]])
    frontend.show(finds)
    status = page.locator(".likeness-status.likeness-wrong")
    button = page.locator('.likeness-editor [data-focus="play"]')
    held(page)
    button.click()
    page.get_by_text("Looking for faces ...").wait_for()
    page.unroute("**/api/prompt")
    taken = "{ exec_info: { queue_remaining: 0 } }"  # from the queue
    page.evaluate(f"() => window.comfyAPI.api.api.dispatchCustomEvent('status', {taken})")
    status.get_by_text("That did not work: it was stopped.").wait_for()
    assert button.is_enabled()

    slow = page.evaluate(GRAPH, [SLOW, SLOW_LINKS])
    frontend.connect(slow[0], 1, slow[1], "clip")
    frontend.connect(slow[0], 2, slow[4], "vae")
    frontend.connect(slow[4], 0, finds, "image")
    button.click()
    page.get_by_text("Looking for faces ...").wait_for()
    until(lambda: frontend.api.json("/queue")["queue_running"], "the run that is to be stopped")
    frontend.command("Comfy.Interrupt")
    status.get_by_text("That did not work: it was stopped.").wait_for()
    assert button.is_enabled()
    frontend.connect(photo, 0, finds, "image")
    frontend.remove(*slow)
    for _ in range(2):  # the second finds everything computed
        assert frontend.run_alone().succeeded
        page.get_by_text("Click a face to choose it").wait_for()
        assert not status.count()


def held(page):
    """The next run is taken by a server that does not come to it."""
    page.route("**/api/prompt", lambda route: route.fulfill(json={"prompt_id": "held", "number": 1, "node_errors": {}}))
