"""Films the loops of the README from the real page, and takes its picture: python run.py test --loops writes them to docs/.

The models are the trained miniature world's; the photograph and the face models are the tests'.
"""

import json
import shutil
from pathlib import Path

import numpy
import pytest
from miniature.portraits.pictures import any_scene, draw, identities
from miniature.world.layout import COMPOSITION, STYLE
from PIL import Image
from serving.fixtures import DATA
from serving.patience import until

from .conftest import WINDOW
from .film import Film, middle
from .frontend import TEMPLATES

DOCS = Path(__file__).resolve().parents[2] / "docs"
GRAPH = """([kinds, links]) => {
    const made = kinds.map(([kind, [x, y], [width, height], values, title]) => {
        const node = LiteGraph.createNode(kind)
        node.pos = [x, y]
        app.graph.add(node)
        for (const [name, value] of Object.entries(values)) node.widgets.find(w => w.name === name).value = value
        if (width) node.setSize([width, height])
        if (title) node.title = title
        return node
    })
    for (const [from, output, to, input] of links) {
        made[from].connect(output, made[to], made[to].inputs.findIndex(({ name }) => name === input))
    }
    return made.map(node => String(node.id))
}"""
# How far down the window a bar of Layer Weights ends that has this weight: by the plot's lines at 0 and at 1.
HEIGHT = """weight => {
    const lines = [...document.querySelectorAll('.likeness-plot > line')].map(line => line.getBoundingClientRect().top)
    const names = [...document.querySelectorAll('.likeness-plot > line + text')].map(text => Number(text.textContent))
    const [zero, one] = [0, 1].map(value => lines[names.indexOf(value)])
    return zero + (one - zero) * weight
}"""
# Nothing is marked as chosen, or as missing, which the files are where this runs.
PLAIN = """() => {
    app.canvas.deselectAll()
    for (const node of app.graph._nodes) node.has_errors = false
    app.graph.setDirtyCanvas(true, true)
}"""
AWAY = -4000  # where nodes lie that the film does not show
CHECKED = {"colour": "red", "texture": "checked", "shape": "square", "position": "middle", "background": "sand"}
STRIPED = {"colour": "green", "texture": "striped", "shape": "circle", "position": "right", "background": "navy"}
GROUP = "solvay_conference_1927.jpg"
FACE = 9
"""Of the group: Marie Curie, counted from 0."""


def world(reference, weight, apply, layers=None):
    """Nodes and links of a picture by the miniature world, steered by a drawn reference; their places in the list."""
    kinds = [
        ["MiniatureWorldModel", [AWAY, 0], [0, 0], {}, ""],
        ["MiniatureWorldCLIPVision", [AWAY, 200], [0, 0], {}, ""],
        ["MiniatureDrawnShape", [AWAY, 300], [0, 0], {**reference, "seed": 1, "control_after_generate": "fixed"}, ""],
        ["ImageScale", [AWAY, 600], [0, 0], {"upscale_method": "lanczos", "width": 448, "height": 448}, ""],
        ["PreviewImage", [0, 0], [300, 330], {}, "Reference"],
        ["LikenessLoadIPAdapter", [AWAY, 900], [0, 0], {"file": "miniature/world_base.safetensors"}, ""],
        ["CLIPTextEncode", [0, 380], [300, 120], {"text": "a star"}, "Prompt"],
        ["CLIPTextEncode", [AWAY, 1100], [0, 0], {"text": ""}, ""],
        ["EmptyLatentImage", [AWAY, 1300], [0, 0], {"width": 64, "height": 64}, ""],
        ["LikenessApplyIPAdapter", *apply, {"weight": weight}, ""],
        [
            "KSampler",
            [AWAY, 1500],
            [0, 0],
            {"seed": 7, "control_after_generate": "fixed", "steps": 20, "cfg": 3.0, "scheduler": "normal"},
            "",
        ],
        ["VAEDecode", [AWAY, 1800], [0, 0], {}, ""],
        ["ImageScale", [AWAY, 2000], [0, 0], {"upscale_method": "lanczos", "width": 448, "height": 448}, ""],
        ["PreviewImage", [760, 0], [460, 500], {}, "Result"],
    ]
    links = [[2, 0, 3, "image"], [3, 0, 4, "images"], [1, 0, 5, "clip_vision"], [0, 1, 6, "clip"], [0, 1, 7, "clip"]]
    links += [[0, 0, 9, "model"], [5, 0, 9, "adapter"], [2, 0, 9, "image"], [9, 0, 10, "model"]]
    links += [[6, 0, 10, "positive"], [7, 0, 10, "negative"], [8, 0, 10, "latent_image"], [10, 0, 11, "samples"]]
    links += [[0, 2, 11, "vae"], [11, 0, 12, "image"], [12, 0, 13, "images"]]
    if layers:
        kinds.append(["LikenessLayerWeights", *layers])
        links.append([14, 0, 9, "layers"])
    return kinds, links


@pytest.fixture(autouse=True)
def calm(frontend):
    """Nothing around the graph, in the dark palette."""
    frontend.setting("Comfy.UseNewMenu", "Disabled")
    yield
    frontend.setting("Comfy.UseNewMenu", "Top")


def clip_of(frontend, *nodes, margin=16):
    """The part of the window that these nodes take, brought into view."""
    frontend.show(*nodes)
    frontend.page.evaluate("() => app.canvas.deselectAll()")
    boxes = [frontend.box(node) for node in nodes]
    left, top = (min(box[i] for box in boxes) - margin for i in (0, 1))
    right, bottom = (max(box[i] + box[i + 2] for box in boxes) + margin for i in (0, 1))
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def run(frontend):
    entry = frontend.queue()
    assert entry.succeeded, entry.messages.get("execution_error")
    frontend.page.wait_for_timeout(300)  # the page fetches the picture


def test_a_weight_is_dragged_with_the_picture_under_it(frontend, page):
    frontend.renderer("canvas")
    kinds, links = world(CHECKED, 0.0, [[340, 0], [380, 500]])
    made = page.evaluate(GRAPH, [kinds, links])
    reference, prompt, result = (made[i] for i in (4, 6, 13))
    run(frontend)
    film = Film(frontend, clip_of(frontend, reference, prompt, result), 900)
    track = page.locator('[data-focus="track weight"]')
    film.move(middle(track, 0.02))
    film.shot(1200)
    film.press()
    for weight in (0.25, 0.5, 0.75, 1.0, 1.3):
        film.move(middle(track, weight / 1.5), steps=3)
        run(frontend)
        film.shot(900)
    film.release()
    film.shot(1500)
    film.save(DOCS / "loop-weight.webp")


def test_bars_are_dragged_from_style_to_composition(frontend, page):
    frontend.renderer("canvas")
    layers = [[340, 0], [380, 420], {"family": "vega", "weights": "0:0"}, ""]
    made = page.evaluate(GRAPH, list(world(STRIPED, 1.0, [[AWAY, 2600], [0, 0]], layers)))
    reference, prompt, result, bars = (made[i] for i in (4, 6, 13, 14))
    run(frontend)
    film = Film(frontend, clip_of(frontend, reference, prompt, result), 900)

    def drag(block, weight):
        """The bar of a block, from where it is to a weight."""
        bar = page.locator(f'.likeness-editor [data-focus="bar {block}"]')
        across = middle(bar)[0]
        film.move((across, page.evaluate(HEIGHT, float(bar.get_attribute("aria-valuenow")))))
        film.press()
        film.move((across, page.evaluate(HEIGHT, weight)))
        film.release()

    film.shot(1500)
    drag(STYLE, 1.3)
    run(frontend)
    film.shot(2200)
    drag(STYLE, 0)
    drag(COMPOSITION, 1.3)
    run(frontend)
    film.shot(2500)
    film.save(DOCS / "loop-layers.webp")


def faces_graph():
    """Nodes and links from a photo of a group to the drawn keypoints of one face."""
    kinds = [
        ["LoadImage", [AWAY, 0], [0, 0], {"image": GROUP}, ""],
        ["LikenessLoadFaceModels", [AWAY, 500], [0, 0], {"pack": "vectron"}, ""],
        ["LikenessFindFaces", [0, 0], [520, 700], {"embed": False}, ""],
        ["LikenessChooseFace", [AWAY, 900], [0, 0], {}, ""],
        ["LikenessRenderKeypoints", [1200, 0], [520, 1000], {"width": 512, "height": 512}, ""],
        ["PreviewImage", [AWAY, 1500], [0, 0], {}, ""],
    ]
    links = [[0, 0, 2, "image"], [1, 0, 2, "face_models"], [2, 0, 3, "faces"], [3, 0, 4, "faces"], [4, 0, 5, "images"]]
    return kinds, links


def play(film, label):
    """Press the button that runs a node alone."""
    button = film.page.locator(f'.likeness-editor [data-focus="play"][aria-label^="{label}"]').first
    with film.page.expect_response("**/api/prompt") as answer:
        film.click(middle(button))
    api, wait = film.frontend.api, film.page.wait_for_timeout
    assert api.wait(answer.value.json()["prompt_id"], pause=lambda: wait(100)).succeeded
    wait(500)


def test_a_face_of_a_group_is_found_chosen_and_turned(frontend, page, example_photo):
    frontend.renderer("canvas")
    shutil.copy(DATA / "photos" / GROUP, frontend.api.server.base / "input" / GROUP)
    *_, finds, _, draws, _ = page.evaluate(GRAPH, list(faces_graph()))
    film = Film(frontend, clip_of(frontend, finds), 700)
    film.shot(900)
    play(film, "Find")
    crops = page.locator(".likeness-crop")
    until(lambda: crops.count() >= 29, "every face alone")
    film.shot(1500)
    film.move(middle(crops.nth(FACE)))
    film.shot(900)
    film.press()
    film.release()
    film.shot(1200)

    film.look_at(clip_of(frontend, draws))
    play(film, "Draw")
    page.locator(".likeness-canvas [data-face]").first.wait_for()
    film.shot(1200)
    film.click(middle(page.locator('.likeness-editor [data-focus="portrait"]')))
    film.click(middle(page.locator('.likeness-editor [data-focus="eye"]').last))
    film.shot(900)
    poses = page.locator(".likeness-editor .likeness-bar select").last
    film.move(middle(poses))
    for pose in ("three-quarter left", "profile left", "frontal", "three-quarter right"):
        poses.select_option(pose)
        page.wait_for_timeout(200)
        film.shot(900)
    film.save(DOCS / "loop-faces.webp")


def test_the_first_workflow_as_it_opens(frontend, page, example_photo):
    """docs/picture-prompt.png; a Chinese font has to be installed, as the note says everything twice."""
    (template,) = [path for path in TEMPLATES if path.stem.startswith("IP-Adapter 1 ")]
    scene = any_scene(numpy.random.default_rng(3), "flat drawing")
    drawn = draw(identities(1, 2)[1], scene, 6)
    Image.fromarray(drawn).save(frontend.api.server.base / "input" / "example.png")
    frontend.renderer("canvas")
    frontend.load(json.loads(template.read_text(encoding="utf-8")))
    page.set_viewport_size({"width": 2000, "height": 1300})
    clip = clip_of(frontend, *frontend.nodes(), margin=36)
    page.evaluate(PLAIN)
    page.wait_for_timeout(500)
    page.screenshot(path=DOCS / "picture-prompt.png", clip=clip)
    page.set_viewport_size(WINDOW)
