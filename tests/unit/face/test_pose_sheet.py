"""Lines of poses against the heads that they become."""

import numpy as np
import pytest
from pack.face.head_poses import POSES, pose_keypoints
from pack.face.masks import ELLIPSE, DrawnFace, Softness, face_masks
from pack.face.pose_sheet import CROWD, FRAMES, HEIGHT, MOST, TURNAROUND, HeadPose, parse_poses, pose_sheets

SIZE = (800, 1000)


def test_names_and_degrees_are_read_and_an_empty_text_is_a_turnaround():
    read = parse_poses("Frontal\n\n -40 10 5 ; profile left\n12,-3\n")
    assert read == ((HeadPose(0, 0),), (HeadPose(-40, 10, 5), HeadPose(*POSES["profile left"])), (HeadPose(12, -3),))
    assert parse_poses(" \n") == tuple((HeadPose(*POSES[name]),) for name in TURNAROUND)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("frontal\nsideways", "Line 2 .* 'sideways' is no pose"),
        ("1 2 3 4", "'1 2 3 4'"),
        ("nan 2", "'nan 2'"),
        ("181 0", "from -180 to 180"),
        (";".join(["up"] * (CROWD + 1)), f"at most {CROWD} people"),
        ("up\n" * (MOST + 1), f"at most {MOST}"),
    ],
)
def test_a_wrong_line_is_named(text, words):
    with pytest.raises(ValueError, match=words):
        parse_poses(text)


@pytest.mark.parametrize("name", FRAMES)
def test_a_head_has_the_share_of_the_height_that_its_mask_has(name):
    (sheet,) = pose_sheets(parse_poses("frontal"), 1, FRAMES[name], SIZE)
    (mask,) = face_masks([DrawnFace(sheet.faces[0])], SIZE, "ellipse", Softness(), normalise=False)
    rows, columns = (mask > 0.5).nonzero(as_tuple=True)
    assert (rows.max() - rows.min() + 1) / SIZE[1] == pytest.approx(FRAMES[name].head, abs=0.005)
    assert (rows.float().mean() / SIZE[1]).item() == pytest.approx(FRAMES[name].middle, abs=0.01)
    assert columns.float().mean().item() == pytest.approx(SIZE[0] / 2, abs=2)
    assert pytest.approx(2 * ELLIPSE[1][1] / 35.24, abs=0.001) == HEIGHT


def test_people_stand_at_the_same_places_in_every_picture_and_have_room():
    first, second = pose_sheets(parse_poses("frontal; 30 0 20\nup"), 3, FRAMES["portrait"], SIZE)
    for sheet in (first, second):
        middles = [face.mean(axis=0)[0] for face in sheet.faces]
        assert np.allclose(middles, [SIZE[0] * share for share in (1 / 6, 3 / 6, 5 / 6)], atol=0.05 * SIZE[0])
    assert np.allclose(first.faces[1] - first.faces[1].mean(axis=0), first.faces[2] - first.faces[2].mean(axis=0))
    scale = np.linalg.norm(first.faces[0][1] - first.faces[0][0])
    assert 3 * scale * 88 / 35.24 < SIZE[0]
    seen = second.faces[0] - second.faces[0].mean(axis=0)
    assert np.allclose(seen / scale, pose_keypoints("up"), atol=1e-3)


def test_a_line_with_more_poses_than_people_is_named():
    with pytest.raises(ValueError, match="Line 2 .* has 2 poses .* 'people' is 1"):
        pose_sheets(parse_poses("up\nup; down"), 1, FRAMES["portrait"], SIZE)
