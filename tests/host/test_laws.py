"""The laws that hold for every adapter on every model, on the host's own UNets with the real block layouts."""

import gc
import weakref

import comfy.ldm.modules.attention as host_attention
import comfy.model_management
import pytest
import torch
from comfy.patcher_extension import WrappersMP

EFFECT = 1e-2  # of latents of ordinary size: anything less and a test would compare two unsteered pictures

ACTING_NOWHERE = {
    "weight 0": {"weight": 0.0},
    "an empty mask": {"attn_mask": torch.zeros(1, 64, 64)},
    "a range that no step falls into": {"start_percent": 0.4, "end_percent": 0.41},
}


def differs(a, b):
    return (a - b).abs().mean().item()


@pytest.mark.parametrize("inputs", ACTING_NOWHERE.values(), ids=ACTING_NOWHERE)
def test_a_branch_that_acts_nowhere_leaves_the_model_bit_for_bit(base, apply, ksample, inputs):
    steered = apply(base.model, base.family, **inputs)
    assert torch.equal(ksample(base, steered), ksample(base))


@pytest.mark.parametrize("inputs", ACTING_NOWHERE.values(), ids=ACTING_NOWHERE)
def test_a_branch_that_acts_nowhere_hands_the_call_on_untouched(sd15, apply, ksample, inputs):
    steered = apply(sd15.model, "sd15", **inputs)
    seen = []

    def spy(executor, *args, **kwargs):
        seen.append(args[5])  # the options that reach the UNet
        return executor(*args, **kwargs)

    steered.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
    ksample(sd15, steered)
    assert seen
    assert not any(options.get("patches_replace", {}).get("attn2") for options in seen)


def test_steps_outside_the_range_are_untouched_and_those_inside_are_steered(sd15, apply, ksample):
    steered = apply(sd15.model, "sd15", start_percent=0.5, end_percent=1.0)
    seen = []

    def spy(executor, *args, **kwargs):
        seen.append(bool(args[5].get("patches_replace", {}).get("attn2")))
        return executor(*args, **kwargs)

    steered.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
    ksample(sd15, steered, steps=4)
    assert seen == [False, False, True, True]


@pytest.mark.parametrize(("family", "count"), [("sd15", 16), ("sdxl", 70)])
def test_every_cross_attention_is_reached(family, count, request, apply, ksample, monkeypatch):
    from pack.attention.sampling.run import Run

    base = request.getfixturevalue(family)
    reached = set()
    layer = Run.layer

    def recording(self, kind, site, q):
        found = layer(self, kind, site, q)
        if found.branches:
            reached.add(site.key)
        return found

    monkeypatch.setattr(Run, "layer", recording)
    ksample(base, apply(base.model, family), steps=1)
    assert len(reached) == count
    assert {block[0] for block in reached} == {"input", "middle", "output"}


@pytest.mark.parametrize("variant", ["base", "plus"])
def test_each_layer_alone_changes_the_picture(sd15, apply, ksample, variant):
    """A branch limited to one block must act there: 'reached' alone would not show a wrong layer."""
    from dataclasses import replace

    from pack.attention.models.families import layers
    from pack.attention.sampling.attach import attachments, with_attachments

    steered = apply(sd15.model, "sd15", variant)
    (whole,) = attachments(steered)
    plain = ksample(sd15, steps=1)
    for layer in layers("sd15"):
        alone = replace(whole, layer_scales={other.key: 0.0 for other in layers("sd15") if other != layer})
        assert differs(ksample(sd15, with_attachments(sd15.model, (alone,)), steps=1), plain) > 1e-5, layer


def test_the_order_of_two_adapters_does_not_matter_bit_for_bit(base, apply, ksample, picture):
    def with_first(model):
        return apply(model, base.family, "base", weight=0.7)

    def with_second(model):
        return apply(model, base.family, "plus", weight=0.4, image=picture(2), attn_mask=torch.rand(1, 32, 32))

    torch.manual_seed(0)
    one = with_second(with_first(base.model))
    torch.manual_seed(0)
    other = with_first(with_second(base.model))
    result = ksample(base, one)
    assert torch.equal(result, ksample(base, other))
    assert differs(result, ksample(base, with_first(base.model))) > EFFECT


def doubled(q, k, v, options):
    """A replacement as other packs write it."""
    return 2.0 * host_attention.optimized_attention(q, k, v, options["n_heads"])


@pytest.mark.parametrize("key", [("middle", 0, 0), ("input", 4)], ids=["by transformer", "by block"])
def test_a_foreign_replacement_before_or_after_ours_acts_with_it(base, apply, ksample, key):
    def foreign(model):
        changed = model.clone()
        changed.set_model_attn2_replace(doubled, *key)
        return changed

    before = ksample(base, apply(foreign(base.model), base.family))
    after = ksample(base, foreign(apply(base.model, base.family)))
    torch.testing.assert_close(before, after, atol=1e-4, rtol=0)
    assert differs(before, ksample(base, apply(base.model, base.family))) > 1e-4, "the foreign one acts"
    assert differs(before, ksample(base, foreign(base.model))) > EFFECT, "ours acts"


def test_branches_of_the_graph_do_not_meet(base, apply, ksample, picture):
    first = apply(base.model, base.family, weight=0.5)
    alone = ksample(base, first)
    second = apply(first, base.family, "plus", image=picture(2))
    third = apply(first, base.family, image=picture(3), weight=0.8)
    results = [ksample(base, model) for model in (second, third)]
    assert torch.equal(ksample(base, first), alone)
    assert torch.equal(ksample(base, base.model), ksample(base))
    assert all(torch.equal(ksample(base, model), r) for model, r in zip((second, third), results, strict=True))
    assert differs(*results) > EFFECT


def test_the_same_graph_gives_the_same_bits(base, apply, ksample):
    once, again = (ksample(base, apply(base.model, base.family, "plus")) for _ in range(2))
    assert torch.equal(once, again)


def test_conditionings_batched_together_or_apart_agree(base, apply, ksample, monkeypatch):
    steered = apply(base.model, base.family)
    calls = []
    steered.add_wrapper(
        WrappersMP.APPLY_MODEL, lambda executor, *args, **kw: (calls.append(len(args[0])), executor(*args, **kw))[1]
    )
    together, plain_together = ksample(base, steered), ksample(base)
    assert set(calls) == {2}
    calls.clear()
    monkeypatch.setattr(type(steered), "get_free_memory", lambda self, device: 0)
    apart, plain_apart = ksample(base, steered), ksample(base, base.model)
    assert set(calls) == {1}
    # Sums of another batch size round differently, and sampling multiplies that: as much as in the plain model.
    rounding = differs(plain_together, plain_apart)
    assert differs(together, apart) <= 3 * rounding + 1e-6
    assert differs(together, plain_together) > max(EFFECT, 100 * rounding)


def test_a_batch_of_pictures_is_steered_like_each_alone(sd15, apply, ksample):
    steered = apply(sd15.model, "sd15")
    batch = ksample(sd15, steered, batch=3)
    assert batch.shape[0] == 3
    assert differs(batch, ksample(sd15, batch=3)) > EFFECT
    torch.testing.assert_close(batch[:1], ksample(sd15, steered, batch=1), atol=1e-3, rtol=0)


def test_a_caller_that_goes_past_the_sampler_is_steered_too(sd15, apply):
    """Some packs call the model with its options and no guider."""
    import comfy.samplers

    steered = apply(sd15.model, "sd15")
    comfy.model_management.load_models_gpu([steered])
    steered.model.current_patcher = steered
    conds = [comfy.sampler_helpers.convert_cond(c) for c in (sd15.positive, sd15.negative)]
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    processed = comfy.samplers.process_conds(
        steered.model, noise, {"positive": conds[0], "negative": conds[1]}, noise.device
    )
    sigma = torch.tensor([7.0])
    results = [
        comfy.samplers.calc_cond_batch(
            model.model, [processed["positive"], processed["negative"]], noise, sigma, model.model_options
        )
        for model in (sd15.model, steered)
    ]
    plain, acted = results
    assert all(differs(p, a) > 1e-3 for p, a in zip(plain, acted, strict=True))


def test_positive_and_negative_get_their_own_tokens_whatever_the_index_says(sd15, apply, ksample):
    """Swapping the two sides of the graph swaps what they get: the names of the lists decide, not their numbers."""
    steered = apply(sd15.model, "sd15")
    seen = {}

    def spy(executor, *args, **kwargs):
        options = args[5]
        call = options.get("likeness_call")
        for chunk, index in zip(call.rows.chunks, options["cond_or_uncond"], strict=True):
            seen[index] = chunk.polarity
        return executor(*args, **kwargs)

    steered.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
    ksample(sd15, steered)
    assert seen == {0: "positive", 1: "negative"}


class Stop(RuntimeError):
    pass


def fail_at_second_step(error):
    steps = []

    def failing(executor, *args, **kwargs):
        steps.append(1)
        if len(steps) == 2:
            raise error
        return executor(*args, **kwargs)

    return failing


@pytest.mark.parametrize("error", [None, Stop("a fault of another pack"), "interrupt"], ids=str)
def test_nothing_of_a_run_stays_alive(sd15, apply, ksample, error, runs):
    from pack.attention.sampling import attach

    steered = apply(sd15.model, "sd15")
    if error == "interrupt":
        error = comfy.model_management.InterruptProcessingException()
    if error is not None:
        steered.add_wrapper(WrappersMP.DIFFUSION_MODEL, fail_at_second_step(error))
        with pytest.raises(type(error)):
            ksample(sd15, steered, steps=4)
        error.__traceback__ = None
    else:
        ksample(sd15, steered, steps=4)
    gc.collect()
    assert len(runs) == 1
    assert runs[0]() is None
    options = steered.model_options["transformer_options"]
    assert "patches_replace" not in options
    assert attach.RUN not in options
    assert torch.equal(ksample(sd15, apply(sd15.model, "sd15")), ksample(sd15, apply(sd15.model, "sd15")))


@pytest.mark.parametrize("error", [None, Stop("a fault of another pack")], ids=str)
def test_what_another_pack_keeps_of_a_run_has_nothing_of_ours_in_it(sd15, apply, ksample, error):
    from pack.attention.sampling.attach import RUN

    kept = []

    def keeping(executor, *args, **kwargs):
        kept.append(args[4]["transformer_options"][RUN])
        return executor(*args, **kwargs)

    steered = apply(sd15.model, "sd15")
    steered.add_wrapper(WrappersMP.CALC_COND_BATCH, keeping)
    if error is None:
        ksample(sd15, steered, steps=1)
    else:
        steered.add_wrapper(WrappersMP.DIFFUSION_MODEL, fail_at_second_step(error))
        with pytest.raises(Stop):
            ksample(sd15, steered)
        error.__traceback__ = None  # or it holds this frame, and the run, for the tests that follow
    assert len(kept) >= 1
    assert kept[0].branches == () and not kept[0]._store._kept and not kept[0]._kinds


def test_an_adapter_dies_with_its_last_user(sd15, picture, tmp_path):
    from miniature import adapters, models
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
    from pack.nodes.wires import LoadedAdapter

    path = tmp_path / "adapter.safetensors"
    adapters.write_safetensors(adapters.adapter_state_dict("sd15", "base", 5), path)
    loaded = LoadedAdapter(Adapter(checkpoint.read(path)), models.clip_vision("vit_h", 3))
    steered = ApplyIPAdapter.execute(sd15.model, loaded, image=picture(1)).args[0]
    module = weakref.ref(loaded.adapter.module)
    key_values = weakref.ref(steered.model_options["transformer_options"]["likeness_attachments"][0].positive)
    del loaded, steered
    comfy.model_management.unload_all_models()
    gc.collect()
    comfy.model_management.cleanup_models()
    gc.collect()
    assert module() is None
    assert key_values() is None


def test_keys_and_values_are_made_once_for_a_reference(sd15, load, apply, ksample, monkeypatch):
    from pack.attention.adapter.adapter import Adapter

    made = []
    project = Adapter._project_all
    monkeypatch.setattr(Adapter, "_project_all", lambda self, *args: made.append(1) or project(self, *args))
    load("sd15", "base", 31)
    for weight in (0.3, 0.9):
        steered = apply(sd15.model, "sd15", seed=31, weight=weight)
        for seed in (1, 2):
            ksample(sd15, steered, seed=seed)
    assert len(made) == 2  # the reference and its unconditional half
