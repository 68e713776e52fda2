"""XLabs' adapters on the host's FLUX against diffusers: a whole step, both halves."""

import pytest
import torch
from oracles.flux import DOUBLE, diffusers_step, host_step, inputs, twin, use, with_diffusers
from ours import Loader
from pack.attention.models.families import layers
from pack.attention.sampling.attach import attachments, with_attachments
from running.device import is_card
from test_oracles import changes

LIMIT = 2e-4 if is_card() else 1e-5
"""On a card the bare step, with nothing of ours, is 1.3e-4 from diffusers on the CPU."""
VERSIONS = {"v1": 4, "v2": 16}


@pytest.fixture(scope="module")
def steered(tmp_path_factory):
    return Loader(tmp_path_factory.mktemp("xlabs")).steered_flux


def test_the_models_are_the_same_without_adapters(agrees):
    both, given = twin(), inputs((8, 12))
    agrees(
        "bare step", "flux", "diffusers", host_step(both.patcher, given).difference(diffusers_step(both, given)), LIMIT
    )


@pytest.mark.parametrize("pictures", [1, 3])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_step_agrees(version, pictures, steered, agrees):
    both, given = twin(), inputs((8, 12))
    each = use(VERSIONS[version], pictures, scale=0.7)
    found, wanted = host_step(steered(both.patcher, [each]), given), with_diffusers(both, given, [each])
    effect = changes(found, diffusers_step(both, given))
    name = f"whole step, XLabs {version}" + (", three pictures" if pictures > 1 else "")
    agrees(name, "flux", "diffusers", found.difference(wanted), LIMIT, effect)


def test_two_adapters_agree_and_each_of_them_counts(steered, agrees):
    both, given = twin(), inputs()
    uses = [use(4, scale=0.7), use(16, pictures=2, scale=-0.4)]
    found = host_step(steered(both.patcher, uses), given)
    effect = min(changes(found, host_step(steered(both.patcher, [each]), given)) for each in uses)
    difference = found.difference(with_diffusers(both, given, uses))
    agrees("whole step, XLabs v1 and v2", "flux", "diffusers", difference, LIMIT, effect)
    assert host_step(steered(both.patcher, uses[::-1]), given).difference(found) == 0


def test_a_scale_for_each_block_agrees(steered, agrees):
    from dataclasses import replace

    both, given = twin(), inputs()
    scales = [0.9 - 0.1 * number for number in range(DOUBLE)]
    (whole,) = attachments(steered(both.patcher, [use(4)]))
    keys = [layer.key for layer in layers("flux")]
    each = replace(whole, layer_scales=dict(zip(keys, scales, strict=True)))
    found = host_step(with_attachments(both.patcher, (each,)), given)
    effect = changes(found, host_step(steered(both.patcher, [use(4)]), given))
    difference = found.difference(with_diffusers(both, given, [use(4, scale=scales)]))
    agrees("whole step, XLabs v1, a scale for each block", "flux", "diffusers", difference, LIMIT, effect)


def test_a_mask_of_one_value_is_that_scale(steered, agrees):
    both, given = twin(), inputs((8, 12))
    found = host_step(steered(both.patcher, [use(16)], attn_mask=torch.full((1, 64, 96), 0.25)), given)
    effect = changes(found, diffusers_step(both, given))
    difference = found.difference(with_diffusers(both, given, [use(16, scale=0.25)]))
    agrees("whole step, XLabs v2, even mask", "flux", "diffusers", difference, LIMIT, effect)
