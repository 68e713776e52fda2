"""Head poses against what a head does: it turns, nods, and stays the same head."""

import math

import numpy as np
import pytest
from pack.face.head_poses import HEAD, POSES, head_fit, pose_keypoints, turned_head

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)


def seen(name):
    left_eye, right_eye, nose, left_mouth, right_mouth = pose_keypoints(name)
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    return right_eye[0] - left_eye[0], nose - eyes, mouth - eyes


def test_the_frontal_face_is_that_of_the_recognisers():
    found = TEMPLATE - TEMPLATE.mean(axis=0)
    found /= np.linalg.norm(TEMPLATE[1] - TEMPLATE[0])
    assert np.abs(pose_keypoints("frontal") - found).max() < 0.02


def test_a_turned_head_shows_its_nose_on_that_side_and_its_eyes_closer():
    frontal, quarter, profile = (seen(name) for name in ("frontal", "three-quarter right", "profile right"))
    assert frontal[0] > quarter[0] > profile[0] > 0
    assert abs(frontal[1][0]) < 1e-6 and 0 < quarter[1][0] < profile[1][0]


@pytest.mark.parametrize("name", ["three-quarter", "profile"])
def test_left_is_the_mirror_of_right(name):
    left, right = (pose_keypoints(f"{name} {side}") for side in ("left", "right"))
    assert np.allclose(left[[1, 0, 2, 4, 3]] * (-1, 1), right, atol=1e-6)


def test_a_nodding_head_moves_its_nose_towards_or_away_from_the_eyes():
    up, frontal, down = (seen(name)[1][1] for name in ("up", "frontal", "down"))
    assert up < frontal < down


@pytest.mark.parametrize("name", POSES)
def test_the_fit_gives_scale_and_tilt_back_from_every_pose(name):
    tilt, scale = math.radians(20), 80
    turn = np.array([[math.cos(tilt), -math.sin(tilt)], [math.sin(tilt), math.cos(tilt)]])
    points = scale * pose_keypoints(name) @ turn.T + (300, 200)
    found = head_fit() @ (points - points.mean(axis=0))
    assert np.linalg.svd(found)[1] == pytest.approx([scale, scale], rel=1e-3)
    assert math.atan2(-found[1, 0], found[1, 1]) == pytest.approx(tilt, abs=1e-3)


def test_the_head_is_symmetrical():
    assert np.allclose(HEAD[[1, 0, 2, 4, 3]] * (-1, 1, 1), HEAD)


def test_a_tilted_head_is_the_same_one_turned_in_the_picture():
    turn = np.array([[0, -1], [1, 0]])  # a quarter clockwise, y being down
    assert np.allclose(turned_head(-40, 10, 90), turned_head(-40, 10) @ turn.T, atol=1e-6)
