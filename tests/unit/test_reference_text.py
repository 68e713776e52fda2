"""Weights of references from text, and the mask of what was drawn."""

import pytest
import torch
from pack.attention.branch.drawn import SIDE, drawn_mask
from pack.attention.weights.reference_text import REDUX, ReferenceSetting, parse_references
from pack.attention.weights.schedule import Range, Schedule


def test_numbers_are_weights_in_their_order():
    assert parse_references("0.8, 2") == (ReferenceSetting(1, weight=0.8), ReferenceSetting(2, weight=2.0))
    assert parse_references(" ") == ()


def test_settings_are_counted_by_what_they_are_of():
    text = """[{"weight": 0.8, "start": 0.1, "end": 0.6}, {"of": "redux", "schedule": "0:1, 1:0"},
               {"mask": [[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]]}]"""
    half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    assert parse_references(text) == (
        ReferenceSetting(1, weight=0.8, range=Range(0.1, 0.6)),
        ReferenceSetting(1, REDUX, schedule=Schedule(((0.0, 1.0), (1.0, 0.0)))),
        ReferenceSetting(2, regions=(half,)),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0.8 0.5", "'0.8 0.5' is not a number.*Write a weight for each reference"),
        ("[1, 2]", "row 1 of 'references': expected settings in braces, found 1"),
        ('[{"weight": 1', "'references' cannot be read"),
        ('[{}, {"wieght": 1}]', "row 2 of 'references': there is no setting 'wieght'; there are of, weight"),
        ('[{"of": "latents"}]', "'of' is 'latents'; it must be 'latent' or 'redux'"),
        ('[{"weight": "1"}]', "'weight' is '1'; it must be a number"),
        ('[{"weight": NaN}]', "'weight' is nan"),
        ('[{"start": 0.8, "end": 0.2}]', "start_percent 0.8 and end_percent 0.2"),
        ('[{"schedule": "2:1"}]', "'2:1' is not a point"),
        ('[{"schedule": 1}]', "'schedule' is 1; it must be a text"),
        ('[{"mask": [[[0, 0], [1, 1]]]}]', "three points or more"),
        ('[{"mask": [[[0, 0], [1, 1], ["a", 0]]]}]', "three points or more"),
        ('[{"mask": 3}]', "'mask' must be a list of outlines"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(text, says):
    with pytest.raises(ValueError, match=f"(?s){says}"):
        parse_references(text)


def test_an_outline_around_everything_fills_every_pixel_and_half_of_it_half():
    whole = drawn_mask([((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))])
    assert whole.shape == (1, SIDE, SIDE) and bool(whole.eq(1).all())
    left = drawn_mask([((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))])
    assert torch.equal(left[0, 0], torch.arange(SIDE).lt(SIDE // 2).float()) and torch.equal(left[0, 0], left[0, -1])
