"""Image tokens of every variant against the authors' projections and diffusers'."""

import pytest
import torch
from oracles import references
from oracles.adapters import use
from oracles.projections import KINDS, negative_features, positive_features, projection
from oracles.unets import FAMILIES, twin
from pack.attention.adapter.variants import VARIANTS
from pack.attention.reference.embeds import Embeds
from test_oracles import DIFFUSERS_HAS
from torch import nn

TABLE = {variant.name: variant for variant in VARIANTS}
LIMIT = 3e-5  # float32 sums of another processor's kernels move the worst of them to 1.0e-5


def table_row(kind):
    return TABLE["base" if kind == "base_vit_g" else kind]


def ours(kind, state):
    """The pack's projection, built from the shapes alone and loaded strictly."""
    variant = table_row(kind)
    module = variant.projection({key: tuple(t.shape) for key, t in state.items()}, nn, **variant.options)
    module.load_state_dict(state, strict=True)
    return module.eval().requires_grad_(False)


def largest(difference):
    return difference.abs().max().item()


IN_A_WHOLE_STEP = {"xlabs", "instantx", "instantx_k_and_v", "instantx_sd35", "pulid_v1", "pulid_v1_1", "infinite_you"}
"""Variants whose projection is held by test_flux.py, test_instantx.py, test_sd3.py, test_pulid.py or test_infinite_you.py."""


def test_every_variant_of_the_table_has_an_oracle():
    assert {table_row(kind).name for kind in KINDS} | IN_A_WHOLE_STEP == set(TABLE)


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_names_the_features_that_the_authors_feed(kind):
    assert table_row(kind).features == KINDS[kind].reads
    assert table_row(kind).encodes_zero_pixels == KINDS[kind].encodes_zero_pixels


@pytest.mark.parametrize("context_dim", [64, 128])
@pytest.mark.parametrize("kind", KINDS)
def test_projections_agree_in_both_halves(kind, context_dim, agrees):
    theirs = projection(kind, context_dim)
    module = ours(kind, theirs.state)
    halves = (positive_features(kind, 2), negative_features(kind, 2))
    for features in halves:
        tokens = module(*(features[name] for name in KINDS[kind].reads)).flatten(0, 1)[None]
        expected = theirs.tokens(features)
        agrees(f"projection {kind}", "any", "the authors' class", largest(tokens - expected), LIMIT)
        assert largest(expected) > 0.5
    assert largest(theirs.tokens(halves[0]) - theirs.tokens(halves[1])) > 0.1


def test_the_scale_of_the_shortcut_agrees(agrees):
    theirs = projection("faceid_plus_v2", 64)
    features = positive_features("faceid_plus_v2", 2)
    expected = theirs.tokens(features, shortcut_scale=0.3)
    tokens = ours("faceid_plus_v2", theirs.state)(features["unit_face"], features["penultimate"], shortcut_scale=0.3)
    difference = largest(tokens.flatten(0, 1)[None] - expected)
    effect = largest(expected - theirs.tokens(features))
    agrees("projection faceid_plus_v2, shortcut scale 0.3", "any", "the authors' class", difference, LIMIT, effect)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("variant", DIFFUSERS_HAS)
def test_tokens_of_a_loaded_file_agree_with_diffusers(variant, family, loader, agrees):
    each = use(variant, family, pictures=2)
    adapter = loader.load(each.adapter).adapter
    assert adapter.identity.variant is table_row(variant)
    assert adapter.identity.family.name == family
    expected = references.diffusers_tokens(twin(family), each)
    for half, features in zip(expected, (each.negative, each.positive), strict=True):
        tokens = adapter.tokens(Embeds(**features)).flatten(0, 1)
        agrees(f"tokens of a file, {variant}", family, "diffusers", largest(tokens - half), LIMIT)


def test_a_bin_gives_the_same_tokens_as_a_safetensors(tmp_path, loader):
    each = use("plus", "sd15", seed=1)
    features = Embeds(**each.positive)
    expected = loader.load(each.adapter).adapter.tokens(features)
    again = type(loader)(tmp_path).load(each.adapter, ".bin").adapter.tokens(features)
    assert torch.equal(again, expected)
