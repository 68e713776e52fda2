"""Embeds of several pictures: put together, combined by each rule, weighted."""

import pytest
import torch
from pack.attention.reference.combine import COMBINATIONS, combined, weighted
from pack.attention.reference.embeds import NO_PICTURE, Embeds, stacked


def embeds(*pictures, encoder="H", **features):
    return Embeds(image_embeds=torch.tensor(pictures, dtype=torch.float32), encoder=encoder, **features)


def random(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


RULES = {
    "concat": lambda x: x,
    "average": lambda x: torch.stack([sum(x) / len(x)]),
    "add": lambda x: torch.stack([x[0] + x[1] + x[2]]),
    "subtract": lambda x: torch.stack([x[0] - (x[1] + x[2]) / 2]),
    "max": lambda x: torch.stack([torch.maximum(torch.maximum(x[0], x[1]), x[2])]),
    "min": lambda x: torch.stack([torch.minimum(torch.minimum(x[0], x[1]), x[2])]),
}


@pytest.mark.parametrize("feature", [(3, 8), (3, 5, 8)], ids=["pooled", "hidden states"])
@pytest.mark.parametrize("name", RULES)
def test_each_rule_follows_its_formula(name, feature):
    x = random(feature)
    field = "image_embeds" if len(feature) == 2 else "penultimate"
    made = combined(Embeds(**{field: x}, encoder="H"), name)
    torch.testing.assert_close(made.feature(field), RULES[name](x))
    assert made.encoder == "H"


def test_every_rule_has_its_formula_here():
    assert set(RULES) | {"norm average"} == set(COMBINATIONS)


def test_norm_average_keeps_the_mean_length_and_lets_no_picture_count_more_for_being_longer():
    made = combined(embeds([3.0, 0.0], [0.0, 100.0]), "norm average").feature("image_embeds")
    torch.testing.assert_close(made, torch.tensor([[1.0, 1.0]]) / 2**0.5 * 51.5)
    same = combined(embeds([3.0, 4.0], [3.0, 4.0]), "norm average").feature("image_embeds")
    torch.testing.assert_close(same, torch.tensor([[3.0, 4.0]]))


def test_one_picture_is_itself_by_every_rule():
    one = embeds([3.0, -4.0])
    for name in COMBINATIONS:
        torch.testing.assert_close(combined(one, name).feature("image_embeds"), one.feature("image_embeds"))


def test_an_unknown_rule_is_named():
    with pytest.raises(ValueError, match="called 'mix'; choose one of: concat"):
        combined(embeds([1.0]), "mix")


def test_pictures_are_weighted_the_last_weight_for_all_that_follow():
    pictures = embeds([1.0, 1.0], [2.0, 2.0], [3.0, 3.0])
    assert weighted(pictures, (2.0, -1.0)).feature("image_embeds")[:, 0].tolist() == [2, -2, -3]
    assert weighted(pictures, ()) is pictures


def test_stacking_keeps_pictures_in_order_and_the_encoder():
    made = stacked([embeds([1.0]), embeds([2.0], [3.0]), embeds([0.0], encoder=NO_PICTURE)])
    assert made.feature("image_embeds")[:, 0].tolist() == [1, 2, 3, 0]
    assert made.encoder == "H"


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (embeds([1.0, 2.0]), r"'image_embeds': \(1,\).* but embeds 2 contain .*\(2,\)"),
        (Embeds(face=torch.ones(1, 512)), "embeds 2 contain {'face'"),
        (embeds([1.0], encoder="L"), "different image encoders cannot be combined: H and L"),
    ],
)
def test_what_does_not_go_together_is_refused_with_both_sides(other, says):
    with pytest.raises(ValueError, match=says):
        stacked([embeds([1.0]), other])
