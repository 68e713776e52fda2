"""The tiles of Pose Sheet."""

import numpy as np
import pytest
from pack.face.pose_sheet import FRAMES, TURNAROUND, parse_poses, pose_sheets
from serving.patience import until

from .editors import Editor
from .frontend import RENDERERS

NODE = "LikenessPoseSheet"
POINTS = """() => [...document.querySelectorAll('.likeness-tile > svg')].map(tile =>
    [...tile.querySelectorAll('circle')].map(one => [one.cx.baseVal.value, one.cy.baseVal.value]))"""


@pytest.fixture(params=RENDERERS)
def editor(request, frontend):
    return Editor(frontend, NODE, request.param, width=800, height=600)


def seen(editor):
    """Points of each person of each tile."""
    return [np.array(tile).reshape(-1, 5, 2) for tile in editor.page.evaluate(POINTS)]


def drawn(editor):
    """What the node draws of the same widgets."""
    frame = FRAMES[editor.value("framing")]
    sheets = pose_sheets(parse_poses(editor.value("poses")), editor.value("people"), frame, (800, 600))
    return [np.array(sheet.faces) for sheet in sheets]


def is_drawn(editor):
    tiles, sheets = seen(editor), drawn(editor)
    return len(tiles) == len(sheets) and all(np.allclose(*both, atol=0.05) for both in zip(tiles, sheets, strict=True))


def test_a_head_is_turned_by_dragging_and_tiles_come_and_go(editor):
    assert len(seen(editor)) == len(TURNAROUND) == 5 and is_drawn(editor)
    x, y = editor.middle('[data-focus="tile 2"] .likeness-edge')
    wide = editor.part('[data-focus="tile 2"] .likeness-edge').bounding_box()["width"]
    editor.drag((x, y), (x + wide * 25 / 180, y))
    lines = editor.value("poses").splitlines()
    assert lines[:2] == list(TURNAROUND[:2]) and lines[3:] == list(TURNAROUND[3:])
    yaw, pitch = map(float, lines[2].split())
    assert yaw == pytest.approx(25, abs=2) and pitch == pytest.approx(0, abs=1) and is_drawn(editor)
    turned = editor.value("poses")
    assert editor.sent("poses") == turned
    editor.press("Control+z")
    editor.becomes("poses", "")
    editor.press("Control+y")
    editor.becomes("poses", turned)

    editor.part(".likeness-plus").click()
    assert len(editor.value("poses").splitlines()) == 6 and is_drawn(editor)
    editor.part("select >> nth=1").select_option("up")
    assert editor.value("poses").splitlines()[5] == "up"
    editor.frontend.picture(f"pose sheet {editor.page.evaluate('!!document.querySelector(`.lg-node`)')}")
    editor.outlives("poses")


def test_several_people_are_turned_by_keys(editor):
    editor.set("people", 2)
    editor.set("framing", "half length")
    until(lambda: is_drawn(editor) and seen(editor)[0].shape == (2, 5, 2), "two people in each tile")
    editor.set("framing", "full figure")
    assert editor.part(".likeness-warning").inner_text() == "Head 54 of 600 px"
    assert "repaint the faces with Refine Faces" in editor.part(".likeness-status").inner_text(), "what to do is read"
    latent, sampler = (editor.frontend.add(kind) for kind in ("EmptyLatentImage", "KSampler"))
    editor.set("batch_size", 3, latent)
    editor.frontend.connect(latent, 0, sampler, "latent_image")
    apply = editor.frontend.add("LikenessApplyInstantID")
    editor.frontend.connect(editor.node, 0, apply, "image")
    editor.frontend.connect(apply, 0, sampler, "model")
    editor.set("framing", "half length")
    editor.part(".likeness-wrong >> text=5 pictures for a batch of 3").wait_for()
    editor.frontend.connect(editor.node, 1, sampler, "latent_image")
    editor.set("framing", "portrait")
    until(lambda: not editor.root.locator(".likeness-wrong").count(), "its own latent has as many")
    editor.frontend.remove(latent, sampler, apply)
    editor.part('[data-focus="tile 0"]').focus()
    editor.press("ArrowRight", "2", "d", "Shift+w", "e")
    assert editor.value("poses").splitlines()[1] == "three-quarter left; -35 1 5" and is_drawn(editor)
    editor.press("1", "m", "Delete")
    assert editor.value("poses").splitlines()[1] == "frontal" and editor.node in editor.frontend.nodes()
    editor.frontend.picture(f"pose sheet of two {editor.page.evaluate('!!document.querySelector(`.lg-node`)')}")
    editor.set("poses", "frontal\nsideways")
    editor.part(".likeness-wrong >> text=Line 2").wait_for()
    editor.button("eraser")
    assert editor.value("poses") == "" and len(seen(editor)) == 5
