"""Photos that stand on their head or lie on their side, with a detector that likes a bright forehead best."""

import numpy as np
import pytest
import torch
from pack.face.detect import Settings, find
from pack.face.looks import best_of
from pack.face.models import Detections
from pack.face.picture import pictures
from pack.face.turned import SIDE, TURNS, back, boxes_back, scores_by_turn, turned
from pack.face.value import Rung

SCORES = {"top": 0.85, "left": 0.72, "right": 0.72, "bottom": 0.75}


class Forehead:
    """Finds the grey square of a picture with a score by the side on which its bright bar is; in a sheet of four, each."""

    session = None
    static_input_size = None

    def __init__(self, scores=SCORES, fixed=None):
        self.scores, self.static_input_size, self.asked = scores, fixed, []

    def detect(self, img, input_size, *, det_thresh):
        self.asked.append(input_size)
        sheet = img.shape[:2] == (2 * SIDE, 2 * SIDE)
        corners = [(0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE)] if sheet else [(0, 0)]
        faces = [self.face(img[y : y + SIDE, x : x + SIDE] if sheet else img, x, y) for x, y in corners]
        rows = np.array([face for face in faces if face and face[4] >= det_thresh], np.float32).reshape(-1, 5)
        points = np.stack([np.linspace(row[:2], row[2:4], 5) for row in rows]) if len(rows) else np.empty((0, 5, 2))
        return rows, points.astype(np.float32)

    def face(self, img, x, y):
        lit = np.argwhere(img.max(axis=2) > 60)
        if not len(lit):
            return None
        (y0, x0), (y1, x1) = lit.min(0), lit.max(0)
        bar = np.argwhere(img.max(axis=2) > 180).mean(0) - (lit.min(0) + lit.max(0)) / 2
        side = ("top", "bottom")[int(bar[0] > 0)] if abs(bar[0]) > abs(bar[1]) else ("left", "right")[int(bar[1] > 0)]
        return (x + x0, y + y0, x + x1, y + y1, self.scores[side])


def photo(degrees=0, at=(60, 30)):
    """A grey face of 40 x 50 pixels with a bright forehead, in a dark picture of 200 x 120, then turned."""
    pixels = np.zeros((120, 200, 3), np.uint8)
    x, y = at
    pixels[y : y + 50, x : x + 40] = 120
    pixels[y : y + 10, x : x + 40] = 255
    return turned(pixels, degrees)


def shot(pixels):
    return pictures(torch.from_numpy(np.ascontiguousarray(pixels)).float()[None] / 255)


@pytest.mark.parametrize("degrees", TURNS)
def test_points_and_boxes_of_a_turned_picture_are_those_of_the_picture(degrees):
    pixels = np.zeros((7, 11, 3), np.uint8)
    pixels[2, 8] = 255
    ((v, u),) = np.argwhere(turned(pixels, degrees).any(axis=2))
    assert np.allclose(back(np.array([u, v], np.float32), degrees, (11, 7)), [8, 2])
    (box,) = boxes_back(np.array([[u - 1, v - 1, u + 1, v + 1]], np.float32), degrees, (11, 7))
    assert np.allclose(box, [7, 1, 9, 3])


@pytest.mark.parametrize("degrees", TURNS)
def test_a_turned_photo_gives_the_face_of_the_upright_one(fake_models, degrees):
    (upright,) = find(fake_models(Forehead()), shot(photo()))[0].faces
    (face,) = find(fake_models(Forehead()), shot(photo(degrees)))[0].faces
    assert face.rung.turned == -degrees % 360
    assert ("turned" in str(face.rung)) == bool(degrees)
    size = face.picture.size
    assert np.allclose(back(upright.keypoints, -degrees % 360, size), face.keypoints)
    assert face.score == upright.score == pytest.approx(0.85)


def test_the_ordinary_photo_costs_one_small_look_more(fake_models):
    detector = Forehead()
    find(fake_models(detector), shot(photo()))
    assert detector.asked == [(640, 640), (2 * SIDE, 2 * SIDE)]
    assert (2 * SIDE) ** 2 < 0.1 * 640**2
    find(fake_models(detector), shot(photo()), Settings(turned=False))
    assert len(detector.asked) == 3


@pytest.mark.parametrize(("score", "looks"), [(0.75, 1), (0.6, 4)])
def test_a_detector_of_fixed_size_looks_again_only_where_the_score_is_doubtful(fake_models, score, looks):
    detector = Forehead({**SCORES, "bottom": score}, fixed=(640, 640))
    (face,) = find(fake_models(detector), shot(photo(180)), Settings(pad=False))[0].faces
    assert len(detector.asked) == looks and face.rung.turned == (180 if looks > 1 else 0)


def test_the_small_look_sees_the_face_in_every_turn():
    assert np.allclose(
        scores_by_turn(Forehead(), photo(), np.array([60, 30, 100, 80], np.float32)),
        [SCORES[side] for side in ("top", "left", "bottom", "right")],
    )


def look(*faces, turn=0):
    rows = np.array(faces, np.float32).reshape(-1, 5)
    return Detections(
        rows[:, :4], np.zeros((len(rows), 5, 2), np.float32), rows[:, 4], (Rung(turned=turn),) * len(rows)
    )


def test_of_each_face_the_better_look_stays():
    upright = look((0, 0, 10, 10, 0.9), (50, 0, 60, 10, 0.55), (80, 0, 90, 10, 0.6))
    lying = look((1, 0, 11, 10, 0.5), (51, 1, 61, 11, 0.8), (20, 50, 30, 60, 0.6), (20, 80, 30, 90, 0.75), turn=90)
    found = best_of([upright, lying])
    assert np.allclose(found.scores, [0.9, 0.8, 0.75, 0.6])
    assert [rung.turned for rung in found.rungs] == [0, 90, 90, 0]
    assert best_of([look(), look()]).rungs == () and best_of([upright]) is upright
