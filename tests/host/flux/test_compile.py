"""TorchCompileModel on a FLUX with a reference: the uncompiled picture, and the host's blocks stay compiled."""

from dataclasses import replace

import pytest
import torch
from pack.attention.sampling.attach import attachments, with_attachments

WEIGHTS = (0.5, 1.0, -0.3, 2.0)


def captured():
    return torch._dynamo.utils.counters["stats"]["calls_captured"]


@pytest.mark.own_attention("what is counted is compiled between the calls of attention, which break the graph there")
def test_several_weights_in_one_compiled_model_are_exact_and_the_hosts_blocks_stay_compiled(
    flux, apply, compiled, ksample, differs
):
    (branch,) = attachments(apply(flux.model, "flux"))
    blocks = branch.all_blocks

    def steered(weight):
        # Beside each other are a block in which it acts and one in which it does not.
        scales = {block: 1.0 - number % 2 for number, block in enumerate(blocks)}
        return with_attachments(flux.model, (replace(branch, scale=weight, layer_scales=scales),))

    plain = ksample(flux, flux.model, steps=1)
    before = captured()
    assert torch.equal(ksample(flux, compiled(flux.model), steps=1), plain)
    of_the_plain = captured() - before
    before = captured()
    for weight in WEIGHTS:
        wanted = ksample(flux, steered(weight), steps=1)
        assert torch.equal(ksample(flux, compiled(steered(weight)), steps=1), wanted)
        assert differs(wanted, plain) > 1e-3
    assert captured() - before > 0.5 * of_the_plain, "the blocks themselves are compiled"
    assert torch.equal(ksample(flux, compiled(flux.model), steps=1), plain)
