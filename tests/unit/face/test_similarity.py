"""How alike faces are, and how much a generated one copies its reference."""

import numpy as np
import pytest
from pack.face.similarity import copy_paste, cosine, similarities


def test_cosine_is_of_directions(face, embedding):
    a = embedding(1)
    assert cosine(face(embedding=a), face(embedding=3 * a)) == pytest.approx(1, abs=1e-6)
    assert cosine(face(embedding=a), face(embedding=-a)) == pytest.approx(-1, abs=1e-6)
    assert abs(cosine(face(embedding=a), face(embedding=embedding(2)))) < 0.2


def test_all_pairs(face, faces_of, picture, embedding):
    (shown,) = picture()
    left = (faces_of(shown, face(embedding=embedding(1)), face(embedding=embedding(2))),)
    right = (faces_of(shown), faces_of(shown, face(embedding=embedding(2))))
    table = similarities(left, right)
    assert table.shape == (2, 1)
    assert table[1, 0] == pytest.approx(1, abs=1e-6)
    assert table[0, 0] == pytest.approx(cosine(left[0].faces[0], right[1].faces[0]), abs=1e-6)
    assert similarities(left, (faces_of(shown),)).shape == (2, 0)


def on_circle(degrees):
    """Embeddings whose angles to each other are known."""
    vector = np.zeros(512)
    vector[:2] = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return vector


@pytest.mark.parametrize(
    ("generated", "reference", "truth", "measure"),
    [(0, 0, 60, 1.0), (60, 0, 60, -1.0), (30, 0, 60, 0.0), (20, 0, 80, 0.5), (90, 0, 60, -1.0)],
)
def test_copy_paste_measure(face, generated, reference, truth, measure):
    faces = (face(embedding=on_circle(angle)) for angle in (generated, reference, truth))
    assert copy_paste(*faces) == pytest.approx(measure, abs=1e-4)


def test_copy_paste_with_twice_the_same_photo_is_finite(face):
    one = face(embedding=on_circle(10))
    assert np.isfinite(copy_paste(face(embedding=on_circle(50)), one, one))
