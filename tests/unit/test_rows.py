from uuid import uuid4

import pytest
from pack.attention.branch.masks import Area
from pack.attention.sampling.rows import Chunk, Conditionings, Rows

POSITIVE, NEGATIVE, MIDDLE = uuid4(), uuid4(), uuid4()
NAMES = {"positive": [{"uuid": POSITIVE}], "negative": [{"uuid": NEGATIVE}], "middle": [{"uuid": MIDDLE}]}


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_list_a_conditioning_is_in_tells_its_polarity(index):
    """DualCFG hands (2, positive), (1, middle), (0, negative); SAG runs the negative alone as 0."""
    known = Conditionings.of(NAMES, (8, 8))
    assert known.chunk(POSITIVE, index).polarity == "positive"
    assert known.chunk(MIDDLE, index).polarity == "positive"
    assert known.chunk(NEGATIVE, index).polarity == "negative"


@pytest.mark.parametrize(("index", "by_place"), [(0, "positive"), (1, "negative"), (2, "positive")])
def test_by_its_place_the_second_conditioning_is_the_negative_one(index, by_place):
    known = Conditionings.of(NAMES, (8, 8))
    for uuid, polarity in ((POSITIVE, "positive"), (MIDDLE, "positive"), (NEGATIVE, "negative"), (None, None)):
        chunk = known.chunk(uuid, index)
        assert chunk.side(by_place=True) == by_place
        assert chunk.side(by_place=False) == chunk.polarity == (polarity or ("positive", "negative", "negative")[index])


def test_perp_neg_has_two_negative_lists():
    empty = uuid4()
    assert Conditionings.of({"empty_negative_prompt": [{"uuid": empty}]}, (8, 8)).chunk(empty, 2).polarity == "negative"


@pytest.mark.parametrize(("index", "polarity"), [(0, "positive"), (1, "negative")])
def test_the_index_tells_only_where_the_lists_do_not(index, polarity):
    both = Conditionings.of({"positive": [{"uuid": POSITIVE}], "negative": [{"uuid": POSITIVE}]}, (8, 8))
    assert both.chunk(POSITIVE, index).polarity == polarity
    assert both.chunk(None, index).polarity == polarity
    assert both.chunk(uuid4(), index).polarity == polarity


def test_an_area_ends_at_the_edge_of_the_canvas_as_the_host_cuts_it():
    known = Conditionings.of({"positive": [{"uuid": POSITIVE, "area": (6, 6, 4, 1)}]}, (8, 8))
    assert known.chunk(POSITIVE, 0).area == Area(4, 6, 4, 1, (8, 8))


PLUS, MINUS = Chunk("positive"), Chunk("negative")


def test_rows_are_listed_conditioning_by_conditioning():
    rows = Rows((MINUS, PLUS), (0, 1))
    assert rows.count == 4
    assert rows.listed() == ((MINUS, 0), (MINUS, 1), (PLUS, 0), (PLUS, 1))


def test_coupled_prompts_expand_positive_rows_only():
    rows = Rows((MINUS, PLUS), (0, 1)).coupled(8)
    assert rows.copies == (1, 3)
    assert [chunk.polarity for chunk, _ in rows.listed()] == ["negative"] * 2 + ["positive"] * 6
    assert [frame for _, frame in rows.listed()] == [0, 1] * 4


def test_rows_that_fit_no_scheme_are_left_alone():
    assert Rows((MINUS, PLUS), (0, 1)).coupled(7) is None
    assert Rows((PLUS,), (0, 1)).coupled(3) is None
    assert Rows((MINUS,), (0, 1)).coupled(4) is None


def test_chunks_or_the_whole_order_are_repeated():
    rows = Rows((MINUS, PLUS), (0, 1))
    assert [chunk for chunk, _ in rows.repeated(2).listed()] == [MINUS] * 4 + [PLUS] * 4
    assert [chunk for chunk, _ in rows.tiled(2).listed()] == 2 * ([MINUS] * 2 + [PLUS] * 2)


def test_a_part_is_whole_chunks_or_pictures_of_one():
    rows = Rows((MINUS, PLUS), (0, 1, 2, 3))
    assert rows.part(4, 4) == Rows((PLUS,), (0, 1, 2, 3))
    assert rows.part(6, 2) == Rows((PLUS,), (2, 3))
    assert rows.part(2, 4) is None
