"""Every cross-attention with an adapter acting, layer by layer, within one step."""

import pytest
from oracles.adapters import use
from oracles.layers import diffusers_layers, host_layers, recorded
from oracles.references import with_diffusers
from oracles.steps import host_step, inputs
from oracles.unets import FAMILIES, twin


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("variant", ["base", "plus"])
def test_each_layer_agrees(variant, family, loader, agrees):
    both = twin(family)
    given = inputs(both, (16, 24))
    each = use(variant, family, scale=0.8)
    layers = host_layers(both)
    with recorded(layers) as bare:
        host_step(both.patcher, given)
    with recorded(diffusers_layers(both)) as expected:
        with_diffusers(both, given, [each])
    with recorded(layers) as found:
        host_step(loader.steered(both.patcher, [each]), given)
    for index, (output,) in expected.items():
        (ours,), (before,) = found[index], bare[index]
        difference, effect = (ours - output).abs().max().item(), (ours - before).abs().max().item()
        agrees(f"one attention layer, {variant}", family, "diffusers", difference, effect=effect)
