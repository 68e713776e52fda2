"""Why a node failed, read on the node and in one toast, and the buttons that help."""

import json
import re
from pathlib import Path

import pytest
from pack.attention.files.published import FILES
from serving.patience import until

from .frontend import RENDERERS
from .test_choose_face import KINDS, LINKS
from .test_node_text import SAY
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

HOSTS_TOAST = "() => app.extensionManager._p._s.get('executionError').showErrorOverlay()"


def words(language, table):
    return json.loads((LOCALES / language / "main.json").read_text(encoding="utf-8"))[table]


def template(key):
    """A message that a button helps against, with places for its values."""
    return words("en", "likenessRemedies")[key]


def said(frontend):
    """The messages on nodes, seen on the page."""
    return frontend.page.locator(f"{STRIP} p").all_inner_texts()


def buttons(frontend):
    return frontend.page.locator(f"{STRIP} button:not(.likeness-close)")


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
    until(lambda: not said(frontend) and not frontend.toasts(), "the message to go")


def fails(frontend, kinds, links, node, anew=False):
    """Run a graph of which one node, by its number, fails; the ids of all nodes and the server's sentence.

    `anew`: what goes before it says what it says, which a failing run does not tell from the cache.
    """
    ids = frontend.page.evaluate(GRAPH, [kinds, links])
    frontend.show()
    frontend.remember()
    failed = (frontend.queue_anew if anew else frontend.queue)().messages["execution_error"]
    assert failed["node_id"] == ids[node], failed
    sentence = failed["exception_message"].strip()
    until(lambda: said(frontend), "a message")
    return ids, sentence


def saved(frontend, node):
    """What a saved workflow keeps of a node."""
    return next(found for found in frontend.workflow()["nodes"] if str(found["id"]) == node)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_node_that_failed_says_why_until_the_button_is_pressed(renderer, frontend):
    frontend.renderer(renderer)
    _, _, finds, chooses, *_ = frontend.page.evaluate(GRAPH, [NO_FACE, LINKS])
    frontend.show()
    frontend.remember()
    size, values, prompt = (
        saved(frontend, chooses)["size"],
        saved(frontend, chooses)["widgets_values"],
        frontend.prompt(),
    )
    covered = frontend.overlapping()

    failed = frontend.queue_anew().messages["execution_error"]  # what Find Faces says comes not from the cache
    sentence = failed["exception_message"].strip()
    assert failed["node_id"] == chooses and sentence.startswith("No face found in picture 1 of 1. Lower")
    assert failed["exception_type"] == "likeness.MissingFace"
    until(lambda: said(frontend) == [sentence] and is_whole(frontend, chooses), "the sentence on the node")
    until(lambda: frontend.toasts() == [f"Choose Face\n{sentence}"], "one toast with the title")
    frontend.page.evaluate(HOSTS_TOAST)  # newer pages show theirs when they know which run it was: also later
    frontend.settle()
    until(lambda: frontend.toasts() == [f"Choose Face\n{sentence}"], "still one toast")
    assert frontend.overlapping() == covered
    pictures = frontend.page.locator(".likeness-plot image")
    assert pictures.count() == 1, "that of Find Faces: where no face is found none is to be chosen"
    frontend.picture(f"message {renderer}")
    assert frontend.prompt() == prompt
    assert (saved(frontend, chooses)["size"], saved(frontend, chooses)["widgets_values"]) == (size, values)
    assert sentence not in json.dumps(frontend.workflow())

    assert buttons(frontend).all_inner_texts() == ["Lower the threshold to 0.3"]
    buttons(frontend).click()
    gone(frontend)
    until(lambda: saved(frontend, chooses)["size"] == size, "the size that it had")
    assert frontend.prompt()[finds]["inputs"]["threshold"] == 0.3
    frontend.page.keyboard.press("Control+z")
    until(lambda: frontend.value(finds, "threshold") == 0.5, "the threshold before")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_message_does_not_lie_over_the_node_below(renderer, frontend):
    frontend.renderer(renderer)
    *_, chooses, _, shows = frontend.page.evaluate(GRAPH, [NO_FACE, LINKS])
    frontend.still()
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


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_message_goes_when_closed_when_mended_elsewhere_and_with_the_workflow(renderer, frontend, example_photo):
    frontend.renderer(renderer)
    ids, _ = fails(frontend, NO_FACE, LINKS, 3)
    frontend.page.locator(f"{STRIP} .likeness-close").click()
    gone(frontend)
    frontend.queue()
    until(lambda: said(frontend), "the message again")
    found = frontend.add("LoadImage")
    frontend.change(found, "image", "example.png")
    frontend.change(ids[4], "width", 512)
    assert said(frontend), "nothing was changed that the node gets"
    frontend.connect(found, 0, ids[2], "image")
    gone(frontend)
    assert frontend.queue().succeeded
    assert not said(frontend)

    frontend.clear()
    fails(frontend, NO_FACE, LINKS, 3)
    frontend.clear()
    gone(frontend)


WITHOUT_ENCODER = [
    ["LikenessLoadIPAdapter", 0, {"file": "miniature/sd15_base.safetensors"}],
    ["MiniatureModel", 400, {"family": "sd15"}],
    ["EmptyImage", 800, {"width": 64, "height": 64}],
    ["LikenessApplyIPAdapter", 1200, {}],
    ["LikenessShowAdapters", 1600, {}],
    ["PreviewImage", 2000, {}],
]
APPLIED = [[0, 3, "adapter"], [1, 3, "model"], [2, 3, "image"], [3, 4, "model"], [4, 5, "images"]]


def test_a_wrong_file_is_named_on_its_loader(frontend):
    (frontend.api.server.base / "models" / "ipadapter" / "saved page.safetensors").write_text("<!doctype html>")
    kinds = [["LikenessLoadIPAdapter", 0, {"file": "saved page.safetensors"}], *WITHOUT_ENCODER[1:]]
    ids, sentence = fails(frontend, kinds, APPLIED, 0)
    assert "'saved page.safetensors'" in sentence and "web page" in sentence
    until(lambda: said(frontend) == [sentence] and is_whole(frontend, ids[0]), "the sentence on the loader")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_button_connects_an_image_encoder(renderer, frontend):
    frontend.renderer(renderer)
    ids, sentence = fails(frontend, WITHOUT_ENCODER, APPLIED, 3)
    assert "needs an image encoder" in sentence
    frontend.picture(f"message encoder {renderer}")
    buttons(frontend).filter(has_text="Insert a Load CLIP Vision").click()
    gone(frontend)
    (made,) = (id for id, node in frontend.nodes().items() if node["kind"] == "CLIPVisionLoader")
    assert frontend.prompt()[ids[3]]["inputs"]["clip_vision"] == [made, 0]
    titles = {node["title"] for id, node in frontend.nodes().items() if id == made}
    assert not [pair for pair in frontend.overlapping() if titles & set(pair)]


def test_a_button_takes_the_largest_face(frontend, example_photo):
    kinds = [*KINDS[:3], ["LikenessChooseFace", 900, {"rule": "left to right", "index": 7}], *KINDS[4:]]
    ids, sentence = fails(frontend, kinds, LINKS, 3, anew=True)
    assert sentence == "Face 8 was asked for, by 'index' 7, which counts from 0; picture 1 of 1 shows 2."
    missing = frontend.page.get_by_text("8 is asked for, and here are 2 faces. Click the one to use.")
    until(lambda: missing.count() == 2, "both nodes show whom they have")
    buttons(frontend).filter(has_text="Take the largest face").click()
    gone(frontend)
    assert (frontend.value(ids[3], "rule"), frontend.value(ids[3], "index")) == ("largest", 0)
    assert frontend.queue().succeeded
    assert not said(frontend)


def test_a_button_chooses_one_of_several_faces(frontend, example_photo):
    kinds = [
        *KINDS[:2],
        ["LikenessFindFaces", 400, {}],
        ["LikenessLoadIPAdapter", 0, {"file": "miniature/sd15_faceid.safetensors"}],
        ["MiniatureModel", 0, {"family": "sd15"}],
        ["LikenessApplyIPAdapter", 1400, {"any_recogniser": True}],
        ["LikenessShowAdapters", 1900, {}],
        ["PreviewImage", 2400, {}],
    ]
    links = [*LINKS[:2], [2, 5, "faces"], [3, 5, "adapter"], [4, 5, "model"], [5, 6, "model"], [6, 7, "images"]]
    ids, sentence = fails(frontend, kinds, links, 5)
    assert sentence == "picture 1 of 1 has 2 faces; one is needed. Pick it with Choose Face."
    buttons(frontend).filter(has_text="Insert a Choose Face").click()
    gone(frontend)
    (chooses,) = (id for id, node in frontend.nodes().items() if node["kind"] == "LikenessChooseFace")
    sent = frontend.prompt()
    assert (sent[chooses]["inputs"]["faces"], sent[ids[5]]["inputs"]["faces"]) == ([ids[2], 0], [chooses, 0])
    assert frontend.queue().succeeded
    assert not said(frontend)


def fail_with(frontend, node, sentence):
    """What the server says when this node, in sight, fails with this sentence; then the whole node is looked at."""
    frontend.show(node)  # the page makes nothing for nodes out of sight
    frontend.page.evaluate(
        """([node_id, exception_message]) => {
            const node_type = app.graph.getNodeById(node_id).type
            app.api.dispatchCustomEvent('execution_error', { prompt_id: 'none', node_id, node_type, executed: [],
                exception_message, exception_type: 'ValueError', traceback: [], current_inputs: {}, current_outputs: [] })
        }""",
        [node, f"{sentence}\n"],
    )
    until(lambda: said(frontend), "a message")
    frontend.show(node)  # the message has made it higher


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_button_sets_the_size_of_the_keypoints(renderer, frontend):
    frontend.renderer(renderer)
    kinds = [["LikenessRenderKeypoints", 0, {}], ["LikenessApplyIdentityNet", 500, {}]]
    drawn, applied = frontend.page.evaluate(GRAPH, [kinds, [[0, 1, "image"]]])
    sentence = template("keypoint_size").format(given="1024x1024", wanted="640x832")
    fail_with(frontend, applied, sentence)
    buttons(frontend).filter(has_text="Set 640x832 in Render Keypoints").click()
    gone(frontend)
    assert (frontend.value(drawn, "width"), frontend.value(drawn, "height")) == (640, 832)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_keypoints_whose_size_a_latent_says_get_the_latent_that_is_sampled(renderer, frontend, page):
    """Also where they are drawn in a subgraph, whose message is told by the node around it."""
    frontend.renderer(renderer)
    kinds = [
        ["EmptyLatentImage", -400, {"width": 512}],
        ["EmptyLatentImage", -400, {"width": 640, "height": 832}],
        ["LikenessRenderKeypoints", 0, {}],
        ["LikenessApplyInstantID", 500, {}],
    ]
    other, sampled, drawn, applied = page.evaluate(
        GRAPH, [kinds, [[0, 2, "latent"], [1, 3, "latent"], [2, 3, "image"]]]
    )
    page.evaluate("id => { app.graph.convertToSubgraph(new Set([app.graph.getNodeById(id)])) }", drawn)
    (group,) = (id for id in frontend.nodes() if id not in (other, sampled, drawn, applied))
    fail_with(frontend, applied, template("keypoint_size").format(given="512x512", wanted="640x832"))
    frontend.picture(f"message latent {renderer}")
    buttons(frontend).filter(has_text="Connect this latent to Render Keypoints too").click()
    gone(frontend)
    sent = frontend.prompt()
    (within,) = (node for node in sent.values() if node["class_type"] == "LikenessRenderKeypoints")
    assert within["inputs"]["latent"] == sent[applied]["inputs"]["latent"] == [sampled, 0]
    frontend.page.keyboard.press("Control+z")
    until(lambda: group in frontend.nodes() and str([other, 0]) in str(frontend.prompt()), "the latent before")


def test_a_button_downloads_what_is_missing_and_shows_how_much_has_arrived(frontend, page):
    """The sentence is real; the miniature model is of other widths than any published adapter."""
    file = next(file for file in FILES.values() if file.folder == "ipadapter")
    node = frontend.add("LikenessLoadByPreset")
    sentence = (
        f"No installed adapter serves 'standard' for SD1.5.\nGet {file.described()}. The Download button on the node "
        "fetches it."
    )
    fail_with(frontend, node, sentence)
    assert said(frontend) == [sentence]
    frontend.show(node)
    asked = []
    page.route(
        "**/likeness/download", lambda route: (asked.append(route.request.post_data_json), route.fulfill(json={}))
    )
    try:
        button = buttons(frontend)
        assert button.all_inner_texts() == [f"Download {file.name}"]
        button.click()
        page.get_by_role("button", name="Confirm").click()
        until(lambda: asked == [{"file": file.id}], "the download to be asked for")
    finally:
        page.unroute("**/likeness/download")
    tell = "data => app.api.dispatchCustomEvent('likeness.download', data)"
    going = {"file": file.id, "state": "running", "received": file.size // 4 + 1, "total": file.size, "message": ""}
    page.evaluate(tell, going)
    assert button.all_inner_texts() == [f"Download {file.name}: 25 %"] and button.is_disabled()
    page.evaluate(tell, {**going, "state": "done", "message": "there"})
    until(lambda: not said(frontend), "the message to go")
    frontend.dismiss_toasts()


PLACE = re.compile(r"\{(\w+)\}")
# What the page makes of texts, in its language.
SPOKEN = """async texts => {
    const { spoken } = await import('/extensions/comfyui-likeness/editor/sentences.js')
    return texts.map(spoken)
}"""
PUT_TOGETHER = (
    "'a.bin' cannot be used as an IP-Adapter: it is a web page that was saved in its place. Download it again "
    "from its publisher.",
    "picture 2 of 3, face 1: small (31 pixels), turned away (by about 52 degrees); expect less likeness",
    "picture 1 of 2: no face\npicture 2 of 2: 3 faces (at 640)\nnot embedded: no face models are connected",
    "Redux picture 1: weight 0.4, scheduled, masked",
    "No installed adapter serves 'plus' for SDXL.\n'b.bin' is there and is a web page that was saved in its place: get it again",
)
"""Texts of several templates, one within the other or side by side; all that is not a name is Chinese then."""
NAMED = re.compile("\u201c.*?\u201d")


def filled(text, english):
    """With a value in each place; of two beside each other the second may be empty."""
    empty = re.findall(r"(?<=\})\{(\w+)\}", english)
    return PLACE.sub(lambda place: "" if place[1] in empty else "<>", text)


def check_every_text_is_known(page):
    """Each template, filled with values, is read as itself; and what is put together of several."""
    chinese = words("zh", "likenessMessages")
    read = page.evaluate(SPOKEN, [filled(english, english) for english in chinese])
    wanted = [filled(text, english) for english, text in chinese.items()]
    assert not [(text, want) for text, want in zip(read, wanted, strict=True) if text != want]
    together = page.evaluate(SPOKEN, list(PUT_TOGETHER))
    assert not [text for text in together if re.search(r"(?<![\w.-])[a-z]{2,}(?![\w.-])", NAMED.sub("", text))]


def check_the_node_speaks(frontend, renderer):
    """Lists, badges and what a run says; what is saved stays as it is."""
    frontend.renderer(renderer)
    node = frontend.add("LikenessChooseFace")
    finds = frontend.add("LikenessFindFaces", (600, 0))
    frontend.page.evaluate(
        """id => {
            app.nodeOutputs[id] = { likeness_badges: [['2 faces', 'at 640', 'less likeness: dark']] }
            app.graph.getNodeById(id).onExecuted({})
        }""",
        finds,
    )
    frontend.page.evaluate(SAY, [node, "no face in picture 3 of 5: skipped"])
    frontend.show(node, finds)
    spoken = frontend.page.evaluate(
        SPOKEN, ["2 faces", "at 640", "less likeness: dark", "no face in picture 3 of 5: skipped"]
    )
    for text in spoken:
        assert not text.isascii()
        frontend.page.get_by_text(text, exact=True).first.wait_for()
    largest = f"{words('zh', 'likenessOptions')['largest']} (largest)"
    shows = "id => app.graph.getNodeById(id).widgets.find(widget => widget.name === 'rule')._displayValue"
    assert frontend.page.evaluate(shows, node) == largest, "what the classic renderer draws"
    if renderer != "canvas":
        frontend.page.get_by_text(largest).first.wait_for()
    assert frontend.value(node, "rule") == "largest" == frontend.prompt()[node]["inputs"]["rule"]
    frontend.picture(f"words of a node zh {renderer}")
    frontend.clear()


def test_everything_said_is_chinese_on_the_chinese_page(frontend):
    frontend.locale("zh")
    ids, _ = fails(frontend, NO_FACE, LINKS, 3)
    title = frontend.nodes()[ids[3]]["title"]
    (sentence,) = said(frontend)
    assert re.fullmatch("[^a-zA-Z]+skip[^a-zA-Z]+", sentence)
    until(lambda: f"{title}\n{sentence}" in frontend.toasts(), "the toast with the title")
    assert not title.isascii() and not buttons(frontend).inner_text().isascii()
    frontend.picture("message zh")
    check_every_text_is_known(frontend.page)
    frontend.dismiss_toasts()
    for renderer in RENDERERS:
        frontend.clear()
        check_the_node_speaks(frontend, renderer)
