from types import SimpleNamespace
from uuid import uuid4

import pytest
import torch
from pack.attention.branch.masks import Area
from pack.attention.sampling.call import WHOLE, Given, found_in, picture_areas, rows_of_call
from pack.attention.sampling.rows import Chunk, Conditionings, Rows

UNKNOWN = Conditionings({}, {})
LEFT, RIGHT = (Area(8, 4, 0, left, (8, 8)) for left in (0, 4))


def given(rows, text=None, **options):
    return Given(torch.zeros(rows, 4, 8, 8), options, text)


@pytest.mark.parametrize(
    ("options", "frames"),
    [
        ({}, (0, 1, 2)),
        ({"context_window": SimpleNamespace(index_list=[4, 5, 6])}, (4, 5, 6)),
        ({"ad_params": {"sub_idxs": [7, 8, 9]}}, (7, 8, 9)),
        ({"context_window": SimpleNamespace(index_list=[4, 5])}, (0, 1, 2)),
        ({"ad_params": {"sub_idxs": None}}, (0, 1, 2)),
    ],
)
def test_the_frames_of_a_call_are_those_of_its_window(options, frames):
    rows = rows_of_call(UNKNOWN, given(6, cond_or_uncond=[1, 0], **options))
    assert rows.frames == frames
    assert [chunk.polarity for chunk in rows.chunks] == ["negative", "positive"]


def test_a_call_that_says_nothing_is_one_positive_chunk():
    assert rows_of_call(UNKNOWN, given(2)) == Rows((Chunk("positive"),), (0, 1))


def test_uuids_tell_polarity_and_area():
    uuid = uuid4()
    known = Conditionings.of({"negative": [{"uuid": uuid, "area": (8, 4, 0, 4)}]}, (8, 8), 1)
    rows = rows_of_call(known, Given(torch.zeros(1, 4, 8, 4), {"cond_or_uncond": [0], "uuids": [uuid]}))
    assert rows.chunks == (Chunk("negative", RIGHT, by_place="positive"),)


def test_rows_that_are_about_the_same_take_one_place():
    assert picture_areas(Rows((Chunk("negative"), Chunk("positive")), (0, 1, 2)), 1) == ((0, None),)


def test_the_last_picture_is_for_all_rows_that_follow():
    rows = Rows((Chunk("negative", LEFT), Chunk("positive", RIGHT)), (0, 1, 2))
    assert picture_areas(rows, 2) == ((0, LEFT), (1, LEFT), (1, LEFT), (0, RIGHT), (1, RIGHT), (1, RIGHT))


MINUS, PLUS = Chunk("negative"), Chunk("positive")
TWO = Conditionings({}, {}, (8, 8), 2)


def text_of(*numbers):
    return torch.tensor([float(n) for n in numbers])[:, None, None].expand(-1, 3, 5)


def test_a_call_that_holds_the_rows_several_times_holds_tiles():
    text = text_of(0, 0, 1, 1, 0, 0, 1, 1)
    rows = rows_of_call(TWO, given(8, text, cond_or_uncond=[1, 0]))
    assert rows.listed() == 2 * ((MINUS, 0), (MINUS, 1), (PLUS, 0), (PLUS, 1))
    assert rows.is_known and rows.is_placed


def test_rows_that_stand_side_by_side_for_their_tiles_are_told_by_their_text():
    text = text_of(0, 0, 0, 0, 1, 1, 1, 1)
    rows = rows_of_call(TWO, given(8, text, cond_or_uncond=[1, 0]))
    assert [(chunk.polarity, frame) for chunk, frame in rows.listed()] == [
        (side, frame) for side in ("negative", "positive") for frame in (0, 0, 1, 1)
    ]


def test_pictures_that_fit_no_batch_are_called_a_guess():
    rows = rows_of_call(TWO, given(3, cond_or_uncond=[0]))
    assert rows.count == 3 and not rows.is_known


def test_names_that_were_left_out_of_a_call_are_not_asked():
    """TGate leaves two uuids beside one conditioning."""
    rows = rows_of_call(TWO, given(2, cond_or_uncond=[0], uuids=[uuid4(), uuid4()]))
    assert rows == Rows((PLUS,), (0, 1))


def test_a_part_is_found_in_the_latent_it_was_cut_from():
    whole = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    right = whole[..., 4:]
    assert found_in(whole, right[0]) == Area(8, 4, 0, 4, (8, 8))
    assert found_in(whole, right[0] + 1e-3) is None
    assert found_in(torch.zeros(1, 4, 8, 8), torch.zeros(4, 8, 4)) is None, "everywhere alike"
    rows = rows_of_call(TWO, Given(right, {"cond_or_uncond": [0], WHOLE: whole}))
    assert rows.chunks == (Chunk("positive", Area(8, 4, 0, 4, (8, 8))),)
    lost = rows_of_call(TWO, Given(right + 1, {"cond_or_uncond": [0], WHOLE: whole}))
    assert lost.chunks == (Chunk("positive", None, is_placed=False),) and not lost.is_placed


def test_each_tile_of_one_call_has_its_own_place():
    whole = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    x = torch.cat([whole[..., :4], whole[..., :4], whole[..., 4:], whole[..., 4:]])
    rows = rows_of_call(TWO, Given(x, {"cond_or_uncond": [1, 0], WHOLE: whole}, text_of(0, 0, 1, 1, 0, 0, 1, 1)))
    assert [chunk.area.left for chunk in rows.chunks] == [0, 0, 4, 4]
