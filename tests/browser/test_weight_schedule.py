"""The curve of Weight Schedule."""

import pytest
from pack.attention.weights.curves import CURVES, schedule_of
from pack.attention.weights.schedule_text import BETWEEN, spread

from .editors import Editor
from .frontend import RENDERERS

NODE = "LikenessWeightSchedule"


@pytest.fixture(params=RENDERERS)
def editor(request, frontend):
    return Editor(frontend, NODE, request.param, curve_preset="linear")


@pytest.fixture
def any_editor(frontend):
    """In one renderer, for what does not depend on it."""
    return Editor(frontend, NODE, "canvas", curve_preset="linear")


def steps(editor):
    """The factor at each step, as the dots say."""
    titles = editor.root.locator(".likeness-step title").all_text_contents()
    return [float(title.rpartition(": ")[2]) for title in titles]


def test_points_are_dragged_added_and_undone(editor):
    start, end = editor.middle('[data-focus="point 0"]'), editor.middle('[data-focus="point 1"]')
    editor.drag(start, (start[0], (start[1] + end[1]) / 2))
    assert editor.value("first") == 0.5 and editor.value("points") == ""
    middle = (start[0] + end[0]) / 2
    editor.drag((middle, (start[1] + end[1]) / 2), (middle, start[1]))
    assert editor.value("points") == "0:0.5, 0.5:1, 1:0"
    assert editor.sent("points") == "0:0.5, 0.5:1, 1:0" and editor.sent("curve_preset") == "own"
    assert steps(editor)[:11:5] == [0.5, 0.75, 1]
    editor.press("Control+z")
    editor.becomes("points", "")
    editor.becomes("curve_preset", "linear")
    editor.press("Control+z")
    editor.becomes("first", 1)
    editor.press("Control+y")
    editor.becomes("first", 0.5)
    editor.press("Control+y")
    editor.becomes("points", "0:0.5, 0.5:1, 1:0")
    editor.outlives("points")


def test_points_are_set_by_keys(editor):
    editor.part('[data-focus="point 0"]').focus()
    editor.press("ArrowDown", "Tab", "ArrowUp")
    assert (editor.value("first"), editor.value("last")) == (0.95, 0.05)
    editor.press("Insert")
    assert editor.value("points") == "0:0.95, 0.5:0.5, 1:0.05"
    editor.press("Shift+ArrowUp", "ArrowRight", "PageDown")
    assert editor.value("points") == "0:0.95, 0.51:0.26, 1:0.05"
    editor.press("Delete")
    assert editor.value("points") == "0:0.95, 1:0.05" and editor.node in editor.frontend.nodes()
    editor.button("eraser")
    assert (editor.value("points"), editor.value("curve_preset")) == ("", "linear")


def test_every_preset_is_shown_as_the_node_computes_it(any_editor):
    any_editor.set("first", 0.8)
    any_editor.set("last", -0.5)
    for name in CURVES:
        any_editor.set("curve_preset", name)
        course = schedule_of(name, 0.8, -0.5)
        assert steps(any_editor) == pytest.approx([course.factor(i / 20) for i in range(20)], abs=6e-4), name
    any_editor.set("curve_preset", "ease in-out")
    any_editor.button("pencil")
    course = schedule_of("ease in-out", 0.8, -0.5)
    assert steps(any_editor) == pytest.approx([course.factor(i / 20) for i in range(20)], abs=0.02)
    any_editor.set("points", "0:1, nonsense")
    any_editor.part(".likeness-wrong >> text=is not a point").wait_for()


def test_the_dots_are_those_of_the_sampler(any_editor):
    apply, sampler = (any_editor.frontend.add(kind) for kind in ("LikenessApplyIPAdapter", "KSampler"))
    any_editor.set("steps", 7, sampler)
    any_editor.page.evaluate(
        """ids => {
            const [schedule, apply, sampler] = ids.map(id => app.graph.getNodeById(id))
            schedule.connect(0, apply, 'schedule')
            apply.connect(0, sampler, 'model')
        }""",
        [any_editor.node, apply, sampler],
    )
    any_editor.set("curve_preset", "fade out")
    assert steps(any_editor) == pytest.approx([1 - i / 7 for i in range(7)], abs=6e-4)


def bars(editor):
    """The factor of each picture, as the bars say."""
    titles = editor.root.locator(".likeness-picture title").all_text_contents()
    return [float(title.rpartition(": ")[2]) for title in titles]


def test_factors_of_pictures_are_dragged_and_counts_that_disagree_are_said(editor):
    editor.button("images")
    assert bars(editor) == [1] * 16, "all alike"
    start, ground = editor.middle('[data-focus="point 1"]'), editor.part(".likeness-picture").bounding_box()
    editor.drag(start, (start[0], ground["y"] + ground["height"]))
    assert (editor.value("frames"), editor.value("frames_count")) == ("1, 0", 16)
    assert editor.sent("frames") == "1, 0" and editor.value("points") == ""
    assert bars(editor) == pytest.approx([1 - i / 15 for i in range(16)], abs=6e-4)
    editor.press("Control+z")
    editor.becomes("frames", "")
    editor.press("Control+y")
    editor.becomes("frames", "1, 0")
    editor.is_mounted()
    editor.part('[data-focus="point 0"]').focus()
    editor.press("Insert", "ArrowUp")
    assert editor.value("frames") == "1, 0.55, 0" and editor.value("last") == 0

    kinds = ("LikenessApplyIPAdapter", "KSampler", "EmptyLatentImage")
    apply, sampler, latent = (editor.frontend.add(kind, (900, 100)) for kind in kinds)
    editor.set("batch_size", 5, latent)
    for source, target, name in ((editor.node, apply, "schedule"), (apply, sampler, "model")):
        editor.frontend.connect(source, 0, target, name)
    editor.frontend.connect(latent, 0, sampler, "latent_image")
    editor.root = editor.page.locator(".likeness-editor:has(svg.likeness-plot)")
    for count, said in (
        (3, ".likeness-wrong >> text=3 factors for 5 pictures: the last"),
        (8, ".likeness-wrong >> text=8 factors for 5 pictures: those that"),
        (5, "text=Spread over the 5 pictures"),
    ):
        editor.set("frames_count", count)
        editor.part(said).wait_for()
        assert len(bars(editor)) == count
    renderer = editor.frontend.setting_of("Comfy.VueNodes.Enabled")
    editor.frontend.picture(f"pictures of a schedule {renderer}", editor.node)
    editor.button("images")
    assert steps(editor)[0] == 1 and not bars(editor), "the steps again"


def test_every_way_of_spreading_is_shown_as_the_node_computes_it(any_editor):
    any_editor.set("frames", "1, -0.5, 0.25")
    for count in (0, 2, 7):
        any_editor.set("frames_count", count)
        for way in BETWEEN:
            any_editor.set("interpolation", way)
            assert bars(any_editor) == pytest.approx(spread((1, -0.5, 0.25), count, way), abs=6e-4), (count, way)
    any_editor.set("frames", "1, much")
    any_editor.part(".likeness-wrong >> text='1, much' is not a list").wait_for()


@pytest.mark.parametrize("renderer", RENDERERS)
def test_what_editors_draw_is_no_picture_after_a_run(renderer, frontend, page):
    frontend.renderer(renderer)
    nodes = [frontend.add(kind, (100 + 600 * i, 100)) for i, kind in enumerate(("LikenessLayerWeights", NODE))]
    layers, schedule = nodes
    frontend.change(layers, "preset", "style precise")
    frontend.change(schedule, "curve_preset", "fade out")
    frontend.change(schedule, "frames", "1, 0.5, -0.2")
    for node in nodes:
        frontend.connect(node, 0, frontend.add("PreviewAny", (100, 900)), "source")
    entry = frontend.queue()
    assert entry.succeeded, entry.error
    frontend.show(*nodes)
    frontend.picture(f"controls after a run, {renderer}")
    assert not any(entry.entry["outputs"][node].get("images") for node in nodes)
    assert page.locator(".likeness-picture").count() == 3
