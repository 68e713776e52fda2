"""The bars of Layer Weights."""

import pytest
from pack.attention.models.families import FAMILIES
from pack.attention.weights.layer_presets import preset, presets_of
from serving.patience import until

from .editors import Editor
from .frontend import RENDERERS, TRACKER

NODE = "LikenessLayerWeights"


@pytest.fixture(params=RENDERERS)
def editor(request, frontend):
    return Editor(frontend, NODE, request.param, family="sdxl", preset="style")


@pytest.fixture
def any_editor(frontend):
    """In one renderer, for what does not depend on it."""
    return Editor(frontend, NODE, "canvas", family="sdxl", preset="style")


def bars(editor):
    return editor.root.locator(".likeness-plot [role=slider]").evaluate_all(
        "bars => bars.map(bar => Number(bar.ariaValueNow))"
    )


def test_a_bar_is_dragged_and_undone(editor):
    before = editor.frontend.box(editor.node)
    x, y = editor.middle('[data-focus="bar 3"] text >> nth=1')  # the number under the bar
    _, one = editor.middle('[data-focus="bar 6"] text >> nth=0')  # just above 1
    editor.drag((x, y - 30), (x, one + 6))
    assert editor.value("weights") in {"3:1, 6:1", "3:0.95, 6:1", "3:1.05, 6:1"}
    dragged = editor.value("weights")
    assert editor.sent("weights") == dragged
    assert editor.value("preset") == editor.sent("preset") == "own", "the list says so too"
    assert bars(editor)[6] == 1 and bars(editor)[0] == 0
    assert editor.frontend.box(editor.node)[:2] == before[:2], "the node was not dragged"
    editor.press("Control+z")
    editor.becomes("weights", "")
    editor.becomes("preset", "style")
    editor.press("Control+y")
    editor.becomes("weights", dragged)
    editor.becomes("preset", "own")
    editor.outlives("weights")


def test_a_drag_across_sets_each_bar_that_is_passed_as_one_step(editor):
    (left, bottom), (right, _) = (
        editor.middle('[data-focus="bar 2"] text >> nth=1'),
        editor.middle('[data-focus="bar 5"] text >> nth=1'),
    )
    _, one = editor.middle('[data-focus="bar 6"] text >> nth=0')  # just above 1
    before = bars(editor)
    editor.drag((left, one + 6), (right, bottom - 30))  # two moves for three bars
    swept = bars(editor)
    assert 0.9 < swept[2] < 1.1 and swept[2] > swept[3] > swept[4] > swept[5] > 0, swept
    assert swept[:2] + swept[6:] == before[:2] + before[6:]
    editor.frontend.picture(f"swept {editor.frontend.setting_of('Comfy.VueNodes.Enabled')}", editor.node)
    editor.press("Control+z")
    editor.becomes("weights", "")
    assert bars(editor) == before


def test_bars_are_set_by_keys(editor):
    editor.part('[data-focus="bar 0"]').focus()
    editor.press("ArrowRight", "ArrowUp", "ArrowUp", "Shift+ArrowDown")
    assert editor.value("weights") == "1:0.09, 6:1"
    editor.press("End", "5", "x")
    assert editor.value("weights") == "1:0.09, 6:1, !10:0.5"
    editor.press("Control+z")
    editor.becomes("weights", "1:0.09, 6:1, 10:0.5")
    editor.page.wait_for_function("document.activeElement?.dataset?.focus === 'bar 10'")  # where the keys were
    editor.press("Delete")
    assert editor.value("weights") == "1:0.09, 6:1"
    assert editor.node in editor.frontend.nodes(), "Delete is for the bar, not for the node"


def test_text_goes_by_the_clipboard_and_the_preset_comes_back(editor):
    editor.button("1")
    assert editor.value("weights") == ", ".join(f"{i}:1" for i in range(11))
    editor.button("copy")
    editor.button("0")
    assert editor.value("weights") == "0:0" and set(bars(editor)) == {0}
    editor.button("clipboard")
    editor.becomes("weights", ", ".join(f"{i}:1" for i in range(11)))
    editor.button("eraser")
    assert editor.value("weights") == "" and bars(editor) == list(preset("style", "sdxl").factors)
    assert editor.value("preset") == "style"
    editor.set("preset", "own")
    assert editor.value("weights") == "6:1", "what was drawn becomes one's own"
    editor.set("preset", "composition")
    assert editor.value("weights") == "" and bars(editor) == list(preset("composition", "sdxl").factors)
    editor.set("weights", '{"up": {"block_0": [0, 1, 0]}}')  # diffusers' form is read by the server
    editor.page.wait_for_function("() => document.querySelector('[data-focus=\"bar 6\"]')?.ariaValueNow === '1'")
    editor.set("weights", "3:lots")
    editor.part(".likeness-wrong >> text=is not a layer weight").wait_for()


def test_undo_and_redo_are_grey_when_there_is_nothing_to_do(editor):
    glyphs = editor.root.locator(".likeness-bar .pi").evaluate_all(
        "all => all.map(icon => getComputedStyle(icon, '::before').content + icon.classList.contains('likeness-flipped'))"
    )
    assert len(set(glyphs)) == len(glyphs), "each button has a picture of its own"
    editor.frontend.remember()
    editor.page.evaluate(f"() => {{ {TRACKER}.undoQueue.length = {TRACKER}.redoQueue.length = 0 }}")  # as in a new tab
    editor.page.mouse.move(1, 1)  # it may rest on the bar, which looks when the pointer comes
    editor.part(".likeness-bar").hover()
    is_grey(editor, undo=True, redo=True)
    editor.button("1")
    is_grey(editor, undo=False, redo=True)
    editor.button("undo")
    is_grey(editor, undo=True, redo=False)
    editor.becomes("weights", "")


def is_grey(editor, **wanted):
    def seen():
        buttons = {name: editor.part(f'[data-focus="{name}"]') for name in wanted}
        return {name: button.evaluate("one => getComputedStyle(one).opacity < 0.5") for name, button in buttons.items()}

    until(lambda: seen() == wanted, f"{wanted}, where True is grey")


def test_every_preset_is_shown_as_the_node_computes_it(any_editor):
    any_editor.set("weights", "0:1")
    any_editor.set("boost", 0.5)
    for family in FAMILIES:
        any_editor.set("family", family)
        for name in presets_of(family):
            any_editor.set("preset", name)
            assert bars(any_editor) == pytest.approx(preset(name, family, 0.5).factors, abs=1e-4), (family, name)
    assert any_editor.value("weights") == "", "a preset that a person chooses replaces the numbers"


def test_a_preset_without_a_meaning_for_the_model_is_said(any_editor):
    any_editor.set("family", "wan14b")
    any_editor.part(".likeness-wrong >> text=has no meaning for this model").wait_for()
    assert bars(any_editor) == []
    any_editor.set("preset", "linear")
    any_editor.page.wait_for_function("() => document.querySelectorAll('.likeness-plot [role=slider]').length === 40")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_only_presets_with_a_meaning_for_the_model_are_offered(renderer, frontend, page):
    editor = Editor(frontend, NODE, renderer, family="sdxl", preset="style")
    for family in ("wan14b", "sd15"):
        editor.set("family", family)
        offered = "id => app.graph.getNodeById(id).widgets.find(one => one.name === 'preset').options.values"
        assert page.evaluate(offered, editor.node) == [*presets_of(family), "own"]
        assert editor.value("preset") == "style", "what was chosen stays, and the editor says what is wrong with it"
    if renderer == "nodes 2.0":
        editor.set("family", "wan14b")
        page.locator(f'[data-node-id="{editor.node}"] [role=combobox]').nth(1).click()
        until(lambda: page.locator("[role=option]").all_inner_texts() == [*presets_of("wan14b"), "own"], "the list")


@pytest.mark.parametrize("renderer", RENDERERS)
def test_the_bars_work_within_a_subgraph(renderer, frontend, page):
    editor = Editor(frontend, NODE, renderer, family="sdxl", preset="style")
    outer = page.evaluate(
        """id => {
            const { node } = app.graph.convertToSubgraph(new Set([app.graph.getNodeById(id)]))
            app.canvas.openSubgraph(node.subgraph, node)
            return String(node.id)
        }""",
        editor.node,
    )
    inner = page.evaluate("() => String(app.canvas.graph._nodes.find(node => node.comfyClass).id)")
    page.evaluate("() => app.canvas.ds.reset()")
    editor.is_mounted()
    editor.part('[data-focus="bar 0"]').focus()
    editor.press("5")
    sent = frontend.prompt()[f"{outer}:{inner}"]["inputs"]
    assert sent["weights"] == "0:0.5, 6:1"
    saved = frontend.workflow()
    page.evaluate("() => app.canvas.setGraph(app.rootGraph)")
    frontend.load(saved)
    assert frontend.prompt()[f"{outer}:{inner}"]["inputs"] == sent
