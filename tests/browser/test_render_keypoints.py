"""The keypoint editor of Render Keypoints."""

import json

import numpy as np
import pytest
from pack.face.head_poses import POSES, pose_keypoints
from pack.face.pose import KeypointSheet, Pose, fitted, from_json, posed, to_json
from pack.face.pose_sheet import FRAMES
from PIL import Image
from serving.patience import until

from .editors import Editor
from .frontend import RENDERERS

NODE = "LikenessRenderKeypoints"
SHAPE = "/extensions/comfyui-likeness/editor/face_shape.js"


@pytest.fixture(params=RENDERERS)
def editor(request, frontend):
    return Editor(frontend, NODE, request.param, width=800, height=600)


def faces(editor):
    return [np.array(face) for face in from_json(editor.value("keypoints")).faces]


def middle_of(editor, face, part):
    return editor.middle(f'[data-face="{face}"] [data-part="{part}"]')


def per_pixel(editor):
    """Pixels of the canvas for one of the window."""
    return 1 / editor.page.evaluate("document.querySelector('.likeness-canvas').getScreenCTM().a")


def at(place, dx, dy):
    return place[0] + dx, place[1] + dy


def test_a_face_is_added_posed_and_dragged(editor):
    editor.button("user-plus")
    (face,) = faces(editor)
    scale = 0.14 * 600
    assert np.allclose(face - face.mean(axis=0), scale * pose_keypoints("frontal"), atol=0.2)
    assert face.mean(axis=0) == pytest.approx([400, 240], abs=0.2)
    for name in (*POSES, "profile left"):
        editor.part("select").select_option(name)
        (face,) = faces(editor)
        assert np.allclose(face - (400, 240), scale * pose_keypoints(name), atol=2), name
    editor.button("arrows-h")
    assert np.allclose(faces(editor)[0] - (400, 240), scale * pose_keypoints("profile right"), atol=2)

    pixel = per_pixel(editor)
    before = faces(editor)[0]
    nose = middle_of(editor, 0, "point 2")
    editor.drag(nose, at(nose, 30, -20))
    moved = faces(editor)[0] - before
    assert moved[2] == pytest.approx([30 * pixel, -20 * pixel], abs=1) and np.abs(moved[[0, 1, 3, 4]]).max() < 0.2
    dragged = editor.value("keypoints")
    assert editor.sent("keypoints") == dragged
    editor.press("Control+z")
    until(lambda: np.allclose(faces(editor)[0], before), "the former value")
    editor.press("Control+y")
    editor.becomes("keypoints", dragged)
    editor.outlives("keypoints")


def test_a_face_is_moved_scaled_and_turned_by_the_mouse(editor):
    editor.button("user-plus")
    pixel = per_pixel(editor)
    before = faces(editor)[0]
    corner = editor.part('[data-part="body"]').bounding_box()
    grip = corner["x"] + corner["width"] * 0.5, corner["y"] + corner["height"] - 4
    editor.drag(grip, at(grip, 40, 25))
    assert np.allclose(faces(editor)[0], before + np.array([40, 25]) * pixel, atol=1)

    before = faces(editor)[0]
    scale = middle_of(editor, 0, "scale")  # the corner at the left and top
    centre = editor.page.evaluate(
        """([x, y]) => {
            const { x: left, y: top } = new DOMPoint(x, y).matrixTransform(
                document.querySelector('.likeness-canvas').getScreenCTM())
            return [left, top]
        }""",
        before.mean(axis=0).tolist(),
    )
    editor.drag(scale, at(scale, scale[0] - centre[0], scale[1] - centre[1]))
    about = before.mean(axis=0)
    assert np.allclose(faces(editor)[0] - about, 2 * (before - about), atol=3)

    before = faces(editor)[0]
    knob = middle_of(editor, 0, "turn")
    reach = centre[1] - knob[1]
    editor.drag(knob, (centre[0] + reach, centre[1]))
    assert np.allclose(faces(editor)[0], posed(before, Pose(rotation=90), (800, 600)), atol=3)


def test_a_face_is_changed_by_keys(editor):
    editor.button("user-plus")
    editor.part('[data-face="0"]').focus()
    start = faces(editor)[0]
    editor.press("ArrowRight", "Shift+ArrowDown")
    assert np.allclose(faces(editor)[0], start + (800 / 128, 1), atol=0.2)
    editor.press("3", "Shift+ArrowUp", "Escape")
    assert np.allclose(faces(editor)[0][2] - start[2], (800 / 128, 0), atol=0.2)
    before = faces(editor)[0]
    editor.press("+", "e", "m")
    size = 800, 600
    assert np.allclose(faces(editor)[0][0][1], posed(before, Pose(1.05, 5), size)[1][1], atol=0.3)
    editor.press("Insert", "Delete")
    assert len(faces(editor)) == 1
    editor.press("Delete")
    assert not faces(editor) and editor.node in editor.frontend.nodes()


def test_what_is_seen_is_what_the_node_draws(editor):
    """With every setting moved, a drag of one face leaves the drawing of the other as it was."""
    sheet = KeypointSheet(
        (640, 640), (300 + 60 * pose_keypoints("up"), 180 + 40 * pose_keypoints("three-quarter left"))
    )
    settings = {"scale": 0.8, "rotation": 30.0, "shift_x": 25.0, "shift_y": -10.0, "mirror": True}

    def drawn():
        source = from_json(editor.value("keypoints"))
        points = [fitted(face, source.size, (800, 600), "fill") for face in source.faces]
        return [posed(face, Pose(**settings), (800, 600)) for face in points]

    for name, value in {**settings, "fit": "fill", "keypoints": to_json(sheet)}.items():
        editor.set(name, value)
    first, second = drawn()
    seen = editor.page.evaluate(
        """() => [...document.querySelectorAll('[data-face="0"] .likeness-point')].map(
            point => [point.cx.baseVal.value, point.cy.baseVal.value])"""
    )
    assert np.allclose(seen, first, atol=0.01)
    pixel = per_pixel(editor)
    nose = middle_of(editor, 0, "point 2")
    editor.drag(nose, at(nose, 20, 10))
    after = drawn()
    assert after[0][2] - first[2] == pytest.approx([20 * pixel, 10 * pixel], abs=1)
    assert np.allclose(after[1], second, atol=0.2)
    editor.set("keypoints", "{")
    editor.part(".likeness-wrong >> text=not JSON").wait_for()


def test_a_picture_of_ones_own_lies_behind_the_points(editor, tmp_path):
    Image.new("RGB", (400, 150), (200, 40, 40)).save(tmp_path / "behind.png")
    behind = editor.root.locator(".likeness-canvas image")
    with editor.page.expect_file_chooser() as chooser:
        editor.button("image")
    chooser.value.set_files(tmp_path / "behind.png")
    behind.wait_for(state="attached")
    assert [behind.get_attribute(name) for name in ("width", "height", "y")] == ["800", "300", "150"], "fitted"
    saved = editor.frontend.workflow()
    assert "behind" not in json.dumps(editor.frontend.prompt()), "it is for the eye alone"
    editor.button("eye")
    behind.wait_for(state="detached")
    editor.frontend.load(saved)
    behind.wait_for(state="attached")
    editor.button("image")  # and off again
    behind.wait_for(state="detached")
    assert "behind" not in json.dumps(editor.frontend.workflow())


def test_the_page_shapes_faces_as_the_pack_does(frontend):
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 500, (5, 2))
    found = frontend.page.evaluate(
        """async ([path, points, pose]) => {
            const shape = await import(path)
            const order = [1, 0, 2, 4, 3]
            const there = shape.posed(points, pose, 800, order)
            return {
                there,
                back: shape.unposed(there, pose, 800, order),
                fits: ['fit', 'fill', 'stretch'].map(fit => shape.fitted(points, [500, 400], [800, 600], fit))
            }
        }""",
        [SHAPE, points.tolist(), {"scale": 1.3, "rotation": -40, "shift_x": 7, "shift_y": 9, "mirror": True}],
    )
    assert np.allclose(found["there"], posed(points, Pose(1.3, -40, 7, 9, True), (800, 600)), atol=1e-3)
    assert np.allclose(found["back"], points, atol=1e-6)
    for fit, fits in zip(("fit", "fill", "stretch"), found["fits"], strict=True):
        assert np.allclose(fits, fitted(points, (500, 400), (800, 600), fit), atol=1e-3)


EYES_OF_HEAD = 116 / 35.24
"""Height of a head, from hairline to chin, in distances of its eyes."""
VIEW = """() => [document.querySelector('.likeness-canvas').viewBox.baseVal.width, app.canvas.ds.scale]"""


def heads(editor):
    """Height of each frontal head and the share of its eyes' way across and down, by the points in the widget."""
    eyes = [np.array(face[:2]) for face in faces(editor)]
    return [(np.linalg.norm(pair[1] - pair[0]) * EYES_OF_HEAD, *(pair.mean(0) / (800, 600))) for pair in eyes]


def test_heads_are_framed_by_a_button_and_a_small_one_is_warned_of(editor):
    editor.button("user-plus")
    editor.button("user-plus")
    first, second = (across for _, across, _ in heads(editor))
    editor.button("half length")
    assert [head for head, *_ in heads(editor)] == pytest.approx([0.18 * 600] * 2, abs=1)
    places = [0.25, 0.75] if first < second else [0.75, 0.25]
    assert [across for _, across, _ in heads(editor)] == pytest.approx(places, abs=0.01), "in the order that they had"
    assert [down for *_, down in heads(editor)] == pytest.approx([FRAMES["half length"].middle] * 2, abs=0.04)
    warning = editor.root.locator(".likeness-warning")
    assert not warning.inner_text()
    framed = editor.value("keypoints")
    editor.button("full figure")
    assert [head for head, *_ in heads(editor)] == pytest.approx([0.09 * 600] * 2, abs=1)
    assert warning.inner_text() == "Head 54 of 600 px"
    assert "repaint the face with Refine Faces" in editor.root.locator(".likeness-status").last.inner_text()
    outline, points = editor.part(".likeness-head").bounding_box(), editor.part('[data-part="point 2"]').bounding_box()
    assert outline["height"] > 2 * points["height"] and outline["x"] < points["x"]
    editor.frontend.picture(f"framed {editor.page.evaluate('!!document.querySelector(`.lg-node`)')}")

    width, scale = editor.page.evaluate(VIEW)
    nose = middle_of(editor, 0, "point 2")
    editor.page.mouse.click(*nose)
    for _ in range(4):
        editor.page.mouse.wheel(0, -100)
    until(lambda: editor.page.evaluate(VIEW)[0] < 0.5 * width, "the drawing zoomed")
    assert editor.page.evaluate(VIEW)[1] == scale, "and not the graph"
    assert middle_of(editor, 0, "point 2") == pytest.approx(nose, abs=3), "what is under the pointer stays"
    editor.page.keyboard.press("Control+z")
    editor.becomes("keypoints", framed)


GRAPH = """([kinds, links]) => {
    const made = kinds.map(([kind, x, values]) => {
        const node = LiteGraph.createNode(kind)
        node.pos = [x, 100]
        app.graph.add(node)
        for (const [name, value] of Object.entries(values)) node.widgets.find(w => w.name === name).value = value
        return node
    })
    for (const [from, to, input] of links) made[from].connect(0, made[to], input)
    return made.map(node => String(node.id))
}"""


@pytest.mark.parametrize("renderer", RENDERERS)
def test_detected_faces_are_edited_over_their_photo_and_come_back(renderer, frontend, example_photo):
    frontend.renderer(renderer)
    kinds = [
        ["LoadImage", 0, {"image": "example.png"}],
        ["LikenessLoadFaceModels", 0, {"pack": "vectron"}],
        ["LikenessFindFaces", 400, {"embed": False}],
        [NODE, 800, {"width": 720, "height": 480}],
        ["PreviewImage", 1300, {}],
    ]
    links = [[0, 2, "image"], [1, 2, "face_models"], [2, 3, "faces"], [3, 4, "images"]]
    node = frontend.page.evaluate(GRAPH, [kinds, links])[3]
    entry = frontend.queue()
    assert entry.succeeded, entry.messages.get("execution_error")
    detected = entry.entry["outputs"][node]["likeness_keypoints"][0]["detected"]
    assert len(detected["faces"]) == 2
    frontend.show(node)
    canvas = frontend.page.locator(".likeness-canvas")
    canvas.locator("image").wait_for(state="attached")
    assert canvas.locator("[data-face]").count() == 2
    frontend.picture(f"keypoint editor {renderer}", node)

    canvas.locator('[data-face="0"]').focus()
    frontend.page.keyboard.press("ArrowLeft")
    edited = json.loads(frontend.value(node, "keypoints"))["faces"]
    assert np.allclose(edited[0], np.array(detected["faces"][0]) - (720 / 128, 0), atol=0.1)
    assert np.allclose(edited[1], detected["faces"][1], atol=0.1)
    again = frontend.queue()
    assert again.succeeded and "from 'keypoints'" in again.text(node)
    assert np.allclose(again.entry["outputs"][node]["likeness_keypoints"][0]["drawn"]["faces"], edited)
    frontend.page.locator(".likeness-bar").filter(has=frontend.page.locator("select")).locator(
        '[data-focus="eraser"]'
    ).click()
    assert frontend.value(node, "keypoints") == ""
