"""Courses of a factor over sampling and lists of factors for pictures, from names and from text."""

import math

import pytest
from pack.attention.weights.curves import CURVES, schedule_of
from pack.attention.weights.schedule import Schedule
from pack.attention.weights.schedule_text import parse_numbers, parse_points, spread

FORMULAS = {
    "constant": lambda u: 0.8,
    "linear": lambda u: 0.8 - 0.6 * u,
    "ease in": lambda u: 0.8 - 0.6 * (1 - math.cos(math.pi * u / 2)),
    "ease out": lambda u: 0.8 - 0.6 * math.sin(math.pi * u / 2),
    "ease in-out": lambda u: 0.8 - 0.3 * (1 - math.cos(math.pi * u)),
    "fade in": lambda u: 0.8 * u,
    "fade out": lambda u: 0.8 * (1 - u),
    "hump": lambda u: 0.8 * math.sin(math.pi * u),
    "dip": lambda u: 0.8 * (1 - math.sin(math.pi * u)),
}


def test_every_preset_has_its_formula_here():
    assert set(FORMULAS) == set(CURVES)


@pytest.mark.parametrize("name", CURVES)
def test_a_preset_follows_its_formula_between_its_points_too(name):
    course = schedule_of(name, first=0.8, last=0.2)
    for i in range(101):
        assert course.factor(i / 100) == pytest.approx(FORMULAS[name](i / 100), abs=2e-3)


def test_an_unknown_preset_is_named_with_those_there_are():
    with pytest.raises(ValueError, match="no curve 'bounce'; choose one of: constant"):
        schedule_of("bounce", 1, 0)


def test_points_are_joined_by_straight_lines_and_stay_beyond_the_ends():
    course = parse_points("0.2:1, 0.6:0.5,\n0.8:-1")
    assert [course.factor(u) for u in (0, 0.2, 0.4, 0.6, 0.7, 0.8, 1)] == pytest.approx(
        [1, 1, 0.75, 0.5, -0.25, -1, -1]
    )


def test_the_same_percent_twice_is_a_jump():
    course = parse_points("0:1, 0.5:1, 0.5:0.2, 1:0.2")
    assert [course.factor(u) for u in (0.499, 0.5, 0.9)] == pytest.approx([1, 0.2, 0.2])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.5", "'0.5' is not a point"),
        ("2:1", "percents from 0 to 1"),
        ("0:1 1:0", "not a point"),
        ("0.5:1, 0.2:0", "in the order of their percents"),
        ("0:nan", "not a point"),
        ("", "needs one point"),
    ],
)
def test_what_is_wrong_with_points_is_said(text, says):
    with pytest.raises(ValueError, match=says):
        parse_points(text)


def test_numbers_are_read_and_what_is_none_is_named():
    assert parse_numbers("1.0, -0.5\n.25,") == (1.0, -0.5, 0.25)
    assert parse_numbers("  ") == ()
    with pytest.raises(ValueError, match="'half' is not a number"):
        parse_numbers("1, half")
    for wrong in ("1e999", "\uff11"):  # which the page reads otherwise
        with pytest.raises(ValueError, match="is not a number"):
            parse_numbers(wrong)


def test_numbers_are_spread_over_pictures():
    assert spread((1, 0), 5, "linear") == pytest.approx((1, 0.75, 0.5, 0.25, 0))
    assert spread((0, 1, 0), 5, "linear") == pytest.approx((0, 0.5, 1, 0.5, 0))
    assert spread((0, 1), 5, "ease") == pytest.approx([(1 - math.cos(math.pi * i / 4)) / 2 for i in range(5)])
    assert spread((1, 0.5, 0), 7, "none") == (1, 1, 1, 0.5, 0.5, 0, 0)
    assert spread((1, 0.5, 0), 2, "linear") == (1, 0)
    assert spread((0.3,), 3, "ease") == (0.3, 0.3, 0.3)
    assert spread((1, 0), 1, "linear") == (1,)
    assert spread((1, 0), 0, "linear") == (1, 0)
    assert spread((), 8, "linear") == ()


def test_a_schedule_holds_its_ends():
    assert Schedule(((0.0, 0.5),)).factor(0.7) == 0.5
