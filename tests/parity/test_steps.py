"""A whole denoising step of the steered host model, both halves, against diffusers and the authors."""

from functools import cache

import pytest
import torch
from oracles.adapters import use
from oracles.references import with_authors, with_diffusers
from oracles.steps import diffusers_step, host_step, inputs
from oracles.unets import FAMILIES, twin
from test_oracles import DIFFUSERS_HAS, changes

SIZES = [(16, 16), (16, 24)]


@cache
def plain(family, size=SIZES[0]):
    """diffusers' step without an adapter, which is asked for again and again."""
    both = twin(family)
    return diffusers_step(both, inputs(both, size))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("variant", ["base", "plus"])
def test_a_step_agrees(variant, family, size, loader, agrees):
    both = twin(family)
    given = inputs(both, size)
    each = use(variant, family, scale=0.8)
    found = host_step(loader.steered(both.patcher, [each]), given)
    effect = changes(found, plain(family, size))
    for oracle, step in (
        ("diffusers", with_diffusers(both, given, [each])),
        ("authors", with_authors(both, given, each)),
    ):
        agrees(f"whole step, {variant}", family, oracle, found.difference(step), effect=effect)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("variant", [name for name in DIFFUSERS_HAS if name not in ("base", "plus")])
def test_a_step_of_the_other_variants_agrees(variant, family, loader, agrees):
    both = twin(family)
    given = inputs(both, (16, 24))
    each = use(variant, family, pictures=2, scale=0.8)
    found = host_step(loader.steered(both.patcher, [each]), given)
    effect = changes(found, plain(family, (16, 24)))
    difference = found.difference(with_diffusers(both, given, [each]))
    without = ", no LoRA" if variant in ("faceid", "faceid_plus", "faceid_plus_v2") else ""
    agrees(f"whole step, {variant}{without}", family, "diffusers", difference, effect=effect)


@pytest.mark.parametrize("scale", [-0.5, 1.0, 1.7])
def test_any_scale_agrees(scale, loader, agrees):
    both = twin("sd15")
    given = inputs(both)
    each = use("base", "sd15", scale=scale)
    found = host_step(loader.steered(both.patcher, [each]), given)
    effect = changes(found, plain("sd15"))
    difference = found.difference(with_diffusers(both, given, [each]))
    agrees("whole step, scale -0.5, 1 and 1.7", "sd15", "diffusers", difference, effect=effect)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("variant", ["base", "plus"])
def test_several_pictures_in_one_adapter_agree(variant, family, loader, agrees):
    both = twin(family)
    given = inputs(both)
    each = use(variant, family, pictures=3, scale=0.8)
    found = host_step(loader.steered(both.patcher, [each]), given)
    one = host_step(loader.steered(both.patcher, [use(variant, family, pictures=1, scale=0.8)]), given)
    effect = (found.positive - one.positive).abs().max().item()
    difference = found.difference(with_diffusers(both, given, [each]))
    agrees(f"whole step, {variant}, three pictures", family, "diffusers", difference, effect=effect)


@pytest.mark.parametrize("family", FAMILIES)
def test_several_adapters_agree_and_each_of_them_counts(family, loader, agrees):
    both = twin(family)
    given = inputs(both, (16, 24))
    uses = [
        use("base", family, pictures=2, scale=0.7),
        use("plus", family, scale=0.5),
        use("faceid", family, scale=-0.4),
    ]
    found = host_step(loader.steered(both.patcher, uses), given)
    fewer = [host_step(loader.steered(both.patcher, [u for u in uses if u is not left]), given) for left in uses]
    effect = min(changes(found, step) for step in fewer)
    difference = found.difference(with_diffusers(both, given, uses))
    agrees("whole step, three adapters", family, "diffusers", difference, effect=effect)
    backwards = host_step(loader.steered(both.patcher, uses[::-1]), given)
    assert backwards.difference(found) == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mask_of_one_value_agrees(family, loader, agrees):
    """Masks with an edge are resized by another rule than diffusers' bicubic, which leaves 0..1."""
    both = twin(family)
    given = inputs(both)
    each = use("base", family)
    mask = torch.full((1, 128, 128), 0.25)
    found = host_step(loader.steered(both.patcher, [each], attn_mask=mask), given)
    effect = changes(found, plain(family))
    difference = found.difference(with_diffusers(both, given, [each], [mask[:, None]]))
    agrees("whole step, even mask", family, "diffusers", difference, effect=effect)
