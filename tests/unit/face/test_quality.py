"""What is said about a face that will cost likeness, and that nothing is said about a good one."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from pack.face.picture import pictures
from pack.face.quality import quality
from pack.face.value import Face, Rung, frozen

from .conftest import FIVE

TIMES = 4


@pytest.fixture
def seen():
    """A face of 160x200 pixels in the middle of a photo full of detail, which is changed before it is looked at."""

    def make(change=lambda photo: photo, keypoints=FIVE, cut=0, scale=1.0, score=0.9):
        detail = np.random.default_rng(0).integers(40, 220, (150, 150, 3)).astype(np.uint8)
        photo = change(cv2.resize(detail, (600, 600), interpolation=cv2.INTER_LINEAR))[cut:]
        photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        (shot,) = pictures(torch.from_numpy(photo).float()[None] / 255)
        middle = np.array([300, 300 - cut], np.float32)
        points = ((keypoints - FIVE.mean(axis=0)) * TIMES / 2 + middle) * scale
        box = np.concatenate([middle - (80, 100), middle + (80, 100)]) * scale
        return Face(shot, frozen(box), frozen(points), score, Rung())

    return make


def test_a_good_face_is_not_spoken_of(seen):
    assert quality(seen()).names == () and quality(seen()).words == ()


@pytest.mark.parametrize(
    ("given", "name", "words"),
    [
        ({"scale": 0.24}, "small", "small (38 pixels)"),
        ({"score": 0.6}, "unsure", "the detector is unsure (score 0.60)"),
        ({"cut": 290}, "cropped", "cropped (the photo ends, "),
        ({"change": lambda photo: photo // 10}, "dark", "dark (its lights have "),
        ({"change": lambda photo: cv2.GaussianBlur(photo, (0, 0), 12)}, "blurred", "blurred"),
    ],
)
def test_what_costs_likeness_is_named_with_its_figure(seen, given, name, words):
    found = quality(seen(**given))
    assert found.names == (name,) and found.words[0].startswith(words)


def turned_by(degrees):
    """Keypoints of a head that is turned to the side."""
    from pack.face.head_poses import HEAD

    right, down, near = (HEAD - HEAD.mean(axis=0)).T
    angle = np.radians(degrees)
    x = right * np.cos(angle) + near * np.sin(angle)
    return (np.stack([x, down], axis=1) * 35 + FIVE.mean(axis=0)).astype(np.float32)


@pytest.mark.parametrize(("degrees", "is_named"), [(0, False), (40, False), (-40, False), (50, True), (-65, True)])
def test_a_head_that_is_turned_away_is_known_by_its_keypoints(seen, degrees, is_named):
    found = quality(seen(keypoints=turned_by(degrees)))
    assert ("turned away" in found.names) == is_named
    assert not is_named or f"about {abs(degrees)} degrees" in " ".join(found.words)


def test_an_upside_down_face_is_not_turned_away(seen):
    assert quality(seen(keypoints=2 * FIVE.mean(axis=0) - FIVE)).names == ()


def test_without_photo_and_crop_only_what_the_points_tell_is_said(seen):
    dark = seen(lambda photo: photo // 10, scale=0.2)
    kept = replace(dark, picture=replace(dark.picture, photo=None))
    assert quality(dark).names == ("small", "dark") and quality(kept).names == ("small",)


def test_points_in_one_place_are_left_to_the_alignment(seen):
    face = seen()
    assert quality(replace(face, keypoints=frozen(np.full((5, 2), 7)))).names == ()
