"""FaceID with the LoRA from inside its file, applied by the node, against the authors' processors."""

from dataclasses import replace

import pytest
import torch
from oracles.adapters import use
from oracles.references import with_authors
from oracles.steps import host_step, inputs
from oracles.unets import FAMILIES, twin
from pack.attention.reference.embeds import Embeds
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from test_oracles import changes


def applied(patcher, loader, each, lora_strength=1.0, weight=None):
    loaded = replace(loader.load(each.adapter, ".bin"), lora_strength=lora_strength)
    return ApplyIPAdapter.execute(
        model=patcher,
        adapter=loaded,
        weight=each.scale if weight is None else weight,
        embeds=Embeds(**each.positive),
        negative_embeds=Embeds(**each.negative),
    ).args[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_with_the_lora_agrees(family, loader, agrees):
    both = twin(family)
    given = inputs(both, (16, 24))
    each = use("faceid", family, scale=0.8, lora_rank=8)
    found = host_step(applied(both.patcher, loader, each), given)
    without = host_step(applied(both.patcher, loader, each, lora_strength=0.0), given)
    difference = found.difference(with_authors(both, given, each))
    agrees("whole step, faceid with LoRA", family, "authors", difference, effect=changes(found, without))


def test_the_lora_acts_whatever_the_weight_is(loader):
    both = twin("sd15")
    given = inputs(both)
    each = use("faceid", "sd15", scale=0.8, lora_rank=8)
    plain = host_step(both.patcher, given)
    assert changes(host_step(applied(both.patcher, loader, each, weight=0.0), given), plain) > 1e-2
    assert host_step(applied(both.patcher, loader, each, weight=0.0, lora_strength=0.0), given).difference(plain) == 0


def test_a_second_apply_does_not_add_it_again(loader):
    both = twin("sd15")
    given = inputs(both)
    each = use("faceid", "sd15", scale=0.4, lora_rank=8)
    twice = applied(applied(both.patcher, loader, each), loader, each)
    doubled = host_step(twice, given)
    assert changes(doubled, host_step(applied(both.patcher, loader, replace(each, scale=0.8)), given)) < 1e-4


def test_another_strength_on_the_same_model_is_refused(loader):
    each = use("faceid", "sd15", scale=0.4, lora_rank=8)
    once = applied(twin("sd15").patcher, loader, each)
    with pytest.raises(ValueError, match=r"already on this model at strength 1; .* 0.5"):
        applied(once, loader, each, lora_strength=0.5)


def test_the_same_lora_from_a_separate_file_is_not_doubled(loader):
    """People load `..._lora.safetensors`, the same numbers, with the host's LoRA loader as well."""
    import comfy.lora
    from pack.attention.adapter import lora

    both = twin("sd15")
    each = use("faceid", "sd15", scale=0.4, lora_rank=8)
    adapter = loader.load(each.adapter, ".bin").adapter
    separate = both.patcher.clone()
    separate.add_patches(comfy.lora.load_lora(*lora._named(adapter)), 1.0)
    result = lora.with_lora(separate, adapter, 1.0)
    assert result.model is separate
    assert "not added again" in result.note


def test_every_attention_weight_is_patched(loader):
    for family, attentions in (("sd15", 32), ("sdxl", 140)):
        each = use("faceid", family, lora_rank=8)
        steered = applied(twin(family).patcher, loader, each)
        assert len(steered.patches) == 4 * attentions
        assert torch.isfinite(torch.tensor(each.scale))


@pytest.mark.parametrize("scale", [0.0, 1.6])
def test_the_shortcut_scale_is_that_of_the_projection(scale, loader, agrees):
    both = twin("sd15")
    given = inputs(both)
    each = use("faceid_plus_v2", "sd15", scale=0.8, shortcut_scale=scale)
    found = host_step(loader.steered(both.patcher, [each], shortcut_scale=scale), given)
    usual = host_step(loader.steered(both.patcher, [each]), given)
    difference = found.difference(with_authors(both, given, each))
    agrees("whole step, shortcut scale 0 and 1.6", "sd15", "authors", difference, effect=changes(found, usual))
