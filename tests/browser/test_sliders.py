"""Numbers that are dragged: the track under a weight, and the host's sliders with typed values."""

import pytest
from pack.nodes.forms.apply_instantid import OF_THE_BRANCH
from pack.nodes.people.recipes import NONE, RECIPES
from serving.patience import until

from .frontend import RENDERERS

NODE = "LikenessApplyInstantID"


class Numbers:
    """A node alone on the canvas, whose numbers are dragged and typed as a person does."""

    def __init__(self, frontend, kind, renderer):
        self.frontend = frontend
        self.page = frontend.page
        self.is_classic = renderer == "canvas"
        frontend.renderer(renderer)
        self.node = frontend.add(kind)
        frontend.show(self.node)
        frontend.remember()

    def value(self, name):
        return self.frontend.value(self.node, name)

    def sent(self, name):
        return self.frontend.prompt()[self.node]["inputs"][name]

    def track(self, name):
        return self.page.locator(f'[data-focus="track {name}"]')

    def row(self, name):
        """Left, top, width and height of what one drags: the widget in the classic canvas, else the host's rail."""
        if not self.is_classic:
            box = self.page.locator(f'.lg-node [data-slot="slider"][aria-label="{name}"]').bounding_box()
            return box["x"], box["y"], box["width"], box["height"]
        return self.page.evaluate(
            """([id, name]) => {
                const node = app.graph.getNodeById(id), { scale, offset } = app.canvas.ds
                const { left, top } = app.canvas.canvas.getBoundingClientRect(), margin = 15
                const { y } = node.widgets.find(widget => widget.name === name)
                return [left + (node.pos[0] + margin + offset[0]) * scale, top + (node.pos[1] + y + offset[1]) * scale,
                    (node.size[0] - 2 * margin) * scale, 20 * scale]
            }""",
            [self.node, name],
        )

    def drag(self, box, start, end):
        """Press at a share of the width of a box, go to another, let go."""
        x, y, width, height = box
        self.page.mouse.move(x + start * width, y + height / 2)
        self.page.mouse.down()
        for share in (start, (start + end) / 2, end):
            self.page.mouse.move(x + share * width, y + height / 2)
            self.frontend.settle()  # the host's slider follows from frame to frame
        self.page.mouse.up()

    def type(self, name, text, presses=1):
        """Type into a number: after a click, or as many as it takes in the classic canvas."""
        if self.is_classic:
            x, y, width, height = self.row(name)
            self.page.mouse.click(x + width / 2, y + height / 2, click_count=presses, delay=20)
            field = self.page.locator(".graphdialog input")
        else:
            label = self.page.get_by_text(name, exact=True)
            field = self.page.locator(".lg-node-widget").filter(has=label).locator("input")
            field.focus()
        # By keys, as people do: the host's field beside a slider does not notice a text that is put in at once.
        field.press("ControlOrMeta+a")
        self.page.keyboard.type(text)
        field.press("Enter")
        self.frontend.settle()


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_weight_is_dragged_where_it_mostly_lies_and_typed_beyond(renderer, frontend, page):
    numbers = Numbers(frontend, NODE, renderer)
    before = frontend.workflow()["nodes"][0]["widgets_values"]

    def drag(start, end):
        box = numbers.track("weight").bounding_box()
        numbers.drag((box["x"], box["y"], box["width"], box["height"]), start, end)

    drag(0.8 / 1.5, 1)
    assert numbers.value("weight") == 1.5
    drag(1, 0.4)
    assert numbers.value("weight") == numbers.sent("weight") == 0.6
    frontend.picture(f"track {renderer}", numbers.node)
    saved = frontend.workflow()
    assert saved["nodes"][0]["widgets_values"] == [0.6, *before[1:]], "tracks leave no gap between the values"
    assert not [name for name in frontend.prompt()[numbers.node]["inputs"] if "track" in name]

    page.keyboard.press("Control+z")
    until(lambda: numbers.value("weight") == 1.5, "the weight before")
    for typed in (-0.5, 3.0):
        numbers.type("weight", str(typed))
        assert numbers.value("weight") == numbers.sent("weight") == typed
        assert numbers.track("weight").get_attribute("aria-valuenow") == f"{typed:g}"
    frontend.load(saved)
    assert (numbers.value("weight"), numbers.value("strength")) == (0.6, 0.8)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_weight_is_set_by_keys_and_by_its_default(renderer, frontend, page):
    numbers = Numbers(frontend, NODE, renderer)
    numbers.track("strength").focus()
    for key, value in (("ArrowUp", 0.85), ("Shift+ArrowLeft", 0.84), ("End", 1.5), ("PageUp", 1.75), ("Home", 0)):
        page.keyboard.press(key)
        assert numbers.value("strength") == value, key
    page.keyboard.press("ArrowLeft")
    assert numbers.value("strength") == 0, "its own limit"
    page.keyboard.press("Delete")
    assert numbers.value("strength") == 0.8 and numbers.node in frontend.nodes()
    page.keyboard.press("End")
    numbers.track("strength").dblclick(position={"x": 100, "y": 5})
    assert numbers.value("strength") == 0.8
    source = frontend.add("PrimitiveFloat", (-400, 100))
    frontend.connect(source, 0, numbers.node, "strength")
    page.wait_for_function("() => document.querySelector('[data-focus=\"track strength\"]').ariaDisabled === 'true'")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_share_is_a_slider_that_takes_typed_values(renderer, frontend):
    numbers = Numbers(frontend, "LikenessFindFaces", renderer)
    numbers.drag(numbers.row("threshold"), 0.5, 1.1)
    assert numbers.value("threshold") == 1
    numbers.drag(numbers.row("threshold"), 0.98, 0.2)
    dragged = numbers.value("threshold")
    assert dragged == pytest.approx(0.05 + 0.2 * 0.95, abs=0.08)  # a knob keeps where it was pressed
    numbers.type("threshold", "0.37", presses=2)
    assert numbers.value("threshold") == numbers.sent("threshold") == 0.37
    numbers.type("threshold", "7", presses=2)
    assert numbers.value("threshold") == 1, "its own limit"


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_recipe_is_seen_in_the_inputs_that_it_sets(renderer, frontend, page):
    numbers = Numbers(frontend, NODE, renderer)
    old = frontend.workflow()
    frontend.change(numbers.node, "recipe", "stylised")
    wanted = RECIPES["stylised"].inputs()
    sent = frontend.prompt()[numbers.node]["inputs"]
    assert {name: sent[name] for name in wanted} == wanted and sent["recipe"] == "stylised"
    for name in ("weight", "strength"):
        assert numbers.track(name).get_attribute("aria-valuenow") == f"{wanted[name]:g}"
    frontend.picture(f"recipe {renderer}", numbers.node)

    numbers.track("strength").focus()
    page.keyboard.press("End")
    assert (numbers.value("recipe"), numbers.value("strength"), numbers.value("weight")) == (NONE, 1.5, 0.7)

    recipe = next(i for i, one in enumerate(old["nodes"][0]["widgets_values"]) if one == NONE)
    old["nodes"][0]["widgets_values"][recipe] = "stylised"
    frontend.load(old)
    assert (numbers.value("recipe"), numbers.value("weight")) == ("stylised", 0.8), "an old workflow is as it was"


GREY = "id => app.graph.getNodeById(id).widgets.filter(one => one.disabled).map(one => one.name)"


def become_grey(numbers, *wanted):
    """These inputs and no others, by the host's own look and that of the track."""
    page = numbers.page
    until(lambda: set(page.evaluate(GREY, numbers.node)) == set(wanted), f"{wanted} are grey, and no others")
    assert numbers.track("weight").get_attribute("aria-disabled") == str("weight" in wanted).lower()
    if not numbers.is_classic:
        preset = page.locator(f'[data-node-id="{numbers.node}"] [role=combobox][aria-label="layer_preset"]')
        until(lambda: preset.is_disabled() == ("layer_preset" in wanted), "as the host greys one that is linked")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_an_input_is_grey_while_another_is_read_instead(renderer, frontend, page):
    numbers = Numbers(frontend, NODE, renderer)
    layers = frontend.add("LikenessLayerWeights", (-500, 0))
    become_grey(numbers, "boost")
    frontend.change(numbers.node, "layer_preset", "style and composition")
    become_grey(numbers)
    frontend.connect(layers, 0, numbers.node, "layers")
    for passed_by in (2, 4):  # muted, bypassed
        for mode, wanted in ((0, ("layer_preset", "boost")), (passed_by, ())):
            page.evaluate("([id, mode]) => (app.graph.getNodeById(id).mode = mode)", [layers, mode])
            frontend.capture()
            become_grey(numbers, *wanted)
    assert numbers.sent("layer_preset") == "style and composition"
    schedule = frontend.add("LikenessWeightSchedule", (-500, 700))
    for curve, wanted in (("linear", []), ("fade in", ["last"])):
        frontend.change(schedule, "curve_preset", curve)
        until(lambda wanted=wanted: page.evaluate(GREY, schedule) == wanted, f"{wanted} is grey with {curve}")
    frontend.picture(f"grey {renderer}", numbers.node)


UNREAD = {"floor", "cycles", "snr_gamma", "check_every", "keep_files"}


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_training_greys_what_it_does_not_read(renderer, frontend, page):
    frontend.renderer(renderer)
    train = frontend.add("LikenessTrainInstantID")

    def become(unread):
        until(lambda: set(page.evaluate(GREY, train)) == unread, f"{unread} are grey, and no others")

    become(UNREAD)
    for name, value, read in (
        ("schedule", "cosine", {"floor"}),
        ("schedule", "cosine_with_restarts", {"floor", "cycles"}),
        ("weighting", "debiased", set()),
        ("weighting", "min_snr", {"snr_gamma"}),
        ("held_out", 3, {"check_every"}),
        ("publish_every", 500, {"keep_files"}),
    ):
        before = frontend.value(train, name)
        frontend.change(train, name, value)
        become(UNREAD - read)
        frontend.change(train, name, before)
    frontend.change(train, "checkpointing", False)
    become(UNREAD | {"checkpoint_when"})
    frontend.change(train, "checkpointing", True)
    frontend.change(train, "folder", "people")
    frontend.connect(frontend.add("EmptyImage", (-500, 0)), 0, train, "images")
    become(UNREAD)
    frontend.change(train, "folder", "")
    frontend.capture()
    become(UNREAD | {"folder"})
    frontend.show(train)
    frontend.picture(f"training greys {renderer}", train)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_what_the_last_run_had_no_use_for_is_grey_until_another_file_is_chosen(renderer, frontend, page):
    numbers = Numbers(frontend, NODE, renderer)
    adapter = frontend.add("LikenessLoadIPAdapter", (-500, 0))
    frontend.connect(adapter, 0, numbers.node, "adapter")
    said = """([id, names]) => {
        app.nodeOutputs[id] = { likeness_unread: [{ adapter: names }] }
        app.graph.getNodeById(id).onExecuted({})
    }"""
    page.evaluate(said, [numbers.node, OF_THE_BRANCH])
    become_grey(numbers, *OF_THE_BRANCH)
    here = frontend.value(adapter, "file")
    files = page.evaluate("id => app.graph.getNodeById(id).widgets[0].options.values", adapter)
    for file in (next(file for file in files if file != here), here):
        frontend.change(adapter, "file", file)
        frontend.capture()
        become_grey(numbers, *(OF_THE_BRANCH if file == here else ("boost",)))
