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


def run_both(frontend, renderer, width):
    """Run Find Faces alone, then Face Masks; what a reload has to show: the workflow, both nodes, what the second says."""
    frontend.clear()
    frontend.renderer(renderer)
    face = f'{{"width": {width}, "height": 100, "faces": [[[80, 40], [120, 40], [100, 60], [85, 80], [115, 80]]]}}'
    masked = [["PrimitiveString", 0, {"value": face}], ["LikenessFaceMasks", 900, {}]]
    links = [*LINKS[:2], [4, 5, "keypoints"]]
    *needed, finds, _, text, masks = frontend.page.evaluate(GRAPH, [[*KINDS[:3], LOOSE, *masked], links])
    frontend.show(finds)
    saved, said = frontend.workflow(), f"1 masks of {width}x100"
    run = frontend.run_alone("Find the faces now")
    assert run.succeeded, run.messages
    sent = run.entry["prompt"][2]
    assert {*needed, finds} < set(sent) and len(sent) == 4, "what it needs, and what looks at it"
    wait_for_faces(frontend)
    assert values(frontend.workflow()) == values(saved)
    frontend.picture(f"run alone {renderer}")

    frontend.show(masks)
    run = frontend.run_alone("Make the masks now")
    assert run.succeeded and {text, masks} < set(run.entry["prompt"][2]), run.messages
    assert run.entry["outputs"][masks]["images"]
    wait_for_words(frontend, said)
    frontend.picture(f"masks alone {renderer}", masks)
    return saved, finds, masks, said


def wait_for_faces(frontend):
    boxes = frontend.page.locator(".likeness-box")
    until(lambda: boxes.count() == 2, "both faces")


def wait_for_words(frontend, said):
    shown = frontend.page.get_by_text(said)
    until(lambda: shown.count() == 1, "what it made")


def test_a_button_runs_one_node_alone_and_a_reload_shows_it_again(frontend, page, example_photo):
    widths = {"canvas": 200, "nodes 2.0": 220}  # what was made before is not said again
    runs = {renderer: run_both(frontend, renderer, widths[renderer]) for renderer in RENDERERS}
    frontend.open()
    for renderer, (saved, finds, masks, said) in reversed(runs.items()):  # the page opens in the last one
        frontend.clear()
        frontend.renderer(renderer)
        frontend.load(saved)
        frontend.show(finds)
        wait_for_faces(frontend)
        frontend.picture(f"after a reload {renderer}")
        frontend.show(masks)
        wait_for_words(frontend, said)
        assert page.evaluate("id => app.nodeOutputs[id]?.images.length", masks) == 1
        frontend.picture(f"masks after a reload {renderer}", masks)


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
def test_what_comes_from_the_cache_is_shown_again(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    failing = ["LikenessRenderKeypoints", 900, {}], ["PreviewImage", 1300, {}]
    *_, finds, draws, _ = page.evaluate(GRAPH, [[*KINDS[:3], *failing], [*LINKS[:2], [3, 4, "images"]]])
    frontend.show(finds)
    assert frontend.run_alone("Find the faces now").succeeded
    said = page.get_by_text("picture 1 of 1: 2 faces (at 640)")
    said.wait_for()

    def found_again(run):
        assert finds in run.cached, "not computed anew"
        wait_for_faces(frontend)
        said.wait_for()

    def changed_and_back():
        for threshold in (0.6, 0.5):
            frontend.change(finds, "threshold", threshold)
        until(lambda: not said.count(), "nothing of a run with other values")

    changed_and_back()
    found_again(frontend.run_alone("Find the faces now"))
    changed_and_back()
    run = frontend.queue()
    assert not run.succeeded and run.messages["execution_error"]["node_id"] == draws
    found_again(run)
    frontend.load(frontend.workflow() | {"id": "another workflow"})
    frontend.show(finds)
    assert not said.count() and not page.locator(".likeness-box").count()
    found_again(frontend.queue())
    frontend.picture(f"from the cache of a run that failed {renderer}")
    frontend.dismiss_toasts()


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
