"""The keypoint picture is InstantID's, pixel for pixel."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pack.face.draw import draw_keypoints

POINTS = np.array([(250.3, 300.7), (390.2, 295.1), (318.9, 380.5), (262.4, 455.0), (384.6, 450.9)], np.float32)


def reference(keypoints, width, height):
    """The published drawing written from its description: one ellipse and one circle at a time, whole-number cuts."""
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]
    canvas = np.zeros([height, width, 3])
    for start in (0, 1, 3, 4):
        xs, ys = keypoints[[start, 2]][:, 0], keypoints[[start, 2]][:, 1]
        length = ((xs[0] - xs[1]) ** 2 + (ys[0] - ys[1]) ** 2) ** 0.5
        angle = math.degrees(math.atan2(ys[0] - ys[1], xs[0] - xs[1]))
        polygon = cv2.ellipse2Poly((int(np.mean(xs)), int(np.mean(ys))), (int(length / 2), 4), int(angle), 0, 360, 1)
        canvas = cv2.fillConvexPoly(canvas.copy(), polygon, colours[start])
    canvas = (canvas * 0.6).astype(np.uint8)
    for colour, (x, y) in zip(colours, keypoints, strict=True):
        canvas = cv2.circle(canvas.copy(), (int(x), int(y)), 10, colour, -1)
    return canvas


def test_published_pixel_counts():
    drawn = draw_keypoints([POINTS], (640, 768))
    assert drawn.shape == (768, 640, 3)
    assert int(drawn.any(axis=2).sum()) == 4200
    colours, counts = np.unique(drawn.reshape(-1, 3), axis=0, return_counts=True)
    found = {tuple(int(v) for v in colour): int(count) for colour, count in zip(colours, counts, strict=True)}
    del found[0, 0, 0]
    full = {(255, 0, 0): 317, (0, 255, 0): 317, (0, 0, 255): 317, (255, 255, 0): 317, (255, 0, 255): 317}
    assert found == full | {(153, 0, 0): 675, (0, 153, 0): 725, (153, 153, 0): 590, (153, 0, 153): 625}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 320), st.floats(-20, 260)), min_size=5, max_size=5))
def test_any_five_points_are_drawn_as_the_reference_draws_them(points):
    keypoints = np.array(points, np.float64)
    assert np.array_equal(draw_keypoints([keypoints], (300, 240)), reference(keypoints, 300, 240))


def test_several_faces_that_do_not_touch_add_up():
    other = POINTS * 0.3
    both = draw_keypoints([POINTS, other], (640, 768))
    assert np.array_equal(both, draw_keypoints([POINTS], (640, 768)) | draw_keypoints([other], (640, 768)))


def test_limbs_of_one_face_never_hide_points_of_another():
    near = POINTS + np.float32([60, 20])
    both = draw_keypoints([POINTS, near], (640, 768))
    for x, y in [*POINTS, *near]:
        assert both[int(y), int(x)].max() == 255


@pytest.mark.parametrize("size", [(64, 64), (1, 1)])
def test_points_outside_the_canvas_are_no_error(size):
    assert draw_keypoints([POINTS], size).shape == (size[1], size[0], 3)


def test_no_face_is_black():
    assert not draw_keypoints([], (32, 16)).any()
