"""The square around a face is the one that Kolors' authors cut out for FaceID plus."""

from dataclasses import replace

import numpy as np
import pytest
from pack.face.square import SIDE, around, square
from pack.face.value import frozen
from PIL import Image


def authors(pixels, box):
    """Their formula, on their library: the centre, half the longer side each way, and the picture scaled to 336."""
    left, top, right, bottom = box
    half = max(right - left, bottom - top) / 2
    x, y = (left + right) / 2, (top + bottom) / 2
    return np.array(Image.fromarray(pixels).crop((x - half, y - half, x + half, y + half)).resize((336, 336)))


@pytest.mark.parametrize("name", ["obama.jpg", "obama_partial_face.jpg", "players.jpg"])
def test_squares_are_the_authors(find_in, photo, name):
    faces = find_in(photo(name))
    assert faces
    for face in faces:
        assert np.array_equal(square(face), authors(photo(name), face.box))


def test_a_face_at_the_edge_is_black_beyond_it(obama):
    x0, y0, x1, y1 = obama.box
    face = replace(obama, box=frozen((-(x1 - x0) / 2, y0, (x1 - x0) / 2, y1)))
    cut = square(face)
    assert np.array_equal(cut, authors(obama.picture.pixels, face.box))
    assert not cut[:, : SIDE // 4].any() and cut[:, -SIDE // 4 :].any()


def test_a_box_without_width_is_still_a_square(obama):
    cut = square(replace(obama, box=frozen((40, 40, 40, 40))))
    assert cut.shape == (SIDE, SIDE, 3) and around(frozen((0, 0, 4, 8))) == (-2, 0, 6, 8)
