"""Every subgraph blueprint is offered among the nodes, can be placed, and runs in the workflow it shortens."""

import json
from pathlib import Path

import pytest
from serving.patience import until
from serving.substitutes import on_the_miniature

from .frontend import RENDERERS, template
from .test_choose_face import CROPS

BLUEPRINTS = sorted((Path(__file__).resolve().parents[2] / "subgraphs").glob("*.json"))

# Blueprint -> the template it shortens: nodes it stands for, what goes into it, where its outputs go, widgets on it. Of a
# template's nodes 13 and 20 are where its picture is drawn, 19 and 21 its prompt and its files.
PLACES = {
    "Picture prompt": (
        "IP-Adapter 1 picture prompt",
        ("4", "5", "12"),
        {"model": ("2", 0), "image": ("3", 0)},
        (("13", "model"),),
        ["preset", "weight", "layer_preset"],
    ),
    "Portrait from one photo": (
        "Face 1 InstantID portrait face swap",
        ("7", "8", "9", "13"),
        {"model": ("21", 0), "positive": ("19", 0), "negative": ("19", 1), "photo": ("4", 0), "latent": ("19", 2)},
        (("20", "model"), ("20", "positive"), ("20", "negative")),
        ["weight", "strength", "recipe", "faces", "control_net_name", "face_models"],
    ),
}

# Left and right of each editor on a node in Nodes 2.0.
MARGINS = """id => {
    const node = document.querySelector(`.lg-node[data-node-id="${id}"]`), { left, right } = node.getBoundingClientRect()
    const boxes = [...node.querySelectorAll('.likeness-editor')].map(one => one.getBoundingClientRect())
    return boxes.flatMap(box => [box.left - left, right - box.right]).map(side => side / app.canvas.ds.scale)
}"""


def shown_of_nodes_within(frontend, placed):
    """The widgets of a blueprint that belong to nodes within, by name."""
    return frontend.page.evaluate(
        "id => app.graph.getNodeById(id).widgets.filter(one => one.type !== 'likeness_editor').map(one => one.name)",
        placed,
    )


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_a_blueprint_is_found_placed_and_runs(path, frontend, example_photo):
    base, stands_for, inputs, outputs, widgets = PLACES[path.stem]
    frontend.load(json.loads(template(base).read_text(encoding="utf-8")))
    placed = frontend.place(path.stem)
    assert frontend.nodes()[placed]["known"]
    frontend.remove(*stands_for)
    for name, (source, output) in inputs.items():
        frontend.connect(source, output, placed, name)
    for output, (target, name) in enumerate(outputs):
        frontend.connect(placed, output, target, name)
    assert shown_of_nodes_within(frontend, placed) == widgets
    frontend.picture(f"blueprint {path.stem}")
    entry = frontend.queue(rewritten=on_the_miniature)
    assert entry.succeeded, entry.messages.get("execution_error")
    sent = frontend.prompt()
    assert {"LikenessLoadByPreset"} < {node["class_type"] for node in sent.values()}


def sent(frontend, kind):
    """The inputs of the one node of a class in the prompt."""
    (node,) = (node["inputs"] for node in frontend.prompt().values() if node["class_type"] == kind)
    return node


def with_a_photo(frontend):
    """The portrait's blueprint with a photo, in sight."""
    placed, photo = frontend.place("Portrait from one photo"), frontend.add("LoadImage", (-400, 100))
    frontend.connect(photo, 0, placed, "photo")
    frontend.change(photo, "image", "example.png")
    frontend.change(placed, "face_models", "vectron")
    frontend.show(placed)
    frontend.page.locator(".likeness-editor .likeness-plot:visible").wait_for()
    frontend.remember()
    return placed


def saved_widgets(workflow, placed):
    return saved(workflow, placed)["widgets_values"]


def saved(workflow, placed):
    """A node as a file has it."""
    return next(node for node in workflow["nodes"] if str(node["id"]) == placed)


def check_a_click_chooses(frontend, placed):
    """Faces are found by the blueprint's own button, and clicks write its widget."""
    page = frontend.page
    assert frontend.run_alone().succeeded
    crops = page.locator(".likeness-crop:visible")
    until(lambda: page.evaluate(CROPS) == [True, True], "each face alone")
    crops.last.click()
    assert frontend.value(placed, "faces") == sent(frontend, "LikenessChooseFace")["several"] == "2"
    crops.first.click(modifiers=["Control"])
    assert sent(frontend, "LikenessChooseFace")["several"] == "2, 1"
    page.get_by_text("Faces 2, 1 are chosen, in this order.").wait_for()
    frontend.change(placed, "faces", "3")
    page.get_by_text("3 is asked for, and here are 2 faces.").wait_for()
    frontend.change(placed, "faces", "2, 1")


def check_undo_keeps_the_size(frontend, placed):
    """The host makes the node anew, and measures what is on it; a photo that came late may be one more step."""
    weight, size = frontend.value(placed, "weight"), saved(frontend.workflow(), placed)["size"]
    for command, wanted in (("Comfy.Undo", 0.8), ("Comfy.Redo", weight)):
        while frontend.value(placed, "weight") != wanted:
            frontend.still()
            frontend.command(command)
            frontend.still()
        assert saved(frontend.workflow(), placed)["size"] == pytest.approx(size, abs=1)


# As a run of the node within leaves it whose adapter has no branch.
SAY_UNREAD = """id => {
    const { subgraph } = app.graph.getNodeById(id)
    const inner = subgraph._nodes.find(one => one.comfyClass === 'LikenessApplyIPAdapter')
    for (const names of [['weight', 'layer_preset'], ['weight']]) {
        app.nodeOutputs[`${subgraph.id}:${inner.id}`] = { likeness_unread: [{ adapter: names }] }
        inner.onExecuted({})
    }
}"""
GREY = "id => app.graph.getNodeById(id).widgets.filter(one => one.disabled).map(one => one.name)"


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_blueprint_greys_what_a_node_within_does_not_read(renderer, frontend, page):
    frontend.renderer(renderer)
    placed = frontend.place("Picture prompt")
    frontend.show(placed)
    track = page.locator('[data-focus="track weight"]:visible')
    assert track.get_attribute("aria-disabled") == "false" and page.evaluate(GREY, placed) == []
    page.evaluate(SAY_UNREAD, placed)
    until(lambda: track.get_attribute("aria-disabled") == "true", "the weight is grey")
    assert page.evaluate(GREY, placed) == ["weight"]
    if renderer == "nodes 2.0":
        number = page.locator(f'[data-node-id="{placed}"] .lg-node-widgets input')
        preset = page.locator(f'[data-node-id="{placed}"] [role=combobox][aria-label="layer_preset"]')
        until(lambda: number.is_disabled() and not preset.is_disabled(), "the host's own look")
    frontend.picture(f"blueprint grey {renderer}", placed)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_blueprint_shows_its_faces_and_weights_and_a_click_chooses(renderer, frontend, page, example_photo):
    frontend.renderer(renderer)
    placed = with_a_photo(frontend)
    size, before = frontend.box(placed)[2:], saved_widgets(frontend.workflow(), placed)
    track = page.locator('[data-focus="track weight"]:visible')
    track.focus()
    page.keyboard.press("End")
    assert track.get_attribute("aria-valuenow") == "1.5", "it is seen"
    assert frontend.value(placed, "weight") == sent(frontend, "LikenessApplyInstantID")["weight"] == 1.5
    check_undo_keeps_the_size(frontend, placed)
    if renderer == "nodes 2.0":
        assert page.evaluate(MARGINS, placed) == pytest.approx([12] * 6, abs=1), "tracks and picker, as the host's rows"
    check_a_click_chooses(frontend, placed)
    frontend.picture(f"blueprint faces {renderer}", placed)
    assert frontend.box(placed)[2:] == pytest.approx(size, abs=2)
    file = frontend.workflow()
    assert saved_widgets(file, placed) == [1.5, *before[1:3], "2, 1", *before[4:]], "plain values, in their places"
    other = next(name for name in RENDERERS if name != renderer)
    frontend.renderer(other)
    frontend.load(file)
    frontend.show(placed)
    crops = page.locator(".likeness-crop:visible")
    until(lambda: crops.count() == 2 and crops.last.inner_text().split() == ["2", "1."], f"the same in {other}")
    assert track.get_attribute("aria-valuenow") == "1.5"
    frontend.select(placed)
    page.keyboard.press("Control+c")
    frontend.still()
    assert page.locator(".likeness-plot:visible").count() == 1, "the host copies a node that it never shows"
    frontend.remove(placed)
    until(lambda: not page.locator(".likeness-editor:visible").count(), "nothing is left of it")
