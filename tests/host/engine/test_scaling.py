"""Where the weight acts, and what stands on which side, against the plain formulas."""

import pytest
import torch
from pack.attention.branch.attachment import Attachment
from pack.attention.branch.fusion import FUSION_RULES, Fusion
from pack.attention.branch.scaling import EMBEDS_SCALING

BLOCK, WIDTH, W = ("input", 4, 0), 64, 0.7
PENALISED = W * WIDTH / 1280


def mean_of(value, picture_tokens):
    """The mean of each picture's values, at each of its tokens."""
    return torch.cat([part.mean(1, keepdim=True).expand_as(part) for part in value.split(picture_tokens, 1)], 1)


FORMULAS = {
    "V only": lambda attend, q, k, v, n: W * attend(q, k, v),
    "K+V": lambda attend, q, k, v, n: attend(q, W * k, W * v),
    "K+V w/ C penalty": lambda attend, q, k, v, n: attend(q, PENALISED * k, PENALISED * v),
    "K+mean(V) w/ C penalty": lambda attend, q, k, v, n: attend(
        q, PENALISED * k, v - mean_of(v, n) + PENALISED * mean_of(v, n)
    ),
}


def rows(source, count=2):
    return [x.expand(count, -1, -1) for x in source.layers[BLOCK]]


@pytest.mark.parametrize("pictures", [1, 3])
@pytest.mark.parametrize("name", EMBEDS_SCALING)
def test_each_embeds_scaling_is_its_formula(layer, source, plain, name, pictures):
    tokens = source(tokens=4 * pictures, picture_tokens=4)
    seen = layer(Attachment(tokens, tokens, scale=W, embeds_scaling=name))
    expected = FORMULAS[name](plain, seen.q, *rows(tokens), 4)
    torch.testing.assert_close(seen.out - seen.base, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", EMBEDS_SCALING)
def test_a_factor_for_each_frame_scales_as_that_factor_alone(layer, source, name):
    tokens, negative = source(), source(seed=7)
    both = layer(Attachment(tokens, negative, embeds_scaling=name, frame_scales=(0.7, -0.4)), frames=2).out
    for frame, factor in enumerate((0.7, -0.4)):
        alone = layer(Attachment(tokens, negative, scale=factor, embeds_scaling=name), frames=2).out
        torch.testing.assert_close(both[frame::2], alone[frame::2], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rule", FUSION_RULES)
@pytest.mark.parametrize("name", EMBEDS_SCALING)
def test_a_frame_of_factor_zero_is_the_text_alone_bit_for_bit(layer, source, name, rule):
    fusion = Fusion(rule, zero_tokens=8)
    branch = Attachment(source(), source(seed=7), embeds_scaling=name, fusion=fusion, frame_scales=(0.0, 1.0))
    seen = layer(branch, frames=2)
    alone = layer(frames=2)
    assert torch.equal(seen.out[::2], alone.out[::2])
    assert not torch.equal(seen.out[1::2], alone.out[1::2])


def test_factors_multiply(layer, source):
    from pack.attention.weights.schedule import Schedule

    tokens = source()
    several = Attachment(
        tokens,
        tokens,
        scale=0.5,
        layer_scales={BLOCK: 0.6},
        schedule=Schedule(((0.0, 0.7),)),
        frame_scales=(0.8,),
    )
    once = Attachment(tokens, tokens, scale=0.5 * 0.6 * 0.7 * 0.8)
    torch.testing.assert_close(layer(several).out, layer(once).out, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("zeros", [0, 8])
def test_in_a_swapped_layer_the_reference_stands_on_the_negative_side(layer, source, plain, zeros):
    reference, negative = source(), source(seed=7)
    swapped = Attachment(
        reference, negative, scale=W, swapped=frozenset({BLOCK}), fusion=Fusion("add", zero_tokens=zeros)
    )
    seen = layer(swapped)
    assert torch.equal(seen.out[:1], seen.base[:1]), "nothing is added for the positive side"
    key, value = (torch.cat((x, torch.zeros(1, zeros, WIDTH)), 1) for x in reference.layers[BLOCK])
    torch.testing.assert_close(seen.out[1:], seen.base[1:] + W * plain(seen.q[1:], key, value), atol=1e-5, rtol=1e-5)


def test_in_a_swapped_layer_each_picture_is_led_away_from_its_own_reference(layer, source, plain):
    references, negative = source(entries=3), source(seed=7)
    seen = layer(Attachment(references, negative, swapped=frozenset({BLOCK})), frames=3)
    key, value = references.layers[BLOCK]
    assert torch.equal(seen.out[:3], seen.base[:3])
    torch.testing.assert_close(seen.out[3:], seen.base[3:] + plain(seen.q[3:], key, value), atol=1e-5, rtol=1e-5)


def test_a_negative_of_another_length_counts_as_if_alone(layer, source, plain):
    reference, negative = source(tokens=6, picture_tokens=3), source(tokens=4, seed=7)
    seen = layer(Attachment(reference, negative))
    for row, side in enumerate((reference, negative)):
        expected = seen.base[row : row + 1] + plain(seen.q[row : row + 1], *rows(side, 1))
        torch.testing.assert_close(seen.out[row : row + 1], expected, atol=1e-5, rtol=1e-5)
