"""Why a node failed, read on the node and in one toast."""

import json
from pathlib import Path

import pytest
from serving.patience import until

from .editors import REMEMBER, STILL
from .frontend import RENDERERS
from .test_choose_face import KINDS, LINKS
from .test_render_keypoints import GRAPH

LOCALES = Path(__file__).resolve().parents[2] / "locales"
STRIP = ".likeness-message [role='alert']"
NO_FACE = [["EmptyImage", 0, {"width": 128, "height": 128}], *KINDS[1:]]
# The text and every button of the strip, where a person sees and presses them: nothing lies over them.
IN_SIGHT = """strip => [...strip.children].every(part => {
    const { left, top, right, bottom } = part.getBoundingClientRect()
    return [[left + 1, top + 1], [right - 1, bottom - 1], [(left + right) / 2, (top + bottom) / 2]]
        .every(([x, y]) => strip.contains(document.elementFromPoint(x, y)))
})"""


def said(frontend):
    """The messages on nodes, seen on the page."""
    return frontend.page.locator(f"{STRIP} p").all_inner_texts()


def toasts(frontend):
    """Title and text of every toast of ours, and of the host's own on a failure."""
    return frontend.page.locator(".p-toast-message, [data-testid='error-overlay']").all_inner_texts()


def is_whole(frontend, node):
    """Whether the message lies on its node, all of it in sight."""
    left, top, width, height = frontend.box(node)
    strip = frontend.page.locator(STRIP)
    box = strip.bounding_box()
    return (
        strip.evaluate(IN_SIGHT)
        and left <= box["x"]
        and top <= box["y"]
        and box["x"] + box["width"] <= left + width + 1
        and box["y"] + box["height"] <= top + height + 1
    )


def gone(frontend):
    until(lambda: not said(frontend) and not toasts(frontend), "the message to go")


def fails(frontend, kinds, links, node):
    """Run a graph of which one node, by its number, fails; the ids of all nodes and the server's sentence."""
    ids = frontend.page.evaluate(GRAPH, [kinds, links])
    frontend.show()
    frontend.page.evaluate(REMEMBER)
    failed = frontend.queue().messages["execution_error"]
    assert failed["node_id"] == ids[node], failed
    sentence = failed["exception_message"].strip()
    until(lambda: said(frontend), "a message")
    return ids, sentence


def saved(frontend, node):
    """What a saved workflow keeps of a node."""
    return next(found for found in frontend.workflow()["nodes"] if str(found["id"]) == node)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_node_that_failed_says_why_until_it_is_changed(renderer, frontend):
    frontend.renderer(renderer)
    *_, chooses, _, _ = frontend.page.evaluate(GRAPH, [NO_FACE, LINKS])
    frontend.show()
    frontend.page.evaluate(STILL)
    size, values, prompt = (
        saved(frontend, chooses)["size"],
        saved(frontend, chooses)["widgets_values"],
        frontend.prompt(),
    )
    covered = frontend.overlapping()

    failed = frontend.queue().messages["execution_error"]
    sentence = failed["exception_message"].strip()
    assert failed["node_id"] == chooses and sentence.startswith("No face found in picture 1 of 1. Lower")
    assert failed["exception_type"] == "likeness.MissingFace"
    until(lambda: said(frontend) == [sentence] and is_whole(frontend, chooses), "the sentence on the node")
    assert toasts(frontend) == [f"Choose Face\n{sentence}"]
    assert frontend.overlapping() == covered
    frontend.picture(f"message {renderer}")
    assert frontend.prompt() == prompt
    assert (saved(frontend, chooses)["size"], saved(frontend, chooses)["widgets_values"]) == (size, values)
    assert sentence not in json.dumps(frontend.workflow())

    frontend.change(chooses, "missing", "skip")
    gone(frontend)
    until(lambda: saved(frontend, chooses)["size"] == size, "the size that it had")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_message_does_not_lie_over_the_node_below(renderer, frontend):
    frontend.renderer(renderer)
    *_, chooses, _, shows = frontend.page.evaluate(GRAPH, [NO_FACE, LINKS])
    frontend.page.evaluate(STILL)
    frontend.page.evaluate(
        """([above, below]) => {
            const [upper, lower] = [above, below].map(id => app.graph.getNodeById(id))
            lower.pos = [upper.pos[0], upper.pos[1] + upper.size[1] + 70]
        }""",
        [chooses, shows],
    )
    frontend.show()
    frontend.queue()
    until(lambda: said(frontend) and is_whole(frontend, chooses), "the whole message on the node")
    assert ["Choose Face", "Preview Image"] not in frontend.overlapping()
    frontend.picture(f"message above a node {renderer}")


def test_the_message_goes_with_the_next_run_and_with_the_workflow(frontend, example_photo):
    ids, _ = fails(frontend, NO_FACE, LINKS, 3)
    found = frontend.add("LoadImage")
    frontend.change(found, "image", "example.png")
    frontend.connect(found, 0, ids[2], "image")
    assert said(frontend), "another node was changed"
    assert frontend.queue().succeeded
    gone(frontend)

    frontend.clear()
    fails(frontend, NO_FACE, LINKS, 3)
    frontend.clear()
    gone(frontend)


def test_the_message_can_be_closed(frontend):
    fails(frontend, NO_FACE, LINKS, 3)
    frontend.page.locator(f"{STRIP} .likeness-close").click()
    gone(frontend)


def test_a_wrong_file_is_named_on_its_loader(frontend):
    (frontend.api.server.base / "models" / "ipadapter" / "saved page.safetensors").write_text("<!doctype html>")
    kinds = [["LikenessLoadIPAdapter", 0, {"file": "saved page.safetensors"}], *WITHOUT_ENCODER[1:]]
    ids, sentence = fails(frontend, kinds, APPLIED, 0)
    assert "'saved page.safetensors'" in sentence and "web page" in sentence
    until(lambda: said(frontend) == [sentence] and is_whole(frontend, ids[0]), "the sentence on the loader")


WITHOUT_ENCODER = [
    ["LikenessLoadIPAdapter", 0, {"file": "miniature/sd15_base.safetensors"}],
    ["MiniatureModel", 400, {"family": "sd15"}],
    ["EmptyImage", 800, {"width": 64, "height": 64}],
    ["LikenessApplyIPAdapter", 1200, {}],
    ["LikenessShowAdapters", 1600, {}],
    ["PreviewImage", 2000, {}],
]
APPLIED = [[0, 3, "adapter"], [1, 3, "model"], [2, 3, "image"], [3, 4, "model"], [4, 5, "images"]]


def test_the_sentence_is_chinese_on_the_chinese_page(frontend):
    frontend.locale("zh")
    fails(frontend, NO_FACE, LINKS, 3)
    words = json.loads((LOCALES / "zh" / "main.json").read_text(encoding="utf-8"))["likenessMessages"]
    sentence = words["no_face"].format(picture=words["in_picture"].format(number=1, count=1))
    assert said(frontend) == [sentence]
    assert sentence in toasts(frontend)[0]
    frontend.picture("message zh")
