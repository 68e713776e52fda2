"""Kolors: its network projects the text first, and FaceID's image tokens with it; whole steps against both references."""

from dataclasses import replace

import pytest
import torch
from oracles.adapters import Use, use
from oracles.projections import projection
from oracles.references import with_authors, with_diffusers
from oracles.steps import diffusers_step, host_step, inputs
from oracles.unets import KOLORS, twin
from ours import Loader
from pack.attention.branch.build import unconditional
from pack.attention.reference.embeds import Embeds
from running.bounds import FLOAT32
from running.device import is_card
from test_oracles import changes

LIMIT = FLOAT32 if is_card() else 1e-5


@pytest.fixture(scope="module")
def both():
    return twin("kolors")


def test_a_step_with_plus_agrees(both, loader, agrees):
    given, each = inputs(both), use("plus", "kolors", scale=0.8)
    found = host_step(loader.steered(both.patcher, [each]), given)
    effect = changes(found, diffusers_step(both, given))
    difference = found.difference(with_diffusers(both, given, [each]))
    agrees("whole step, plus", "kolors", "diffusers", difference, LIMIT, effect)


@pytest.mark.parametrize("size", [(16, 16), (16, 24)], ids=str)
def test_a_step_with_faceid_plus_agrees_with_the_authors(both, size, loader, agrees):
    """The authors append the tokens to the text, which the network projects, and split them off in the processors."""
    given, each = inputs(both, size), use("kolors_faceid_plus", "kolors", scale=0.8)
    loaded = loader.load(each.adapter).adapter
    assert loaded.identity.variant.name == "kolors_faceid_plus"
    none = unconditional(loaded, None, Embeds(**each.positive))
    assert all(torch.equal(none.feature(name), torch.zeros_like(each.negative[name])) for name in each.negative)
    found = host_step(loader.steered(both.patcher, [each]), given)
    effect = changes(found, diffusers_step(both, given))
    agrees(
        "whole step, faceid_plus", "kolors", "authors", found.difference(with_authors(both, given, each)), LIMIT, effect
    )


def test_a_lora_on_the_projection_counts_for_this_clone_alone(both, loader):
    given, each = inputs(both), use("kolors_faceid_plus", "kolors")
    plain = host_step(loader.steered(both.patcher, [each]), given)
    key = "diffusion_model.encoder_hid_proj.weight"
    change = torch.randn(KOLORS.context_dim, KOLORS.projected_dim, generator=torch.Generator().manual_seed(0)) * 0.03
    clone = both.patcher.clone()
    clone.add_patches({key: ("diff", (change,))})
    with_lora = host_step(loader.steered(clone, [each]), given)
    assert changes(with_lora, plain) > 1e-2
    weight = both.unet.encoder_hid_proj.weight
    kept = weight.detach().clone()
    with torch.no_grad():
        weight.add_(change)
    try:
        assert with_lora.difference(with_authors(both, given, each)) < LIMIT
    finally:
        with torch.no_grad():
            weight.copy_(kept)
    assert host_step(loader.steered(both.patcher, [each]), given).difference(plain) == 0


def test_a_model_without_the_projection_is_named(loader):
    each = use("kolors_faceid_plus", "kolors")
    with pytest.raises(ValueError, match=r"width 192, which .*encoder_hid_proj.* the 128 .* has none. Connect"):
        loader.steered(twin("sdxl").patcher, [each])


def test_the_projection_of_another_width_is_named(both, tmp_path):
    each = use("kolors_faceid_plus", "kolors")
    odd = replace(each.adapter, projection=projection("kolors_faceid_plus", 256))
    with pytest.raises(ValueError, match="projects text of width 192"):
        Loader(tmp_path).steered(both.patcher, [Use(odd, each.positive, each.negative)])
