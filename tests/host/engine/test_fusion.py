"""How a branch joins the text: each rule against its published formula, through the dispatcher."""

import pytest
import torch
from pack.attention.branch.attachment import Attachment
from pack.attention.branch.fusion import FUSION_RULES, Fusion

BLOCK, HEADS, WIDTH, WEIGHT = ("input", 4, 0), 4, 64, 0.8
TOKENS, ZEROS, FIRST = 10, 8, 5  # PuLID for SDXL: ten tokens, eight zero ones, the mass on the first five


def pulid(plain, seen, source, rule, zeros=ZEROS):
    """z + w (y - P) or z + w (y + (a - 1) P), after guozinan's attention processor (arXiv 2404.16022)."""
    key, value = (torch.cat((x, torch.zeros(1, zeros, WIDTH)), 1) for x in source.layers[BLOCK])
    z, rows = seen.base, len(seen.q)
    y = plain(seen.q, key.expand(rows, -1, -1), value.expand(rows, -1, -1))
    projection = (z * y).sum(-2, keepdim=True) / (z * z).sum(-2, keepdim=True) * z
    if rule == "orthogonal":
        return z + WEIGHT * (y - projection)
    q, k = (x.unflatten(-1, (HEADS, -1)).transpose(1, 2) for x in (seen.q, key.expand(rows, -1, -1)))
    mass = torch.softmax(q @ k.transpose(-1, -2), -1).mean(1)[..., :FIRST].sum(-1, keepdim=True)
    return z + WEIGHT * (y + (mass - 1) * projection)


@pytest.mark.parametrize("rule", ["orthogonal", "orthogonal v2"])
def test_orthogonal_rules_are_pulids(layer, source, plain, rule):
    tokens = source(tokens=TOKENS)
    fusion = Fusion(rule, zero_tokens=ZEROS, mass_tokens=FIRST)
    seen = layer(Attachment(tokens, tokens, scale=WEIGHT, fusion=fusion))
    torch.testing.assert_close(seen.out, pulid(plain, seen, tokens, rule), atol=1e-5, rtol=1e-5)
    assert (seen.out - seen.base).abs().mean() > 0.05


def test_mass_on_some_tokens_needs_no_zero_tokens(layer, source, plain):
    """PuLID v1.1's own slider starts at 0."""
    tokens = source(tokens=TOKENS)
    seen = layer(Attachment(tokens, tokens, scale=WEIGHT, fusion=Fusion("orthogonal v2", mass_tokens=FIRST)))
    torch.testing.assert_close(seen.out, pulid(plain, seen, tokens, "orthogonal v2", 0), atol=1e-5, rtol=1e-5)
    added = layer(Attachment(tokens, tokens, scale=WEIGHT))
    assert (seen.out - added.out).abs().mean() > 0.01


def test_mass_on_all_tokens_without_zero_tokens_is_refused(source):
    with pytest.raises(
        ValueError, match="mass_tokens is 4, which are all tokens of the reference, and zero_tokens is 0"
    ):
        Attachment(source(), source(), fusion=Fusion("orthogonal v2", mass_tokens=4))


def test_what_is_orthogonal_leaves_the_text_alone_in_every_channel(layer, source):
    seen = layer(Attachment(source(), source(seed=5), fusion=Fusion("orthogonal")))
    along = ((seen.out - seen.base) * seen.base).sum(-2)
    assert along.abs().max() < 1e-4


@pytest.mark.parametrize("other", ["add", "orthogonal"])
def test_with_four_tokens_the_mass_still_tells_v2_from_the_others(layer, source, other):
    def ran(rule):
        return layer(Attachment(source(), source(seed=5), fusion=Fusion(rule, zero_tokens=8))).out

    assert (ran("orthogonal v2") - ran(other)).abs().mean() > 1e-2


def test_without_zero_tokens_all_mass_is_on_the_reference_so_v2_is_refused(layer, source):
    with pytest.raises(ValueError, match="needs zero_tokens of 1 or more"):
        Fusion("orthogonal v2", zero_tokens=0)


def test_more_mass_tokens_than_there_are_is_refused(source):
    with pytest.raises(ValueError, match="mass_tokens is 5, but the reference has 4 tokens"):
        Attachment(source(), source(), fusion=Fusion("orthogonal v2", zero_tokens=8, mass_tokens=5))


def test_zero_tokens_take_attention_under_every_rule(layer, source, plain):
    tokens = source()
    seen = layer(Attachment(tokens, tokens, fusion=Fusion("add", zero_tokens=16)))
    key, value = (torch.cat((x, torch.zeros(1, 16, WIDTH)), 1).expand(2, -1, -1) for x in tokens.layers[BLOCK])
    torch.testing.assert_close(seen.out, seen.base + plain(seen.q, key, value), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("cap", [0.2, 1.0, 50.0])
def test_norm_cap_shortens_what_is_louder_than_the_text_and_nothing_else(layer, source, plain, cap):
    tokens = source()
    seen = layer(Attachment(tokens, tokens, scale=1.5, fusion=Fusion("norm cap", cap=cap)))
    key, value = (x.expand(2, -1, -1) for x in tokens.layers[BLOCK])
    added = 1.5 * plain(seen.q, key, value)
    louder = added.norm(dim=-1) / (cap * seen.base.norm(dim=-1))
    expected = added / louder.clamp_min(1)[..., None]
    torch.testing.assert_close(seen.out - seen.base, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("scaling", ["V only", "K+mean(V) w/ C penalty"])
@pytest.mark.parametrize("rule", FUSION_RULES)
def test_references_of_unlike_length_agree_batched_and_apart(layer, source, rule, scaling):
    """Two pictures against one: in one batch the shorter side must not count differently than alone."""
    fusion = Fusion(rule, zero_tokens=8)
    for lengths in ((8, 4), (4, 8), (4, 4)):
        sides = [source(tokens=n, seed=n, picture_tokens=4) for n in lengths]
        attachment = Attachment(*sides, scale=WEIGHT, fusion=fusion, embeds_scaling=scaling)
        together = layer(attachment).out
        apart = torch.cat([layer(attachment, only=i).out for i in (0, 1)])
        torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-5)


def test_the_order_of_branches_with_unlike_rules_does_not_matter_bit_for_bit(layer, source):
    branches = [
        Attachment(source(seed=10 + i), source(seed=20 + i), scale=0.5 + i, fusion=Fusion(rule, zero_tokens=8))
        for i, rule in enumerate(FUSION_RULES)
    ]
    assert torch.equal(layer(*branches).out, layer(*reversed(branches)).out)


def test_each_branch_adds_to_the_text_what_it_would_add_alone(layer, source):
    """Every rule reads the text's attention, and none what the branches before it have made of that."""
    branches = [
        Attachment(source(seed=10 + i), source(seed=20 + i), scale=0.5 + i, fusion=Fusion(rule, zero_tokens=8))
        for i, rule in enumerate(FUSION_RULES)
    ]
    together, alone = layer(*branches), [layer(branch) for branch in branches]
    added = [each.out - each.base for each in alone]
    torch.testing.assert_close(together.out, together.base + sum(added), atol=1e-5, rtol=1e-5)
    assert min(each.abs().mean() for each in added) > 0.05
