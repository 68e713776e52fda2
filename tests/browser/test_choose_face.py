"""The numbered faces of Find Faces and Choose Face."""

import shutil

import pytest
from serving.fixtures import DATA
from serving.patience import until

from .frontend import RENDERERS
from .test_render_keypoints import GRAPH

KINDS = [
    ["LoadImage", 0, {"image": "example.png"}],
    ["LikenessLoadFaceModels", 0, {"pack": "vectron"}],
    ["LikenessFindFaces", 400, {"embed": False}],
    ["LikenessChooseFace", 900, {}],
    ["LikenessRenderKeypoints", 1300, {}],
    ["PreviewImage", 1800, {}],
]
# Number of every tag, and whether it lies over any face's frame of its picture.
TAGS = """() => [...document.querySelectorAll('.likeness-box text')].map(text => {
    const tag = text.previousElementSibling.getBoundingClientRect()
    const covers = frame => {
        const box = frame.getBoundingClientRect(), soft = 1
        return tag.left + soft < box.right && box.left + soft < tag.right && tag.top + soft < box.bottom && box.top + soft < tag.bottom
    }
    return [text.textContent, [...text.closest('svg').querySelectorAll('.likeness-frame')].some(covers)]
})"""
# Whether each crop shows its part of the photo, where a person sees it.
CROPS = """() => [...document.querySelectorAll('.likeness-crop')].filter(crop => crop.checkVisibility()).map(crop => {
    const { left, top, width, height } = crop.getBoundingClientRect()
    return width > 8 && crop.contains(document.elementFromPoint(left + width / 2, top + height / 2))
})"""
# Number and colour of each chosen face on the first node, and of each person where keypoints are drawn and prompts written.
NUMBERED = """() => [...document.querySelectorAll('.likeness-crop .likeness-number')].slice(0, 2).map(
    one => [one.textContent, one.style.backgroundColor])"""
PEOPLE = """() => [
    ...[...document.querySelectorAll('.likeness-face > text')].map(one => [one.textContent, one.previousElementSibling]),
    ...[...document.querySelectorAll('.likeness-lines .likeness-person')].map(one => [one.textContent, one])
].map(([text, one]) => [text, one.getAttribute('fill') ? getComputedStyle(one).fill : getComputedStyle(one).backgroundColor])"""
SAID = "1 of 1 pictures have a face"
LINKS = [[0, 2, "image"], [1, 2, "face_models"], [2, 3, "faces"], [3, 4, "faces"], [4, 5, "images"]]


def check_people_count_from_one(frontend, chooses):
    """The number is typed as the pictures have it, and kept as the input has always been."""
    number = frontend.page.locator(".likeness-count input")
    for typed, index in (("2", 1), ("1", 0)):
        number.fill(typed)
        number.press("Enter")
        assert frontend.value(chooses, "index") == frontend.prompt()[chooses]["inputs"]["index"] == index
    assert not frontend.page.get_by_text("index", exact=True).count()


def with_people_after(frontend):
    """A graph in which masks are made of the faces that are chosen, and prompts written for them; the ids of its nodes."""
    further = [["LikenessFaceMasks", 1300, {}], ["MaskPreview", 1800, {}], ["LikenessRegionPrompts", 2300, {}]]
    links = [*LINKS, [3, 6, "faces"], [6, 7, "mask"], [6, 8, "masks"]]
    made = frontend.page.evaluate(GRAPH, [[*KINDS, *further], links])
    below = "ids => ids.forEach(id => (app.graph.getNodeById(id).pos[1] += 900))"
    frontend.page.evaluate(below, [made[6], made[8]])
    return made


def run_of(frontend, prompts):
    """What nodes say in a run without the one that has no text encoder."""
    run = frontend.queue(rewritten=lambda prompt: {k: v for k, v in prompt.items() if k != prompts})
    assert run.succeeded, run.messages
    return run.entry["outputs"]


def check_people_are_the_same_everywhere(frontend, *nodes):
    page, prompts = frontend.page, nodes[-1]
    frontend.change(prompts, "prompts", "in a red jacket\nin a straw hat")
    frontend.show(*nodes)
    wanted = dict(page.evaluate(NUMBERED))
    assert len(set(wanted.values())) == 2
    until(lambda: page.evaluate(PEOPLE) == [["2", wanted["2"]], ["1", wanted["1"]]] * 2, "the same people everywhere")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_click_chooses_a_face(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    _, _, finds, chooses, *_ = page.evaluate(GRAPH, [KINDS, LINKS])
    outputs = frontend.queue_anew().entry["outputs"]
    found = outputs[finds]["likeness_faces"][0][0]["faces"]
    (largest,) = outputs[chooses]["likeness_faces"][0][0]["chosen"]
    frontend.show(finds, chooses)
    boxes = page.locator(".likeness-box")
    until(
        lambda: boxes.count() == 2 * len(found) == 4 and page.get_by_text(SAID).count() == 1,
        "both nodes show both faces, and one says which",
    )
    frontend.picture(f"face picker {renderer}")
    pressed = page.locator('.likeness-box[aria-pressed="true"]')
    assert pressed.evaluate_all("them => them.map(one => one.dataset.face)") == [str(largest)] * 2  # on both nodes

    frontend.remember()
    other = 1 - largest
    page.locator(f'.likeness-box[data-face="{other}"]').first.click()
    until(lambda: not page.get_by_text(SAID).count(), "no word of the face that was chosen before")
    assert (frontend.value(chooses, "rule"), frontend.value(chooses, "index")) == ("as numbered", other)
    assert pressed.evaluate_all("them => them.map(one => one.dataset.face)") == [str(other)] * 2
    assert {"rule": "as numbered", "index": other}.items() <= frontend.prompt()[chooses]["inputs"].items()
    frontend.still()
    page.locator(".likeness-editor").evaluate_all("them => them.forEach(one => (one.dataset.before = 'undo'))")
    page.keyboard.press("Control+z")
    until(lambda: frontend.value(chooses, "rule") == "largest", "the rule before")
    page.wait_for_function("!document.querySelector('[data-before]')")  # the host makes every node anew
    until(lambda: boxes.count() == 4, "faces are still shown after undo")

    check_people_count_from_one(frontend, chooses)
    page.locator('.likeness-box[data-face="0"]').last.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert (frontend.value(chooses, "rule"), frontend.value(chooses, "index")) == ("as numbered", 1)
    assert frontend.queue().entry["outputs"][chooses]["likeness_faces"][0][0]["chosen"] == [1]


def check_people_are_chosen_again_by_their_numbers(frontend, finds, chooses):
    """Faces 2 and 1 go on in this order; a second Choose Face calls them the same."""
    page, again = frontend.page, frontend.add("LikenessChooseFace", (1300, -700))
    frontend.connect(chooses, 0, again, "faces")
    frontend.show(again)
    assert frontend.run_alone(at=-1).succeeded
    frontend.show(finds, chooses, again)
    crops = page.locator(".likeness-crop")
    until(lambda: crops.count() == 6 and crops.nth(4).inner_text().split() == ["2"], "face 2 comes first")
    crops.nth(4).click()
    page.get_by_text("Face 2 is chosen.").wait_for()
    assert frontend.prompt()[again]["inputs"]["several"] == "2"
    frontend.show(again)
    run = frontend.run_alone(at=-1)
    assert run.entry["outputs"][again]["likeness_faces"][0][0]["chosen"] == [0]
    frontend.remove(again)
    frontend.show(finds, chooses)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_strip_shows_every_face_alone_and_several_are_chosen_in_order(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    _, _, finds, chooses, draws, _, masks, _, prompts = with_people_after(frontend)
    run_of(frontend, prompts)
    frontend.show(finds, chooses)
    crops = page.locator(".likeness-crop")
    until(lambda: crops.count() == 4 and page.evaluate(CROPS) == [True] * 4, "each face alone, on both nodes")
    assert page.evaluate(TAGS) == [["1", False], ["2", False]] * 2
    crops.first.hover()
    large, small = page.locator(".likeness-loupe").bounding_box(), crops.first.bounding_box()
    assert large["width"] > 1.5 * small["width"]
    shown = page.locator(".likeness-loupe svg").bounding_box()
    assert all(abs(shown[side] - large[side]) <= 3 for side in large), "the face alone, in its frame"
    frontend.picture(f"face under the pointer {renderer}")

    crops.nth(1).click()
    crops.first.click(modifiers=["Control"])
    assert (frontend.value(chooses, "several"), frontend.prompt()[chooses]["inputs"]["several"]) == ("2, 1", "2, 1")
    page.get_by_text("Faces 2, 1 are chosen, in this order.").first.wait_for()
    assert crops.last.inner_text().split() == ["2", "1."]
    outputs = run_of(frontend, prompts)
    assert outputs[chooses]["likeness_faces"][0][0]["chosen"] == [1, 0]
    assert outputs[masks]["likeness_people"] == [[2, 1]]
    check_people_are_the_same_everywhere(frontend, finds, chooses, draws, masks, prompts)
    frontend.picture(f"two faces in order {renderer}")
    check_people_are_chosen_again_by_their_numbers(frontend, finds, chooses)
    crops.nth(3).click(modifiers=["Control"])
    assert (frontend.value(chooses, "several"), frontend.value(chooses, "index")) == ("", 0)
    frontend.change(chooses, "several", "1, 3")
    said = page.get_by_text("3 is asked for, and here are 2 faces. Click the one to use.")
    until(lambda: said.count() == 2, "both nodes say who is not there")
    assert said.evaluate_all("them => them.every(one => one.closest('.likeness-wrong'))")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_in_a_group_of_29_each_face_can_be_told_and_chosen(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    photo = DATA / "photos" / "solvay_conference_1927.jpg"
    shutil.copy(photo, frontend.api.server.base / "input" / photo.name)
    kinds = [["LoadImage", 0, {"image": photo.name}], *KINDS[1:]]
    _, _, finds, chooses, *_ = page.evaluate(GRAPH, [kinds, LINKS])
    assert frontend.queue().succeeded
    frontend.show(finds)
    crops = page.locator(".likeness-crop")
    until(lambda: crops.count() == 58, "every face alone, on both nodes")
    assert not [tag for tag, covers in page.evaluate(TAGS) if covers]
    frontend.picture(f"a group {renderer}", finds)
    last = crops.nth(28)
    last.click()
    assert (frontend.value(chooses, "rule"), frontend.value(chooses, "index")) == ("as numbered", 28)
    page.get_by_text("Face 29 is chosen").first.wait_for()


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_click_adds_choose_face_where_there_is_none(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    kinds = [*KINDS[:3], *KINDS[4:]]
    links = [[0, 2, "image"], [1, 2, "face_models"], [2, 3, "faces"], [3, 4, "images"]]
    *_, finds, _, _ = page.evaluate(GRAPH, [kinds, links])
    assert frontend.queue().succeeded
    frontend.show(finds)
    page.locator('.likeness-box[data-face="1"]').click()
    (added,) = (id for id, node in frontend.nodes().items() if node["kind"] == "LikenessChooseFace")
    sent = frontend.prompt()[added]["inputs"]
    assert (sent["faces"], sent["rule"], sent["index"]) == ([finds, 0], "as numbered", 1)


def test_a_list_of_photos_is_leafed_through_whole(frontend, example_photo):
    """The host gives what a node says for each of a list in one list."""
    page = frontend.page
    _, _, finds, *_ = page.evaluate(GRAPH, [KINDS, LINKS])
    assert frontend.queue().succeeded
    until(lambda: page.evaluate("id => !!app.nodeOutputs[id]", finds), "the faces")
    page.evaluate(
        """id => {
            const [pictures] = app.nodeOutputs[id].likeness_faces
            app.nodeOutputs[id] = { likeness_faces: [pictures, pictures] }
            app.graph.getNodeById(id).onExecuted({})
        }""",
        finds,
    )
    frontend.show(finds)
    until(lambda: "1 / 2" in page.locator(".likeness-bar").all_inner_texts(), "two pictures to leaf through")
