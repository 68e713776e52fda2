"""Tensors of any types in one, and out of it again to the bit, also through another process."""

import multiprocessing
import pickle

import torch
from pack.attention.training.packed import below, packed


def test_what_is_packed_comes_out_as_it_was():
    rows = {
        "latents": [torch.randn(4, 3, 5).half() for _ in range(3)],
        "text/pooled": [torch.randn(7, dtype=torch.float32) for _ in range(3)],
        "text/0": [torch.tensor(5)],
        "none": [torch.empty(0, 2)],
    }
    sent = pickle.loads(multiprocessing.reduction.ForkingPickler.dumps(packed(rows)))
    found = sent.unpacked()
    assert found.keys() == rows.keys()
    for name, own in rows.items():
        assert found[name].dtype == own[0].dtype and torch.equal(found[name], torch.stack(own))
    assert below(found, "text/").keys() == {"pooled", "0"}
