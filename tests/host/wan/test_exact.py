"""Wan's own image branch, scaled: against the host with other weights, and against the model without the branch."""

import copy

import pytest
import torch
from pack.attention.weights.layer_text import parse
from pack.attention.weights.schedule import Schedule
from pack.nodes.wires import WeightSchedule

EFFECT = 1e-2


def with_scaled_values(base, factors):
    """A copy of the model whose branch gives factors[block] as much: the values of the picture and their bias."""
    from miniature import wan

    model = wan.model(base.kind, 1)
    for block, factor in zip(model.model.diffusion_model.blocks, factors, strict=True):
        block.cross_attn.v_img.weight.data.mul_(factor)
        block.cross_attn.v_img.bias.data.mul_(factor)
    return model


@pytest.mark.parametrize("cfg", [1.0, 3.0])
def test_weight_1_is_the_host_bit_for_bit_and_0_the_model_without_branch(
    i2v, without_branch, scale, film, differs, cfg
):
    plain = film(i2v, cfg=cfg)
    assert torch.equal(film(i2v, scale(i2v.model), cfg=cfg), plain)
    off = film(i2v, scale(i2v.model, weight=0.0), cfg=cfg)
    assert torch.equal(off, film(without_branch, cfg=cfg, **without_branch.without))
    assert differs(off, plain) > EFFECT


# Powers of two round alike; others differ in the last bits.
@pytest.mark.parametrize(("weight", "tolerance"), [(0.5, 0), (2.0, 0), (0.3, 1e-4)])
def test_a_weight_is_the_scaled_values_of_the_picture(i2v, scale, film, differs, weight, tolerance):
    made = film(i2v, scale(i2v.model, weight=weight))
    wanted = film(i2v, with_scaled_values(i2v, [weight] * 4))
    torch.testing.assert_close(made, wanted, atol=tolerance, rtol=0)
    assert differs(made, film(i2v)) > EFFECT / 2


def test_each_block_has_its_own_weight(whole, scale, film, differs):
    layers = parse("0:1, 7:0.5, 20:2, 39:1", "wan14b")
    made = film(whole, scale(whole.model, weight=0.5, layers=layers))
    wanted = film(whole, with_scaled_values(whole, [0.5 * factor for factor in layers.factors]))
    torch.testing.assert_close(made, wanted, atol=1e-5, rtol=0)
    assert differs(made, film(whole)) > EFFECT / 2


def test_the_negative_prompt_has_a_weight_of_its_own(whole, scale, film, differs):
    """Under guidance, the video is plain + (cfg - 1) * (plain - off) where only the negative prompt's branch is off."""
    apart = film(whole, scale(whole.model, negative_apart=True, negative_weight=0.0), steps=1)
    plain, off = film(whole, steps=1), film(whole, scale(whole.model, weight=0.0), steps=1)
    both = film(whole, scale(whole.model, weight=0.0, negative_apart=True, negative_weight=1.0), steps=1)
    torch.testing.assert_close(apart + both, plain + off, atol=1e-4, rtol=0)
    assert differs(apart, plain) > EFFECT and differs(apart, off) > EFFECT
    swapped = parse(", ".join(f"!{i}:1" for i in range(40)), "wan14b")
    assert torch.equal(film(whole, scale(whole.model, layers=swapped), steps=1), both)


def test_a_schedule_multiplies_the_weight_at_every_step(i2v, scale, film):
    steps = WeightSchedule(Schedule(((0.0, 0.5), (1.0, 0.5))))
    halved = film(i2v, scale(i2v.model, weight=0.5), steps=2)
    assert torch.equal(film(i2v, scale(i2v.model, schedule=steps), steps=2), halved)
    plain = WeightSchedule(Schedule(((0.0, 1.0), (1.0, 1.0))))
    assert torch.equal(film(i2v, scale(i2v.model, schedule=plain)), film(i2v))


def test_a_range_is_the_plain_model_outside(i2v, scale, film, differs):
    late = film(i2v, scale(i2v.model, weight=0.0, start_percent=0.5), steps=4)
    early = film(i2v, scale(i2v.model, weight=0.0, end_percent=0.4), steps=4)
    assert differs(late, film(i2v, steps=4)) > 1e-3 and differs(early, late) > 1e-3


def branch_factors(model, x, monkeypatch):
    """The factor of every row and token of block 0, (rows, T, h, w), in one step."""
    from pack.attention.sampling.own_factor import OwnOnRows

    seen = []
    factor = OwnOnRows.factor
    monkeypatch.setattr(OwnOnRows, "factor", lambda self, block, q: seen.append(factor(self, block, q)) or seen[-1])
    x(model)
    monkeypatch.undo()
    return seen[0]


def test_a_mask_is_laid_over_every_frame(i2v, scale, film, monkeypatch, differs):
    left = torch.zeros(1, 64, 96)
    left[..., :48] = 1
    model = scale(i2v.model, weight=0.25, attn_mask=left)
    found = branch_factors(model, lambda model: film(i2v, model), monkeypatch).reshape(3, 4, 6)
    assert torch.equal(found[..., :3], torch.full((3, 4, 3), 0.25)) and torch.equal(found[..., 3:], torch.ones(3, 4, 3))
    assert differs(film(i2v, model), film(i2v)) > 1e-3
    full = scale(i2v.model, weight=0.5, attn_mask=torch.ones(1, 64, 96))
    assert torch.equal(film(i2v, full), film(i2v, scale(i2v.model, weight=0.5)))


def test_masks_for_frames_of_the_video_and_factors_for_those_of_the_latent(i2v, scale, film, monkeypatch):
    masks = torch.zeros(9, 64, 96)
    masks[0] = 1
    masks[3:5] = 1  # two of the four frames that the second frame of the latent holds
    found = branch_factors(scale(i2v.model, weight=0.0, attn_mask=masks), lambda m: film(i2v, m), monkeypatch)
    assert found.reshape(3, -1).mean(1).tolist() == [0.0, 0.5, 1.0]
    short = scale(i2v.model, weight=0.0, attn_mask=masks[:4])  # the last one is for all that follow
    found = branch_factors(short, lambda m: film(i2v, m), monkeypatch)
    assert found.reshape(3, -1).mean(1).tolist() == [0.0, 0.5, 0.0]
    curve = WeightSchedule(None, (1.0, 0.5))
    found = branch_factors(scale(i2v.model, schedule=curve), lambda m: film(i2v, m), monkeypatch)
    assert found.reshape(3, -1).mean(1).tolist() == [1.0, 0.5, 0.5]
    both = scale(i2v.model, weight=2.0, schedule=curve, attn_mask=masks)
    found = branch_factors(both, lambda m: film(i2v, m), monkeypatch)
    assert found.reshape(3, -1).mean(1).tolist() == [2.0, 1.0, 1.0]


def test_windows_of_frames_get_their_own_factors(i2v, scale, film, monkeypatch):
    """The host's context windows put an earlier frame first."""
    from comfy_extras.nodes_context_windows import WanContextWindowsManualNode

    windowed = WanContextWindowsManualNode.execute(
        scale(i2v.model, schedule=WeightSchedule(None, (1.0, 0.5, 0.25, 0.125, 2.0))),
        context_length=9,
        context_overlap=1,
        context_schedule="standard_static",
        context_stride=1,
        closed_loop=False,
        fuse_method="pyramid",
        freenoise=False,
    ).args[0]
    from pack.attention.sampling.own_factor import OwnOnRows

    seen = []
    factor = OwnOnRows.factor

    def recording(self, block, q):
        found = factor(self, block, q)
        seen.append((self.place.frames, found.reshape(len(self.place.frames), -1).mean(1).tolist()))
        return found

    monkeypatch.setattr(OwnOnRows, "factor", recording)
    film(i2v, windowed, size=(5, 8, 12), steps=1)
    whole = (1.0, 0.5, 0.25, 0.125, 2.0)
    assert {frames for frames, _ in seen} > {(0, 1, 2)}
    assert all(means == [whole[frame] for frame in frames] for frames, means in seen)


def test_start_and_end_picture_have_weights_in_the_softmax(flf2v, scale, film, differs, monkeypatch):
    import comfy.ldm.wan.model as host

    plain = film(flf2v)
    assert torch.equal(film(flf2v, scale(flf2v.model, start_image_weight=0.5, end_image_weight=0.5)), plain)
    start_only = film(flf2v, scale(flf2v.model, end_image_weight=0.0))
    end_only = film(flf2v, scale(flf2v.model, start_image_weight=0.0))
    attention, cut = host.optimized_attention, []

    def without_the_end(q, k, v, **kwargs):
        if k.shape[1] == 514:
            cut.append(1)
            k, v = k[:, :257], v[:, :257]
        return attention(q, k, v, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(host, "optimized_attention", without_the_end)
        wanted = film(flf2v, flf2v.model)
    assert cut
    torch.testing.assert_close(start_only, wanted, atol=1e-4, rtol=0)
    assert differs(start_only, plain) > 1e-4 and differs(start_only, end_only) > 1e-4
    some = film(flf2v, scale(flf2v.model, end_image_weight=0.3))
    assert differs(some, plain) > 1e-5 and differs(some, start_only) > 1e-5


def test_weights_are_those_of_the_node_with_a_copied_model(i2v, scale, film):
    """Nothing of a run is kept on the model: the second time gives the same."""
    steered = scale(i2v.model, weight=0.5)
    options = copy.copy(steered.model_options["transformer_options"])
    first = film(i2v, steered)
    assert torch.equal(film(i2v, steered), first)
    assert steered.model_options["transformer_options"].keys() == options.keys()
