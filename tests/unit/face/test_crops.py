"""Each face alone, as a square of one sheet."""

from dataclasses import replace

import numpy as np
from pack.face.crops import AROUND, COLUMNS, SIDE, crops, lineup
from pack.face.value import PictureFaces


def squares(sheet):
    """The squares of a sheet by row and column."""
    return sheet.reshape(-1, SIDE, COLUMNS, SIDE, 3).swapaxes(1, 2)


def test_a_face_is_in_the_middle_of_its_square_and_outside_of_the_photo_is_black(picture, face, faces_of):
    (shown,) = picture(200, 100)
    photo = np.full((100, 200, 3), 60, np.uint8)
    photo[40:60, 90:110] = 250
    shown = replace(shown, photo=photo)
    inside, corner = face((90, 40, 110, 60), of=shown), face((-10, -10, 10, 10), of=shown)
    first, second, *rest = squares(crops(faces_of(shown, inside, corner)))[0]
    edge = (SIDE - SIDE / AROUND) / 2
    assert (first[round(edge) + 2 : -round(edge) - 2, SIDE // 2] == 250).all()
    assert (first[: round(edge) - 2] == 60).all()
    assert (second[: SIDE // 2 - 2] == 0).all() and (second[SIDE // 2 + 2 :, SIDE // 2 + 2 :] == 60).all()
    assert not np.any(rest)


def test_thirty_faces_fill_four_rows_and_boxes_of_any_size_are_no_error(picture, face, faces_of):
    (shown,) = picture(64, 40)
    many = [face((i, i, i + 8, i + 8), of=shown) for i in range(29)]
    sheet = crops(faces_of(shown, *many, face((-1e7, -1e7, 1e7, 1e7), of=shown)))
    assert sheet.shape == (4 * SIDE, COLUMNS * SIDE, 3)


def test_a_face_without_its_photo_shows_its_crop(picture, face):
    (shown,) = picture(64, 40)
    gone = replace(shown, photo=None)
    upright = np.full((112, 112, 3), 77, np.uint8)
    kept = [replace(face((8, 8, 24, 24), of=gone), upright=crop) for crop in (upright, None)]
    first, second, *_ = squares(crops(PictureFaces(gone, tuple(kept))))[0]
    assert (first == 77).all() and not second.any()


def test_a_lineup_shows_faces_of_several_pictures_upright(picture, face):
    (shown,) = picture(64, 64)
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[:32] = 90  # and dark below: the face stands on its head
    upside_down = face((8, 8, 56, 56), of=replace(shown, photo=photo))
    upside_down = replace(
        upside_down, keypoints=np.array([[44, 44], [20, 44], [32, 32], [40, 20], [24, 20]], np.float32)
    )
    kept = replace(face((8, 8, 24, 24), of=replace(shown, photo=None)), upright=np.full((224, 224, 3), 77, np.uint8))
    first, second, third = np.split(lineup([upside_down, kept, replace(kept, upright=None)]), 3, axis=1)
    assert first.shape == (SIDE, SIDE, 3)
    assert first[8, SIDE // 2].max() == 0 and (first[-16, SIDE // 2] == 90).all()
    assert (second == 77).all() and not third.any()
