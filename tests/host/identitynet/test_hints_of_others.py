"""Whose hint a net is shown: ours on any host, another pack's where it has cut one for a tile."""

import comfy.controlnet
import pytest
import torch
from identity_runs import call, distance, face, hints, identity, network, same, shown
from pack.attention.identitynet.wrap import identitynet_from
from pack.attention.sampling import said

EFFECT = 1e-2


def tile_hint(rows=1, seed=5):
    return torch.rand(rows, 3, 128, 128, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("where", ["slot", "by size"])
@pytest.mark.parametrize("rows", [1, 2])
def test_a_hint_that_another_pack_cut_for_a_tile_is_used(sdxl, where, rows):
    options = {"cond_or_uncond": [0] * rows}
    net, cut = shown(face()), tile_hint(rows)
    if where == "slot":
        net.cond_hint = cut
    else:
        net.cond_hints = {(16, 16): cut}
    found = call(net, sdxl, options, rows=rows)
    net.cond_hints = {}
    own = call(shown(face(), cut.movedim(1, -1)), sdxl, options, rows=rows) if rows == 1 else None
    assert own is None or same(found, own)
    assert distance(found, call(shown(face()), sdxl, options, rows=rows)) > EFFECT
    assert net.cond_hint is None, "the next call is shown its own again"
    assert same(call(net, sdxl, options, rows=rows), call(shown(face()), sdxl, options, rows=rows))


def test_a_hint_of_another_size_is_not_for_this_call(sdxl):
    options = {"cond_or_uncond": [0]}
    net = shown(face())
    net.cond_hint = torch.rand(1, 3, 64, 64)
    assert same(call(net, sdxl, options), call(shown(face()), sdxl, options))


@pytest.fixture
def by_size(monkeypatch):
    """A host that keeps prepared hints by their size and looks nowhere else."""
    get_control = comfy.controlnet.ControlNet.get_control

    def with_map(self, x_noisy, *rest):
        kept = self.__dict__.setdefault("cond_hints", {})
        size = x_noisy.shape[-2:]
        self.cond_hint = kept.get(size)
        try:
            return get_control(self, x_noisy, *rest)
        finally:
            kept[size], self.cond_hint = self.cond_hint, None

    monkeypatch.setattr(comfy.controlnet.ControlNet, "get_control", with_map)


def test_a_host_that_keeps_hints_by_size_shows_each_picture_its_own(sdxl, ksample, by_size, monkeypatch):
    several = torch.cat([hints(seed) for seed in (1, 2)])
    made = ksample(sdxl, steps=1, batch=2, **identity(sdxl, face(), several))
    monkeypatch.undo()
    assert torch.equal(made, ksample(sdxl, steps=1, batch=2, **identity(sdxl, face(), several)))
    first = ksample(sdxl, steps=1, batch=2, **identity(sdxl, face(), several[:1]))
    assert (made[1] - first[1]).abs().max() > EFFECT, "the second picture has a hint of its own"


def test_a_host_that_shows_the_net_something_else_is_an_error(sdxl, monkeypatch):
    monkeypatch.setattr(comfy.utils, "common_upscale", lambda picture, *size: torch.zeros_like(picture))
    net = shown(face())
    with pytest.raises(RuntimeError, match="another keypoint picture than the one made for this call.*Update Likeness"):
        call(net, sdxl, {"cond_or_uncond": [0]})


def test_packs_with_windows_of_their_own_find_their_attribute():
    """AnimateDiff-Evolved takes a net without it for one that cannot be windowed."""
    net = shown(face())
    assert net.sub_idxs is None
    net.sub_idxs = [0, 1]
    assert net.copy().sub_idxs is None


def test_a_net_of_another_pack_is_told_what_is_not_taken_from_it():
    class ControlNetAdvanced(comfy.controlnet.ControlNet):
        pass

    from dataclasses import replace

    told, net = [], network()
    other = ControlNetAdvanced(None)
    net.copy_to(other)
    other.control_model, other.control_model_wrapped = net.control_model, net.control_model_wrapped
    identitynet_from(other, replace(face(), tell=told.append))
    assert len(told) == 1 and "ControlNetAdvanced" in told[0] and "keyframes" in told[0]
    identitynet_from(net, replace(face(), tell=told.append))
    assert len(told) == 1


def test_keypoints_in_a_tile_that_nobody_can_place_are_told_of(sdxl, ksample):
    from dataclasses import replace

    from identity_runs import carried

    told, model = [], carried(sdxl.model)

    def halves(function, given):
        x, t, c = given["input"], given["timestep"], given["c"]
        parts = []
        for part in x.chunk(2, -1):
            part = part.contiguous() * 1.01
            control = conds["positive"][0][1]["control"].get_control(
                part, t, c, len(given["cond_or_uncond"]), c["transformer_options"]
            )
            parts.append(function(part, t, **{**c, "control": control}))
        return torch.cat(parts, -1)

    model.set_model_unet_function_wrapper(halves)
    conds = identity(sdxl, replace(face(), tell=told.append))
    ksample(sdxl, model, steps=1, **conds)
    assert told == [said.KEYPOINTS]
