"""InstantX's adapter on SD3.5 Large of the published number of blocks: what is particular about it."""

from dataclasses import replace

import comfy.model_management
import comfy.samplers
import pytest
import torch
from miniature import sd3 as miniature
from pack.attention.branch.build import key_values
from pack.attention.reference.encode import encode
from pack.attention.sampling import run as running
from pack.attention.sampling.attach import attachments, with_attachments
from pack.attention.weights.layer_text import parse
from pack.attention.weights.schedule import Schedule
from pack.nodes.wires import WeightSchedule

EFFECT = 1e-2
SEED = 7  # of the adapter that `apply` loads
PER_PICTURE = dict(combine="one per frame")


@pytest.fixture
def steer(sd3, apply):
    return lambda **inputs: apply(inputs.pop("model", sd3.model), "sd3", **inputs)


@pytest.fixture
def sample(sd3, ksample):
    return lambda model=None, **settings: ksample(sd3, model, **{"steps": 1, **settings})


@pytest.fixture
def made(monkeypatch):
    """The timesteps that keys and values are made for, one for each side."""
    from pack.attention.adapter.adapter import Adapter

    found, at_time = [], Adapter._at_time

    def recording(self, features, time, *rest):
        found.append(time)
        return at_time(self, features, time, *rest)

    monkeypatch.setattr(Adapter, "_at_time", recording)
    return found


def one_at_a_time(args):
    options = {k: v for k, v in args["model_options"].items() if k != "sampler_calc_cond_batch_function"}
    given = args["input"], args["sigma"], options
    return [comfy.samplers.calc_cond_batch(args["model"], [cond], *given)[0] for cond in args["conds"]]


def test_keys_and_values_are_made_once_for_a_noise_level_and_go_with_the_run(steer, sample, made, load, runs):
    steered = steer(weight=0.5)
    assert not made and [each.model for each in steered.get_additional_models()] == [
        load("sd3", "base", SEED).adapter.module
    ]
    assert steered.get_additional_models()[0].load_device == steered.load_device
    steered.set_model_sampler_calc_cond_batch_function(one_at_a_time)
    apart = sample(steered, steps=3)
    assert len(made) == 2 * 3 and len(set(made)) == 3, "two calls of a step share what was made for it"
    assert made[0] == 1000 and all(0 < time <= 1000 for time in made)
    torch.testing.assert_close(sample(steer(weight=0.5), steps=3), apart, atol=1e-3, rtol=0)
    del steered
    assert all(run() is None for run in runs)
    assert not steer(weight=0.0).get_additional_models()
    (branch,) = attachments(steer())
    assert not with_attachments(steer(), (branch.scaled(0.0),)).get_additional_models()


def test_past_the_budget_they_are_made_again_and_the_picture_stays(
    steer, sample, made, monkeypatch, sd3, load, picture
):
    from pack.attention.adapter import adapter
    from pack.attention.adapter.key_values import KeyValuesOnDemand

    references = torch.cat([picture(1), picture(2)])
    wanted = sample(steer(image=references, **PER_PICTURE), batch=2)
    made.clear()
    monkeypatch.setattr(running, "MOMENTS_BUDGET", 0)
    monkeypatch.setattr(adapter, "KEPT_BUDGET", 0)
    assert torch.equal(sample(steer(image=references, **PER_PICTURE), batch=2), wanted)
    loaded = load("sd3")
    source = key_values(loaded.adapter, encode(loaded.clip_vision, references), per_frame=True, model=sd3.model)
    assert isinstance(source.at_time(500.0, torch.device("cpu")), KeyValuesOnDemand)


def test_each_picture_of_a_batch_gets_its_own_reference_and_several_act_as_one(steer, sample, picture, differs):
    references = torch.cat([picture(1), picture(2)])
    both = sample(steer(image=references, **PER_PICTURE), batch=2)
    for number in range(2):
        alone = sample(steer(image=references[number : number + 1]), batch=2)[number]
        torch.testing.assert_close(both[number], alone, atol=1e-4, rtol=0)
    assert differs(both[0], both[1]) > EFFECT
    frames = sample(steer(schedule=WeightSchedule(None, (1.0, 0.2))), batch=2)
    torch.testing.assert_close(frames[0], sample(steer(), batch=2)[0], atol=1e-4, rtol=0)
    # Two pictures against the negative's one: the shorter is padded, so that a call alone gives the same.
    together = steer(image=references)
    apart = steer(image=references)
    apart.set_model_sampler_calc_cond_batch_function(one_at_a_time)
    made = sample(together)
    torch.testing.assert_close(made, sample(apart), atol=1e-3, rtol=0)
    assert differs(made, sample(steer())) > 1e-3


def test_a_mask_lies_on_the_tokens_of_a_picture_of_odd_size(steer, sample, layers_of_a_run, differs):
    ones = sample(steer(attn_mask=torch.ones(1, 64, 64)))
    assert torch.equal(ones, sample(steer()))
    left = torch.zeros(1, 136, 152)
    left[..., :72] = 1
    layers_of_a_run.clear()
    size = dict(height=17, width=19)
    half = sample(steer(attn_mask=left), **size)
    site, layer = layers_of_a_run[0]
    mask = layer.branches[0].mask[0, :, 0].reshape(site.grid)
    assert site.grid == (9, 10) and mask[:, 0].eq(1).all() and mask[:, -1].eq(0).all()
    assert differs(half, sample(steer(), **size)) > 1e-3 and differs(half, sample(**size)) > 1e-3


def test_layers_and_a_schedule_act_and_rules_that_have_no_meaning_are_refused(steer, sample, differs):
    plain, full = sample(), sample(steer())
    first = sample(steer(layers=parse("0:1", "sd35l")))
    assert differs(first, plain) > 1e-3 and differs(first, full) > 1e-3
    halved = steer(schedule=WeightSchedule(Schedule(((0.0, 0.5),))))
    assert torch.equal(sample(halved), sample(steer(weight=0.5)))
    for inputs, says in (
        (dict(fusion="orthogonal"), "which the joint blocks of SD3.5 Large do not have"),
        (dict(embeds_scaling="K+V"), "'K\\+V' changes the attention to the reference alone.*Set it to 'V only'"),
        (dict(layer_preset="style"), "no meaning for SD3.5 Large"),
        (dict(layers=parse("0:1", "sdxl")), "layer weights are for 'sdxl', but the adapter is for 'sd35l'"),
    ):
        with pytest.raises(ValueError, match=says):
            steer(**inputs)


def test_the_models_own_norms_are_read_from_this_clone(sd3, steer, sample, differs):
    """A clone whose norm is patched: the branch's queries are those that the adapter would have normed."""
    key = "diffusion_model.joint_blocks.3.x_block.attn.ln_q.weight"
    patched = sd3.model.clone()
    patched.add_patches({key: ("diff", (torch.full((64,), 0.5),))})
    (own,), (other,) = attachments(steer(model=patched)), attachments(steer())
    block = ("mmdit", 3, 0)
    weight = sd3.model.model.diffusion_model.joint_blocks[3].x_block.attn.ln_q.weight
    torch.testing.assert_close(own.norms[block][0] * (weight + 0.5), other.norms[block][0] * weight)
    assert torch.equal(own.norms[block][1], other.norms[block][1])
    sample(steer(model=patched))  # its weights are in the shared network now
    (after,) = attachments(steer())
    assert torch.equal(after.norms[block][0], other.norms[block][0])
    empty = sd3.model.clone()
    change = torch.zeros(64)
    change[5] = -weight[5]
    empty.add_patches({key: ("diff", (change,))})
    says = "model's ln_q of joint block 3 is 0 in channel 5 and leaves nothing to read. Connect a model whose norms are whole"
    with pytest.raises(ValueError, match=says):
        steer(model=empty)


def test_beside_another_of_its_kind_other_patches_and_a_skipped_block(sd3, steer, sample, differs):
    def with_patches(model):
        changed = model.clone()
        changed.set_model_patch_replace(lambda args, extra: args, "dit", "double_block", 7)
        options = changed.model_options["transformer_options"]
        options["optimized_attention_override"] = lambda function, *args, **kwargs: 1.1 * function(*args, **kwargs)
        return changed

    made = sample(with_patches(steer(weight=0.7)))
    assert torch.equal(made, sample(steer(model=with_patches(sd3.model), weight=0.7)))
    assert differs(made, sample(with_patches(sd3.model))) > EFFECT
    assert differs(made, sample(steer(weight=0.7))) > 1e-3


def test_pictures_at_several_noise_levels_are_left_alone_and_it_is_said(steer, sample, sd3):
    said = []
    steered = steer()
    (branch,) = attachments(steered)
    steered = with_attachments(steered, (replace(branch, tell=said.append),))

    def apart(executor, x, t, *rest, **kwargs):
        return executor(x, t * torch.linspace(0.5, 1, len(t)), *rest, **kwargs)

    def put(model):
        from comfy.patcher_extension import WrappersMP

        wrapped = model.clone()
        wrappers = wrapped.model_options["transformer_options"].setdefault("wrappers", {})
        kind = wrappers.setdefault(WrappersMP.APPLY_MODEL, {})
        wrappers[WrappersMP.APPLY_MODEL] = {"apart": [apart], **kind}
        return wrapped

    assert torch.equal(sample(put(steered)), sample(put(sd3.model)))
    assert len(said) == 1 and "several noise levels" in said[0] and "the same steps" in said[0]


def test_wrong_pairs_say_what_was_found_and_what_fits(sd3, flux, sdxl, apply):
    is_for = r"InstantX IP-Adapter for SD3.5 Large \(38 joint blocks\); the connected model is "
    fits = r". Connect an SD3.5 Large model, or load an adapter made for this one"
    for model, found in (
        (
            miniature.model("sd3.5 medium", 1),
            r"SD3 \(OpenAISignatureMMDITWrapper\), of another layout \(24 joint blocks\)",
        ),
        (
            miniature.model("sd3 medium", 1),
            r"SD3 \(OpenAISignatureMMDITWrapper\), of another layout \(24 joint blocks\)",
        ),
        (flux.model, r"FLUX.1 \(21 blocks\)"),
        (sdxl.model, r"SDXL \(70 cross-attentions\)"),
    ):
        with pytest.raises(ValueError, match=is_for + found + fits):
            apply(model, "sd3")
    for family, wanted in (("sdxl", r"SDXL \(70 cross"), ("flux", r"FLUX.1 \(19 blocks")):
        with pytest.raises(ValueError, match=wanted + r".*; the connected model is SD3.5 Large \(38 joint blocks\)"):
            apply(sd3.model, family)
