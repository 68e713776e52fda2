"""An editor on a node as a person uses it: by the mouse, by the keys, and through everything that keeps its value."""

import json

from serving.patience import until

# Where the host draws another graph, it makes the editor anew, and maybe once more.
MOUNTED = """async () => {
    const look = () => document.querySelector('.likeness-editor')
    let before, now = look()
    do {
        before = now
        await new Promise(done => setTimeout(done, 300))
        now = look()
    } while (!now || before !== now)
}"""
BREATH = 150
"""Milliseconds between two things that a person does; newer pages take what follows within 50 for the same step."""
STEPS_BACK = ("Control+z", "Control+y")


def are_plain(workflow):
    """Whether a workflow's values are text and numbers: some versions of the page lose or share objects."""
    values = [value for node in workflow["nodes"] for value in node.get("widgets_values") or []]
    return all(isinstance(value, (str, int, float, bool)) for value in values)


class Editor:
    """The drawing of one editor on a node, alone on the canvas, in one of the renderers."""

    def __init__(self, frontend, kind, renderer, **values):
        self.frontend = frontend
        self.page = frontend.page
        frontend.renderer(renderer)
        self.node = frontend.add(kind)
        for widget, value in values.items():
            self.set(widget, value)
        frontend.show(self.node)
        self.root = self.page.locator(".likeness-editor")
        self.root.locator("svg > *").first.wait_for(state="attached")
        frontend.remember()
        self.breathe()

    def is_mounted(self):
        """Wait until the drawing on the page is the one that stays there."""
        self.page.evaluate(MOUNTED)

    def breathe(self):
        self.page.wait_for_timeout(BREATH)

    def set(self, widget, value, node=None):
        """Set a widget as a person does."""
        self.page.evaluate(
            """([id, name, value]) => {
                const node = app.graph.getNodeById(id), widget = node.widgets.find(w => w.name === name)
                widget.value = value
                widget.callback?.(value, app.canvas, node)
            }""",
            [node or self.node, widget, value],
        )

    def value(self, widget):
        return self.frontend.value(self.node, widget)

    def sent(self, widget):
        """What the queued prompt carries."""
        return self.frontend.prompt()[self.node]["inputs"][widget]

    def part(self, selector):
        return self.root.locator(selector).first

    def middle(self, selector):
        box = self.part(selector).bounding_box()
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(self, start, end):
        """Press at a place of the window, go to another, let go."""
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        self.page.mouse.move(*end)
        self.page.mouse.up()
        self.breathe()

    def press(self, *keys):
        for key in keys:
            if key in STEPS_BACK:
                self.frontend.still()
            self.page.keyboard.press(key)

    def button(self, icon):
        """A button by its icon or digit."""
        self.part(f'[data-focus="{icon}"]').click()
        self.breathe()

    def becomes(self, widget, value):
        until(lambda: self.value(widget) == value, f"{widget} is {value!r} and not {self.value(widget)!r}")

    def outlives(self, widget):
        """Save, load, copy and paste: each time the same value, in the widget and in the prompt."""
        value = self.value(widget)
        saved = self.frontend.workflow()
        pasted = self.page.evaluate(
            """id => {
                app.canvas.selectItems([app.graph.getNodeById(id)])
                app.canvas.copyToClipboard()
                app.canvas.pasteFromClipboard()
                return String(app.graph._nodes.find(node => String(node.id) !== id).id)
            }""",
            self.node,
        )
        assert self.frontend.value(pasted, widget) == value
        assert self.frontend.prompt()[pasted]["inputs"][widget] == value
        self.frontend.load(saved)
        assert self.value(widget) == value
        assert self.sent(widget) == value
        assert "likeness" not in json.dumps([n["widgets_values"] for n in saved["nodes"]]).lower()
        assert are_plain(saved)
