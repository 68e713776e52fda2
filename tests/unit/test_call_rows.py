from types import SimpleNamespace
from uuid import uuid4

import pytest
from pack.attention.branch.masks import Area
from pack.attention.sampling.call import places, rows_of_call
from pack.attention.sampling.rows import Chunk, Conditionings, Rows

UNKNOWN = Conditionings({}, {})
LEFT, RIGHT = (Area(8, 4, 0, left, (8, 8)) for left in (0, 4))


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
    rows = rows_of_call(UNKNOWN, 6, {"cond_or_uncond": [1, 0], **options})
    assert rows.frames == frames
    assert [chunk.polarity for chunk in rows.chunks] == ["negative", "positive"]


def test_a_call_that_says_nothing_is_one_positive_chunk():
    assert rows_of_call(UNKNOWN, 2, {}) == Rows((Chunk("positive"),), (0, 1))


def test_uuids_tell_polarity_and_area():
    uuid = uuid4()
    known = Conditionings.of({"negative": [{"uuid": uuid, "area": (8, 4, 0, 4)}]}, (8, 8))
    assert rows_of_call(known, 1, {"cond_or_uncond": [0], "uuids": [uuid]}).chunks == (Chunk("negative", RIGHT),)


def test_rows_that_are_about_the_same_take_one_place():
    assert places(Rows((Chunk("negative"), Chunk("positive")), (0, 1, 2)), 1) == ((0, None),)


def test_the_last_picture_is_for_all_rows_that_follow():
    rows = Rows((Chunk("negative", LEFT), Chunk("positive", RIGHT)), (0, 1, 2))
    assert places(rows, 2) == ((0, LEFT), (1, LEFT), (1, LEFT), (0, RIGHT), (1, RIGHT), (1, RIGHT))
