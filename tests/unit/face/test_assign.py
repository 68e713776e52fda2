"""Who goes to which region."""

import numpy as np
import pytest
from pack.face.assign import Seating, assigned, places


def at(*points):
    return np.array(points, np.float32).reshape(-1, 2)


THREE = at((0.2, 0.5), (0.5, 0.5), (0.8, 0.5))


def test_in_order_is_the_order_they_came_in():
    assert assigned("in order", Seating(THREE[::-1], THREE)) == (0, 1, 2)


@pytest.mark.parametrize(("order", "wanted"), [("2, 0, 1", (2, 0, 1)), ("1 1 1", (1, 1, 1)), ("0;2\n1", (0, 2, 1))])
def test_a_list_says_the_face_of_each_region(order, wanted):
    assert assigned("by list", Seating(THREE, THREE, order)) == wanted


def test_a_list_may_name_people_by_the_numbers_in_the_pictures():
    seating = Seating(THREE, THREE, "#7, #2, #7", (2, 5, 7))
    assert assigned("by list", seating) == (2, 0, 2)
    with pytest.raises(ValueError, match="asks for person #3; there are #2, #5, #7"):
        assigned("by list", Seating(THREE, THREE, "#3, #2, #7", (2, 5, 7)))


@pytest.mark.parametrize("count", [1, 2])
def test_a_list_may_leave_faces_out(count):
    assert assigned("by list", Seating(THREE, THREE[:count], "2 0"[: 2 * count - 1])) == (2, 0)[:count]


def test_by_position_each_region_gets_the_face_that_stands_there():
    for order in ((2, 0, 1), (1, 0, 2), (0, 1, 2)):
        assert assigned("by position", Seating(THREE[list(order)], THREE)) == tuple(np.argsort(order))


def test_by_position_does_not_mind_another_framing():
    far = 0.3 + 0.2 * THREE  # all of them at the left, nearest to the first region
    assert assigned("by position", Seating(far[[1, 2, 0]], THREE)) == (2, 0, 1)


def test_by_position_is_the_best_for_all_and_not_for_the_first():
    faces = at((0.5, 0.5), (0.9, 0.5))
    regions = at((0.6, 0.5), (0.2, 0.5))  # the first is nearest to face 0, which the second needs more
    assert assigned("by position", Seating(faces, regions)) == (1, 0)


def test_by_position_looks_at_heights_too():
    stacked = at((0.5, 0.8), (0.5, 0.2))
    assert assigned("by position", Seating(stacked, stacked[::-1])) == (1, 0)


@pytest.mark.parametrize("rule", ["in order", "by position"])
def test_other_counts_say_how_many_and_what_to_do(rule):
    with pytest.raises(ValueError, match="3 faces and 2 masks.*Embed Faces.*Choose Face.*'by list'"):
        assigned(rule, Seating(THREE, THREE[:2]))


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("0, 1", r"lists 2 faces \('0, 1'\) for 3 regions"),
        ("", "lists 0 faces"),
        ("0, 1, 3", "asks for face 3; there are 3 faces, 0 to 2"),
        ("0, -1, 2", "must be people.*'#2, #1'.*found '0, -1, 2'"),
        ("#1, 2, 0", "must be people"),
        ("a, b, c", "must be people"),
    ],
)
def test_a_list_that_does_not_fit_is_quoted(order, message):
    with pytest.raises(ValueError, match=message):
        assigned("by list", Seating(THREE, THREE, order))


def test_places_are_parts_of_the_picture_and_pictures_lie_side_by_side(face, faces_of, picture):
    shots = picture(200, 100, count=2)
    left, right = (face((0, 0, 100, 100), of=shot) for shot in shots)
    assert places((faces_of(shots[0], left),)).tolist() == [[0.25, 0.5]]
    assert places((faces_of(shots[0], left), faces_of(shots[1], right))).tolist() == [[0.125, 0.5], [0.625, 0.5]]
    assert places(()).shape == (0, 2)
