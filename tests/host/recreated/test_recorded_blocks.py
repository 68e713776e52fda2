"""A host that records what its transformer blocks allocate: it records nothing of what a branch does in them."""

import comfy.model_prefetch
import torch
from pack.attention.sampling.layer import Layer


def test_nothing_of_a_branch_is_recorded(sd15, apply, ksample, monkeypatch):
    ours, theirs = [], []
    add_to = Layer.add_to

    def watched(layer, base, q):
        ours.append(comfy.model_prefetch.is_recording())
        return add_to(layer, base, q)

    def another(q, k, v, options):
        theirs.append(comfy.model_prefetch.is_recording())
        return q

    monkeypatch.setattr(comfy.model_prefetch, "_RECORDING", [False])  # runs of other tests that met may have left it on
    monkeypatch.setattr(Layer, "add_to", watched)
    made = ksample(sd15, apply(sd15.model, "sd15"), steps=1)
    assert ours and not any(ours)
    assert not torch.equal(made, ksample(sd15, steps=1))
    plain = sd15.model.clone()
    plain.set_model_attn2_replace(another, "middle", 0, 0)
    ksample(sd15, plain, steps=1)
    assert theirs and all(theirs), "the host records its blocks"
    assert not comfy.model_prefetch.is_recording()
