"""Keypoints in new poses, on other canvases, and as JSON."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pack.face.pose import CANVAS_FITS, KeypointSheet, Pose, fitted, from_json, posed, to_json

POINTS = np.array([(250.3, 300.7), (390.2, 295.1), (318.9, 380.5), (262.4, 455.0), (384.6, 450.9)], np.float32)
SIZE = (640, 768)


def test_no_change_changes_nothing():
    assert np.array_equal(posed(POINTS, Pose(), SIZE), POINTS)


def test_shift_and_scale():
    moved = posed(POINTS, Pose(scale=2, shift_x=10, shift_y=-5), SIZE)
    assert np.allclose(moved.mean(axis=0), POINTS.mean(axis=0) + [10, -5], atol=1e-3)
    assert np.allclose(np.diff(moved, axis=0), 2 * np.diff(POINTS, axis=0), atol=1e-3)


def test_a_quarter_turn_is_clockwise_as_seen():
    points = np.array([(0, 0), (2, 0), (1, 1), (0, 2), (2, 2)], np.float32)
    assert np.allclose(posed(points, Pose(rotation=90), SIZE)[0], [2, 0], atol=1e-6)


def test_turning_about_a_point_leaves_that_point():
    turned = posed(POINTS, Pose(rotation=37, scale=1.5), SIZE, about=POINTS[2])
    assert np.allclose(turned[2], POINTS[2], atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 5), st.floats(-180, 180))
def test_a_pose_can_be_undone(scale, rotation):
    there = posed(POINTS, Pose(scale=scale, rotation=rotation), SIZE)
    assert np.allclose(posed(there, Pose(scale=1 / scale, rotation=-rotation), SIZE), POINTS, atol=1e-2)


def test_mirroring_swaps_left_and_right_and_twice_is_nothing():
    mirrored = posed(POINTS, Pose(mirror=True), SIZE)
    assert mirrored[0, 0] < mirrored[1, 0] and mirrored[3, 0] < mirrored[4, 0]
    assert np.allclose(mirrored[0], [SIZE[0] - 1 - POINTS[1, 0], POINTS[1, 1]])
    assert np.allclose(posed(mirrored, Pose(mirror=True), SIZE), POINTS, atol=1e-4)


@pytest.mark.parametrize("how", CANVAS_FITS)
def test_fitting_to_the_same_size_changes_nothing(how):
    assert np.allclose(fitted(POINTS, SIZE, SIZE, how), POINTS)


def test_fits():
    corner = np.array([(0, 0), (100, 50)], np.float32)
    assert fitted(corner, (100, 50), (200, 200), "fit").tolist() == [[0, 50], [200, 150]]
    assert fitted(corner, (100, 50), (200, 200), "fill").tolist() == [[-100, 0], [300, 200]]
    assert fitted(corner, (100, 50), (200, 200), "stretch").tolist() == [[0, 0], [200, 200]]


def test_json_goes_round():
    sheet = from_json(to_json(KeypointSheet(SIZE, (POINTS, POINTS + 5))))
    assert sheet.size == SIZE
    assert np.allclose(np.stack(sheet.faces), np.stack([POINTS, POINTS + 5]), atol=1e-3)


def broken(**changes):
    data = json.loads(to_json(KeypointSheet(SIZE, (POINTS,))))
    return json.dumps(data | changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[1, 2]", "must look like"),
        ('{"width": 4}', "must look like"),
        (broken(width=0), "'width' must be a whole number from 1 to 16384, found 0"),
        (broken(height="8"), "'height' must be a whole number"),
        (broken(width=True), "'width' must be a whole number"),
        (broken(faces={}), "'faces' must be a list of faces, found dict"),
        (broken(faces=[[[1, 2]] * 4]), "Face 0 must be five points"),
        (broken(faces=[[[1, 2]] * 5, [[1, 2, 3]] * 5]), "Face 1 must be five points"),
        (broken(faces=[[[1, None]] * 5]), "Face 0 must be five points"),
        ('{"width": 4, "height": 4, "faces": [[[1, NaN],[1,1],[1,1],[1,1],[1,1]]]}', "Face 0 must be five points"),
        (broken(faces=["abcde"]), "Face 0 must be five points"),
    ],
)
def test_wrong_json_says_what_is_wrong(text, message):
    with pytest.raises(ValueError, match=message):
        from_json(text)


def test_json_without_faces_is_an_empty_sheet():
    assert from_json(broken(faces=[])).faces == ()


def test_people_who_are_not_numbered_by_their_places_keep_their_numbers():
    sheet = KeypointSheet(SIZE, (POINTS, POINTS + 5), (5, 2))
    assert json.loads(to_json(sheet))["people"] == [5, 2] and from_json(to_json(sheet)).numbers == (5, 2)
    for people in ([5], [5, 5], [5, 0], [5, True], [5, 2, 2], "52"):
        with pytest.raises(ValueError, match="a number from 1 for each of the 2 faces"):
            from_json(json.dumps({**json.loads(to_json(sheet)), "people": people}))
