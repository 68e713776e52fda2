"""InstantX's adapter on the host's SD3.5 against diffusers: whole steps, both halves."""

from dataclasses import replace

import pytest
import torch
from oracles.sd3 import BLOCKS, away, diffusers_step, host_step, inputs, twin, use
from ours import Loader
from pack.attention.models.families import layers
from pack.attention.sampling.attach import attachments, with_attachments
from running.device import is_card

LIMIT = 2e-4 if is_card() else 1e-5


@pytest.fixture(scope="module")
def steered(tmp_path_factory):
    return Loader(tmp_path_factory.mktemp("sd3")).steered_sd3


@pytest.fixture(scope="module")
def both():
    return twin()


@pytest.fixture(scope="module")
def given():
    return inputs()


@pytest.fixture(scope="module")
def plain(both, given):
    return diffusers_step(both, given)


USES = {
    "": use(),
    ", a picture for the negative": away(use(1.0)),
    ", a scale for each block": use([0.9 - 0.02 * number for number in range(BLOCKS)]),
}


@pytest.mark.parametrize("what", USES)
def test_a_step_agrees(what, both, given, plain, steered, agrees):
    each = USES[what]
    found, wanted = host_step(steered(both.patcher, each), given), diffusers_step(both, given, each)
    effect = min((getattr(found, half) - getattr(plain, half)).abs().max().item() for half in ("positive", "negative"))
    agrees(f"whole step, InstantX on SD3.5{what}", "sd3.5", "diffusers", found.difference(wanted), LIMIT, effect)


def test_a_mask_of_one_value_is_that_scale_and_weight_0_the_plain_model(both, given, steered, agrees):
    masked = host_step(steered(both.patcher, use(1.0), attn_mask=torch.full((1, 64, 96), 0.25)), given)
    wanted = diffusers_step(both, given, use(0.25))
    effect = (masked.positive - diffusers_step(both, given, use(1.0)).positive).abs().max().item()
    agrees("whole step, InstantX on SD3.5, even mask", "sd3.5", "diffusers", masked.difference(wanted), LIMIT, effect)
    found, bare = host_step(steered(both.patcher, use(0.0)), given), host_step(both.patcher, given)
    assert torch.equal(found.positive, bare.positive) and torch.equal(found.negative, bare.negative)


def test_the_last_block_counts(both, given, steered):
    """There the text is not made any more."""
    (whole,) = attachments(steered(both.patcher, use()))
    last = layers("sd35l")[-1].key
    alone = replace(whole, layer_scales={key: float(key == last) for key in whole.all_blocks})
    found = host_step(with_attachments(both.patcher, (alone,)), given)
    assert (found.positive - host_step(both.patcher, given).positive).abs().max() > 1e-3
