"""Masks of people over their photo, each in the person's colour."""

from dataclasses import replace

import numpy as np
import torch
from pack.face.colours import PEOPLE
from pack.face.mask_preview import LONGEST, TINT, tinted


def two_masks(height=200, width=400):
    masks = torch.zeros(2, height, width)
    masks[0, : height // 2, : width // 2] = 1
    masks[1, :, width // 2 :] = 0.5
    return masks


def over(ground, person, share):
    return np.round(ground * (1 - TINT * share) + TINT * share * np.array(PEOPLE[person]))


def test_each_person_is_tinted_in_their_colour_over_the_photo(picture, faces_of):
    (shown,) = picture(200, 100)
    shown = replace(shown, photo=np.full((100, 200, 3), 100, np.uint8))
    drawn = tinted(two_masks(), (1, 2), faces_of(shown))
    assert drawn.shape == (200, 400, 3)
    assert np.abs(drawn[5, 5] - over(100.0, 0, 1.0)).max() <= 1
    assert np.abs(drawn[190, 390] - over(100.0, 1, 0.5)).max() <= 1
    assert (drawn[190, 5] == 100).all(), "nobody is there"


def test_the_photo_lies_where_it_is_fitted_and_no_photo_is_black(picture, faces_of):
    (shown,) = picture(100, 100)
    shown = replace(shown, photo=np.full((100, 100, 3), 100, np.uint8))
    nobody = torch.zeros(1, 200, 400)
    assert (tinted(nobody, (1,), faces_of(shown))[100, [50, 350]] == 0).all()
    assert (tinted(nobody, (1,), faces_of(shown))[100, 200] == 100).all()
    assert (tinted(nobody, (1,), faces_of(shown), "fill")[100, [50, 350]] == 100).all()
    assert not tinted(nobody, (1,)).any()


def test_people_keep_their_numbers_and_large_masks_are_shown_small():
    first, later = (tinted(two_masks(), numbers) for numbers in ((1, 2), (3, 2)))
    assert np.abs(later[5, 5] - over(0.0, 2, 1.0)).max() <= 1 and (first != later).any()
    assert (first[190, 390] == later[190, 390]).all(), "the second person is the same"
    assert tinted(two_masks(2000, 4000), (1, 2)).shape == (LONGEST // 2, LONGEST, 3)
