"""Numbered boxes on the picture."""

import numpy as np
from pack.face.colours import PEOPLE
from pack.face.preview import preview, same_size


def test_boxes_and_points_are_drawn_on_a_copy(face, faces_of, picture):
    (shown,) = picture(200, 150)
    drawn = preview(faces_of(shown, face((20, 30, 120, 130), of=shown)))
    assert drawn.shape == (150, 200, 3)
    assert tuple(drawn[80, 20]) == PEOPLE[0]
    assert tuple(drawn[51, 38]) == (255, 0, 0)
    assert (shown.pixels == 128).all()


def test_a_large_picture_is_shown_small(faces_of, picture):
    assert preview(faces_of(picture(4000, 10)[0])).shape == (3, 1024, 3)


def test_faces_reaching_over_the_border_and_tiny_pictures_are_no_error(face, faces_of, picture):
    for width, height in ((1, 1), (64, 40)):
        (shown,) = picture(width, height)
        assert preview(faces_of(shown, face((-50, -60, 900, 900), of=shown))).shape == (height, width, 3)


def test_pictures_of_several_sizes_become_one_batch():
    sheets = same_size([np.full((4, 8, 3), 9, np.uint8), np.full((6, 2, 3), 7, np.uint8)])
    assert np.stack(sheets).shape == (2, 6, 8, 3)
    assert sheets[0][:4].min() == 9 and sheets[0][4:].max() == 0
