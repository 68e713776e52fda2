"""Lists of weights and the pictures beside them are those that the old nodes computed."""

import pytest
import torch
from pack.nodes.legacy import weights

PICTURES = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 2, 2, 3)


def numbers(pictures):
    return [int(value) for value in pictures[:, 0, 0, 0]]


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ("linear", [1, 2 / 3, 1 / 3, 0]),
        ("custom", [1, 0]),
        ("ease_in_out", [1, 0.75, 0.25, 0]),
        ("ease_in", [1, 0.5, 1 - 0.75**0.5, 0]),
        ("ease_out", [1, 0.75**0.5, 0.5, 0]),
    ],
)
def test_timings(timing, expected):
    found, backwards, count, *_ = weights.weights_node(weights="1.0, 0.0", timing=timing, frames=4)
    assert found == pytest.approx(expected)
    assert backwards == found[::-1] and count == len(found)


def test_random_weights_lie_between_the_ends_and_stay_the_same():
    found = [weights.weights_node(weights="0.2, 0.8", timing="random", frames=9)[0] for _ in range(2)]
    assert found[0] == found[1] and all(0.2 <= weight <= 0.8 for weight in found[0]) and len(set(found[0])) > 5


def test_frames_before_and_after():
    settings = {"start_frame": 1, "end_frame": 3, "add_starting_frames": 1, "add_ending_frames": 2}
    assert weights.weights_node(weights="1, 0", frames=4, **settings)[0] == [1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("method", "found", "first", "second"),
    [
        ("full batch", [0, 1] * 4, [0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 1, 1, 2, 2, 3, 3]),
        ("shift batches", [0, 1] * 3, [0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 3, 3]),
        ("alternate batches", [0, 1, 1, 0, 0, 1], [0, 0, 2, 2, 2, 2], [1, 1, 1, 1, 3, 3]),
    ],
)
def test_pictures_that_follow_each_other(method, found, first, second):
    result = weights.weights_node(weights="0, 1", timing="custom", method=method, image=PICTURES)
    assert (result[0], numbers(result[3]), numbers(result[4])) == (found, first, second)
    again = weights.from_strategy(result[5], PICTURES + 4)
    assert again[0] == found and numbers(again[3]) == [number + 4 for number in first]


def test_two_lists_become_one():
    assert weights.joined([0.0, 1.0], 0.5) == ([0.0, 1.0, 0.5], 3)
