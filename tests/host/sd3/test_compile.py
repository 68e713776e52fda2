"""InstantX's adapter on SD3.5 Large under torch.compile."""

from dataclasses import replace

import torch
from miniature import sd3 as miniature
from pack.attention.sampling.attach import attachments, with_attachments


def test_several_weights_in_one_compiled_model_are_exact(sd3, apply, ksample, compiled, differs):
    def sample(model):
        return ksample(sd3, model, steps=1)

    (branch,) = attachments(apply(sd3.model, "sd3"))
    short = miniature.model("short", 1)
    plain = sample(short)
    for weight in (0.5, -0.3):
        # Beside each other are a block in which it acts and one in which it does not.
        scales = {block: float(block[1] != 1) for block in branch.all_blocks}
        steered = with_attachments(short, (replace(branch, scale=weight, layer_scales=scales),))
        wanted = sample(steered)
        assert torch.equal(sample(compiled(steered)), wanted) and differs(wanted, plain) > 1e-3
    assert torch.equal(sample(compiled(short)), plain)
