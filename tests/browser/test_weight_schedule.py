"""The curve of Weight Schedule."""

import pytest
from pack.attention.weights.curves import CURVES, schedule_of

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
    assert editor.sent("points") == "0:0.5, 0.5:1, 1:0"
    assert steps(editor)[:11:5] == [0.5, 0.75, 1]
    editor.press("Control+z")
    editor.becomes("points", "")
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
    assert editor.value("points") == ""


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


@pytest.mark.parametrize("renderer", RENDERERS)
def test_only_what_no_editor_draws_is_a_picture_after_a_run(renderer, frontend, page):
    frontend.renderer(renderer)
    nodes = [frontend.add(kind, (100 + 600 * i, 100)) for i, kind in enumerate(("LikenessLayerWeights", NODE))]
    layers, schedule = nodes
    frontend.change(layers, "preset", "style precise")
    frontend.change(schedule, "curve_preset", "fade out")
    for node in nodes:
        frontend.connect(node, 0, frontend.add("PreviewAny", (100, 900)), "source")

    def ran(name):
        entry = frontend.queue()
        assert entry.succeeded, entry.error
        frontend.show(*nodes)
        frontend.picture(f"{name}, {renderer}")
        return [len(entry.entry["outputs"][node].get("images", ())) for node in nodes], pictures(page, nodes)

    assert ran("controls after a run") == ([0, 0], [0, 0])
    frontend.change(schedule, "frames", "1, 0.5, -0.2")
    assert ran("controls with frames after a run") == ([0, 1], [0, 1])
    frontend.change(schedule, "frames", "")
    assert ran("controls without frames again") == ([0, 0], [0, 0])


def pictures(page, nodes):
    """How many pictures of the last run each node shows."""
    page.wait_for_timeout(500)
    return page.evaluate(
        """ids => ids.map(id => {
            const node = app.graph.getNodeById(id), drawn = document.querySelector(`[data-node-id="${id}"]`)
            const kept = node.widgets.filter(widget => widget.name === '$$canvas-image-preview').length
            return drawn ? drawn.querySelectorAll('img').length : Math.max(kept, node.imgs?.length ?? 0)
        })""",
        nodes,
    )
