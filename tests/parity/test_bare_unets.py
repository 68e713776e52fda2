"""The small UNets are one model: without an adapter, the host and diffusers agree."""

import pytest
import torch
from oracles.layers import diffusers_layers, host_layers, recorded
from oracles.steps import Halves, diffusers_step, host_step, inputs
from oracles.unets import FAMILIES, twin

SIZES = [(16, 16), (16, 24)]
LAYERS = {"sd15": 16, "sdxl": 70}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_bare_unets_agree(family, size, agrees):
    both = twin(family)
    given = inputs(both, size)
    expected = diffusers_step(both, given)
    swapped = Halves(expected.negative, expected.positive)
    found = host_step(both.patcher, given)
    agrees("bare UNet", family, "diffusers", found.difference(expected))
    assert found.difference(swapped) > 0.1  # the halves are told apart


@pytest.mark.parametrize("family", FAMILIES)
def test_the_small_unets_have_every_cross_attention_of_the_real_ones(family):
    both = twin(family)
    assert sum(".attn2." in name for name in both.unet.attn_processors) == LAYERS[family]
    host = [name for name, _ in both.patcher.model.diffusion_model.named_modules() if name.endswith(".attn2")]
    assert len(host) == LAYERS[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_leaves_the_patcher_as_it_was(family):
    both = twin(family)
    given = inputs(both)
    first = host_step(both.patcher, given)
    assert not both.patcher.model_options.get("sampler_post_cfg_function")
    assert host_step(both.patcher, given).difference(first) == 0


def test_inputs_depend_on_seed_and_not_on_the_run():
    both = twin("sd15")
    assert torch.equal(inputs(both).latent, inputs(both).latent)
    assert not torch.equal(inputs(both, seed=1).positive, inputs(both).positive)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_cross_attention_agrees_and_is_the_same_layer(family, agrees):
    both = twin(family)
    given = inputs(both)
    with recorded(diffusers_layers(both)) as expected:
        diffusers_step(both, given)
    with recorded(host_layers(both)) as found:
        host_step(both.patcher, given)
    assert list(found) == list(expected) == [2 * place + 1 for place in range(LAYERS[family])]
    for index, (output,) in expected.items():
        (host_output,) = found[index]  # both halves in one call, negative first like diffusers'
        agrees("bare cross-attention layers", family, "diffusers", (host_output - output).abs().max().item())
