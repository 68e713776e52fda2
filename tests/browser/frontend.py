"""ComfyUI's page as a person has it: load, add, look, queue; whatever it complains of is kept."""

import json
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from serving.patience import PATIENCE

PICTURES = Path(__file__).resolve().parents[2] / ".likeness" / "screenshots" / os.environ.get("LIKENESS_FRONTEND", "")
PICTURES_ARE_ASKED_FOR = bool(os.environ.get("LIKENESS_SCREENSHOTS"))
TEMPLATES = sorted((Path(__file__).resolve().parents[2] / "example_workflows").glob("*.json"))
READY = """window.app?.vueAppReady && Object.keys(LiteGraph.registered_node_types).length > 100
    && app.extensionManager?.workflow?.activeWorkflow"""  # its own first one, which would take the place of a test's
NORMAL = re.compile(  # what the page says without any fault: files that need not be, its own start,
    r"/user\.css|/userdata|/docs/\w+/en\.md|graph accessed before initialization"
    r"|api\.comfy\.org"  # which pack a missing node is of
    # sizes of models; the script has another name on newer pages
    r"|missingModel(Download|Metadata).*Content Security Policy|Content Security Policy.*missingModel(Download|Metadata)"
)
SETTINGS = {
    "Comfy.TutorialCompleted": True,  # or a dialog of templates covers the page
    "Comfy.Workflow.Persist": False,
    "Comfy.Graph.CanvasInfo": False,
    "Comfy.Minimap.Visible": False,
    "LiteGraph.Canvas.MinFontSizeForLOD": 0,  # text at every size: pictures show whole workflows
}
RENDERERS = {"canvas": False, "nodes 2.0": True}
# The page draws with its own fonts and timers; two frames after the last change everything asked for is on it.
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

TRACKER = "app.extensionManager.workflow.activeWorkflow.changeTracker"
STILL = f"""async () => {{
    const look = () => JSON.stringify(app.graph.serialize().nodes) + {TRACKER}._restoringState
    let before, now = look()
    do {{
        before = now
        await new Promise(done => setTimeout(done, 300))
        now = look()
    }} while (before !== now || {TRACKER}._restoringState)
}}"""

# The view that the command that fits it glides to, at once; again where nodes take other sizes when they are seen.
SHOWN = f"""async ids => {{
    const canvas = app.canvas, nodes = ids.length ? ids.map(id => app.graph.getNodeById(id)) : app.graph._nodes
    const around = () => {{
        const boxes = nodes.map(node => [...node.boundingRect])
        const [left, top] = [0, 1].map(i => Math.min(...boxes.map(box => box[i])) - MARGIN)
        const [right, bottom] = [0, 1].map(i => Math.max(...boxes.map(box => box[i] + box[i + 2])) + MARGIN)
        return [left, top, right - left, bottom - top]
    }}
    const look = () => JSON.stringify([around(),
        ...[...document.querySelectorAll('[data-node-id], .likeness-editor')].map(one => one.getBoundingClientRect())])
    canvas.deselectAll()
    let before, now
    do {{
        before = now
        canvas.ds.fitToBounds(around())
        canvas.setDirty(true, true)
        await ({FRAMES})()
        now = look()
    }} while (before !== now)
}}""".replace("MARGIN", "10")


def template(name):
    """The file of a template, by its name without the Chinese words in it."""
    return next(path for path in TEMPLATES if " ".join(path.stem.encode("ascii", "ignore").decode().split()) == name)


class Frontend:
    """One page of a running ComfyUI; `page` is Playwright's."""

    def __init__(self, page, api):
        self.page = page
        self.api = api
        self.complaints = []
        self.strangers = []
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("response", self._answered)
        page.route(lambda url: not is_loopback(url), self._refuse)

    def _said(self, message):
        said = f"{message.text} ({message.location.get('url', '')})"
        if message.type == "error" and not NORMAL.search(said):
            self.complaints.append(said)

    def _answered(self, response):
        if response.status >= 400 and not NORMAL.search(response.url):
            self.complaints.append(f"{response.status} {response.url}")

    def _refuse(self, route):
        self.strangers.append(route.request.url)
        route.abort()

    def open(self):
        """Load the page anew and wait until it takes workflows."""
        for name, value in SETTINGS.items():
            self.api.post(f"/settings/{name}", value)
        self.page.goto(self.api.server.url)
        self.page.wait_for_function(READY)
        self.settle()

    def settle(self):
        """Wait until what was asked for is drawn."""
        self.page.evaluate(FRAMES)

    def setting(self, name, value):
        """Change a setting as its dialog does; the page follows at once where it can."""
        self.page.evaluate("([name, value]) => app.extensionManager.setting.set(name, value)", [name, value])
        self.settle()

    def setting_of(self, name):
        """What a setting is."""
        return self.page.evaluate("name => app.extensionManager.setting.get(name)", name)

    def renderer(self, name):
        """'canvas' or 'nodes 2.0'."""
        self.setting("Comfy.VueNodes.Enabled", RENDERERS[name])

    def locale(self, name):
        """The language of the page, which only a new page has in full."""
        if self.setting_of("Comfy.Locale") != name:
            self.setting("Comfy.Locale", name)
            self.open()

    def load(self, workflow):
        """Put a workflow of the editor's form on the canvas, in the tab that is there."""
        self.page.evaluate(
            """graph => {
                app.clean()  // or what the last one showed is shown on nodes of the same number
                return app.loadGraphData(graph, true, true, app.extensionManager.workflow.activeWorkflow)
            }""",
            workflow,
        )
        self.settle()

    def open_template(self, path):
        """Open a template as the dialog of templates does, in a tab of its own and at the zoom that it opens with."""
        self.page.evaluate(
            "([graph, name]) => app.loadGraphData(graph, true, true, name, { openSource: 'template' })",
            [json.loads(path.read_text(encoding="utf-8")), path.stem],
        )
        self.settle()

    def clear(self):
        """An empty canvas."""
        self.load({"version": 0.4, "nodes": [], "links": [], "last_node_id": 0, "last_link_id": 0})

    def add(self, kind, at=(100, 100)):
        """Add a node by its class; its id."""
        made = self.page.evaluate(
            """([kind, at]) => {
                const node = LiteGraph.createNode(kind)
                node.pos = at
                app.graph.add(node)
                return String(node.id)
            }""",
            [kind, list(at)],
        )
        self.settle()
        return made

    def place(self, title):
        """Search for a node, put it down beside the others, and give its id."""
        before = set(self.nodes())
        self.search(title, title)
        self.found(title).click()
        self.page.get_by_test_id("result-item").first.wait_for(state="detached")
        self.page.mouse.move(690, 490)
        self.page.mouse.click(700, 500)  # it hangs on the pointer until it is put down
        self.page.wait_for_function("count => app.graph._nodes.length > count", arg=len(before))
        return (set(self.nodes()) - before).pop()

    def connect(self, source, output, target, name):
        """Draw a link from an output, by number, to an input, by name."""
        self.page.evaluate(
            """([source, output, target, name]) => {
                const [from, to] = [source, target].map(id => app.graph.getNodeById(id))
                from.connect(output, to, to.inputs.findIndex(input => input.name === name))
            }""",
            [source, output, target, name],
        )

    def remove(self, *nodes):
        """Take nodes away, as the delete key does."""
        self.page.evaluate("ids => ids.forEach(id => app.graph.remove(app.graph.getNodeById(id)))", list(nodes))

    def nodes(self):
        """Class, title and what is missing of every node on the canvas, by id."""
        return self.page.evaluate(
            """() => Object.fromEntries(app.graph._nodes.map(node => [String(node.id), {
                kind: node.type, title: node.title, known: node.type in LiteGraph.registered_node_types
                    || !!app.graph.subgraphs?.has(node.type)
            }]))"""
        )

    def value(self, node, widget):
        """What a widget holds."""
        return self.page.evaluate(
            "([id, name]) => app.graph.getNodeById(id).widgets.find(w => w.name === name)?.value", [node, widget]
        )

    def widgets(self, node):
        """What all widgets of a node hold, by name."""
        return self.page.evaluate(
            "id => Object.fromEntries(app.graph.getNodeById(id).widgets?.map(w => [w.name, w.value]) ?? [])", node
        )

    def replace_all(self):
        """Replace every node that another pack lacks and ours stands in for, as the page offers it."""
        self.page.get_by_role("button", name="View details").click()
        self.page.get_by_role("button", name="Replace All").click()
        self.settle()

    def is_drawing(self):
        """Whether the classic canvas still draws what changes."""
        return self.page.evaluate(
            f"""async () => {{
                const before = app.canvas.frame
                app.graph.setDirtyCanvas(true, true)
                await ({FRAMES})()
                return app.canvas.frame > before
            }}"""
        )

    def change(self, node, widget, value):
        """Set a widget, as typing into it does."""
        self.page.evaluate(
            """([id, name, value]) => {
                const widget = app.graph.getNodeById(id).widgets.find(w => w.name === name)
                widget.value = value
                widget.callback?.(value)
            }""",
            [node, widget, value],
        )
        self.settle()

    def prompt(self):
        """The API prompt of what is on the canvas."""
        return self.page.evaluate("async () => (await app.graphToPrompt()).output")

    def remember(self):
        """Take what a person did so far, and what runs showed meanwhile, for one step that is done."""
        self.still()
        self.capture()

    def capture(self):
        """Let the host look whether something has changed since the last step, as it does after each click and key."""
        self.page.evaluate(f"() => {TRACKER}.captureCanvasState()")

    def still(self):
        """Wait until nodes have the sizes that they keep: the host takes a later change for a step of a person."""
        self.page.evaluate(STILL)

    def workflow(self):
        """What 'save' would write."""
        # As text, as a file has it: handed out as objects, what is undefined would come as null.
        return json.loads(self.page.evaluate("() => JSON.stringify(app.graph.serialize())"))

    def command(self, name):
        """Run a command of the page by its id."""
        self.page.evaluate("name => app.extensionManager.command.execute(name)", name)
        self.settle()

    def queue(self, rewritten=None):
        """Run what is on the canvas as the button does; its history entry.

        `rewritten` turns the prompt that the page sends into the one that the server gets.
        """

        def rewrite(route):
            body = route.request.post_data_json
            body["prompt"] = rewritten(body["prompt"])
            route.continue_(post_data=body)

        if rewritten:
            self.page.route("**/api/prompt", rewrite)
        try:
            with self.page.expect_response("**/api/prompt") as answer:
                self.command("Comfy.QueuePrompt")
        finally:
            if rewritten:
                self.page.unroute("**/api/prompt", rewrite)
        assert answer.value.ok, answer.value.text()
        return self.api.wait(answer.value.json()["prompt_id"], pause=lambda: self.page.wait_for_timeout(100))

    def queue_anew(self, rewritten=None):
        """Run it with nothing kept of earlier runs: what a node says while it runs is not said again from the cache."""
        while True:
            self.api.post("/free", {"free_memory": True})
            entry = self.queue(rewritten)
            if not entry.cached:
                return entry

    def run_alone(self, label="", at=0):
        """Press a button that is seen, with a label that begins so, that runs a node alone; its history entry."""
        wanted = label and f'[aria-label^="{label}"]'
        with self.page.expect_response("**/api/prompt") as answer:
            self.page.locator(f'.likeness-editor [data-focus="play"]{wanted}:visible').nth(at).click()
        assert answer.value.ok, answer.value.text()
        return self.api.wait(answer.value.json()["prompt_id"], pause=lambda: self.page.wait_for_timeout(100))

    def search(self, words, wanted):
        """Type into the search of nodes until it offers the node titled `wanted`; all titles offered, best first."""
        offered = self.page.get_by_test_id("result-item")
        offered.first.wait_for(state="detached")  # those of a search that is just being left
        self.command("Workspace.SearchBox.Toggle")
        self.page.wait_for_function("() => document.activeElement.matches('input')")
        self.page.keyboard.insert_text(words)
        self.found(wanted).wait_for()
        return [row.splitlines()[0] for row in offered.all_inner_texts()]

    def ranked(self, words):
        """All titles that the search offers for words, best first, without typing them."""
        return self.page.evaluate(
            """words => {
                const { $pinia } = document.getElementById('vue-app').__vue_app__.config.globalProperties
                const { nodeSearchService } = $pinia._s.get('nodeDef')
                return nodeSearchService.searchNode(words, [], { limit: 64 }).map(node => node.display_name)
            }""",
            words,
        )

    def found(self, title):
        """The row of the search that offers the node with this title."""
        name = self.page.locator("span.truncate", has_text=re.compile(rf"^{re.escape(title)}$"))
        return self.page.get_by_test_id("result-item").filter(has=name).first

    def select(self, node):
        """Select one node, as a click on its title does."""
        self.page.evaluate(
            """id => {
                app.canvas.deselectAll()
                app.canvas.selectItems([app.graph.getNodeById(id)])
            }""",
            node,
        )
        self.settle()

    def help(self, node):
        """Open the help page of a node with its info button; the panel that shows it."""
        self.select(node)
        self.page.get_by_test_id("info-button").click()
        return self.page.get_by_test_id("properties-panel")

    def toasts(self):
        """Title and text of every toast, and of the host's own on a failure."""
        kinds = ".p-toast-message", "[data-testid='toast']", "[data-testid='error-overlay']"  # newer pages: the second
        return self.page.locator(", ".join(kinds)).all_inner_texts()

    def dismiss_toasts(self):
        """Take every toast away, as its cross does."""
        self.page.evaluate(
            """() => {
                const { toast } = app.extensionManager
                if (toast.dismissAll) toast.dismissAll()
                else toast.removeAll()
            }"""
        )

    def show(self, *nodes):
        """Bring nodes (all, without any) into the middle of the window, and wait until they are drawn there."""
        self.page.evaluate(SHOWN, list(nodes))

    def box(self, node):
        """Left, top, width and height of a node, its title included, in pixels of the window."""
        return self.page.evaluate(
            """id => {
                const node = app.graph.getNodeById(id), { scale, offset } = app.canvas.ds
                const canvas = app.canvas.canvas.getBoundingClientRect(), [x, y, w, h] = node.getBounding()
                return [canvas.left + (x + offset[0]) * scale, canvas.top + (y + offset[1]) * scale, w * scale, h * scale]
            }""",
            node,
        )

    def overlapping(self):
        """Pairs of nodes, by title, of which one covers a part of the other."""
        return self.page.evaluate(
            """() => {
                const box = node => document.querySelector(`[data-node-id="${node.id}"]`)?.getBoundingClientRect()
                const { scale } = app.canvas.ds
                const boxes = app.graph._nodes.map(node => {
                    const drawn = box(node), [x, y, w, h] = node.getBounding()
                    return drawn ? { x: drawn.x / scale, y: drawn.y / scale, w: drawn.width / scale,
                        h: drawn.height / scale, node } : { x, y, w, h, node }
                })
                const meet = (a, b) => a.x + a.w > b.x && b.x + b.w > a.x && a.y + a.h > b.y && b.y + b.h > a.y
                return boxes.flatMap((a, i) => boxes.slice(i + 1).filter(b => meet(a, b))
                    .map(b => [a.node.title, b.node.title]))
            }"""
        )

    def picture(self, name, node=None, margin=12):
        """Write a picture of the window, or of one node, to the folder of screenshots, if pictures are asked for."""
        self.settle()
        if not PICTURES_ARE_ASKED_FOR:
            return
        PICTURES.mkdir(parents=True, exist_ok=True)
        clip = None
        if node is not None:
            x, y, width, height = self.box(node)
            left, top = max(0, x - margin), max(0, y - margin)
            clip = {"x": left, "y": top, "width": x + width + margin - left, "height": y + height + margin - top}
        path = PICTURES / f"{name}.png"
        self.page.screenshot(path=path, clip=clip)


def is_loopback(url):
    """Whether a request stays on this machine; data and blob addresses do."""
    parts = urlsplit(url)
    return parts.scheme in ("data", "blob", "about") or parts.hostname in ("127.0.0.1", "localhost", "::1")
