"""Branch and net from two nodes, as prompts for the old InstantID nodes become: the same picture as from one."""

import torch
from instantid_runs import drawn


def test_apart_they_are_what_apply_instantid_is(sdxl, instantid, photos, apply_instantid, apply_identitynet, sample):
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter

    faces, image = photos(1), drawn((0, 0))
    branch = ApplyIPAdapter.execute(sdxl.model, instantid(), faces=faces, weight=0.6).args[0]
    net = apply_identitynet(faces, model=branch, image=image, strength=0.7)
    together = sample(apply_instantid(faces, image=image, weight=0.6, strength=0.7))
    assert torch.equal(sample(net), together)
    # The old graphs sample with the model of the branch, not with one that went through the net's node.
    net.model = branch
    assert torch.equal(sample(net), together)
