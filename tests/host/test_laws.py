"""The laws that hold for every branch on every kind of model, on the host's own networks with the real block layouts."""

import gc
import threading
import weakref

import comfy.ldm.modules.attention as host_attention
import comfy.model_management
import edits
import films
import law_kinds
import pytest
import torch
from comfy.patcher_extension import WrappersMP
from serving.patience import PATIENCE

EFFECT = 1e-2  # of latents of ordinary size: anything less and a test would compare two unsteered pictures

UNET_SIDES = {"input", "middle", "output"}


def differs(a, b):
    return (a - b).abs().mean().item()


def options_of(*args, **kwargs):
    """The options among what a network is called with: each kind has them in another place."""
    (options,) = (each for each in (*args, *kwargs.values()) if isinstance(each, dict) and "cond_or_uncond" in each)
    return options


def touched(options):
    """What is put around or into the network's layers."""
    replaced = options.get("patches_replace", {})
    overridden = {"optimized_attention_override"} & options.keys()
    return {*replaced.get("attn2", {}), *replaced.get("dit", {}), *overridden}


def innermost(model):
    """Where others see a call last, behind what this pack did to it: not every network of the host's lets them in itself."""
    is_mmdit = hasattr(model.model.diffusion_model, "joint_blocks")
    return WrappersMP.APPLY_MODEL if is_mmdit else WrappersMP.DIFFUSION_MODEL


def watched(model, seen, read):
    """Keeps in `seen` what `read` finds in the options of each call of the network."""

    def spy(executor, *args, **kwargs):
        seen.append(read(options_of(*args, **kwargs)))
        return executor(*args, **kwargs)

    model.add_wrapper(innermost(model), spy)
    return model


@pytest.mark.parametrize("name", law_kinds.IDLE_ADAPTER)
def test_a_branch_that_acts_nowhere_leaves_the_model_bit_for_bit(any_base, apply, ksample, name):
    check_that_nothing_happens(
        lambda **inputs: apply(any_base.model, any_base.family, **inputs),
        lambda *model: ksample(any_base, *model),
        law_kinds.IDLE_ADAPTER[name],
    )


@pytest.mark.parametrize("name", law_kinds.IDLE_OWN_BRANCH)
def test_an_own_branch_that_is_as_it_was_acts_nowhere(name):
    whole = films.wan_model("wan2.1 i2v")
    check_that_nothing_happens(
        lambda **inputs: films.scale(whole.model, **inputs),
        lambda *model: films.film(whole, *model),
        law_kinds.IDLE_OWN_BRANCH[name](),
    )


@pytest.mark.parametrize("name", law_kinds.IDLE_REFERENCES)
def test_references_that_count_as_they_did_are_left_bit_for_bit(name):
    base = edits.edit_model("short kontext")
    check_that_nothing_happens(
        lambda **inputs: edits.weigh(base.model, 1.0, 1.0, **inputs),
        lambda *model: edits.edit(base, *model),
        law_kinds.IDLE_REFERENCES[name](),
    )


def check_that_nothing_happens(put, sample, inputs):
    """The picture is the plain model's to the bit, and every call is handed on untouched."""
    seen = []
    made = sample(watched(put(**inputs), seen, touched))
    assert torch.equal(made, sample())
    assert seen and not any(seen)


def test_steps_outside_the_range_are_untouched_and_those_inside_are_steered(each_law):
    seen = []
    steered = each_law.steer(each_law.model, start_percent=each_law.outside, end_percent=1.0)
    each_law.sample(watched(steered, seen, touched), steps=4)
    assert [bool(each) for each in seen] == [False, False, True, True]


PLACES = {
    "sd15": (16, UNET_SIDES),
    "sdxl": (70, UNET_SIDES),
    "flux": (19, {"double"}),
    "sd3": (38, {"mmdit"}),
}


@pytest.mark.parametrize("family", PLACES)
def test_every_place_is_reached(family, request, apply, ksample, monkeypatch):
    from pack.attention.sampling.run import Run

    base, (count, sides) = request.getfixturevalue(family), PLACES[family]
    reached = set()
    layer = Run.layer

    def recording(self, kind, site, *given):
        found = layer(self, kind, site, *given)
        if found.branches:
            reached.add(site.key)
        return found

    monkeypatch.setattr(Run, "layer", recording)
    ksample(base, apply(base.model, family), steps=1)
    assert len(reached) == count
    assert {block[0] for block in reached} == sides


@pytest.mark.parametrize("variant", ["base", "plus"])
def test_each_layer_alone_changes_the_picture(each_kind, apply, ksample, variant):
    """A branch limited to one block must act there: 'reached' alone would not show a wrong layer."""
    from dataclasses import replace

    from pack.attention.models.families import layers
    from pack.attention.sampling.attach import attachments, with_attachments

    steered = apply(each_kind.model, each_kind.family, variant)
    (whole,) = attachments(steered)
    plain = ksample(each_kind, steps=1)
    for layer in layers(each_kind.family):
        alone = replace(whole, layer_scales={other.key: 0.0 for other in layers(each_kind.family) if other != layer})
        assert differs(ksample(each_kind, with_attachments(each_kind.model, (alone,)), steps=1), plain) > 1e-5, layer


def test_the_order_of_two_adapters_does_not_matter_bit_for_bit(any_law):
    first = any_law.steer(any_law.model, 0)
    one, other = any_law.steer(first, 1), any_law.steer(any_law.steer(any_law.model, 1), 0)
    result = any_law.sample(one)
    assert torch.equal(result, any_law.sample(other))
    assert differs(result, any_law.sample(first)) > EFFECT


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


def test_branches_of_the_graph_do_not_meet(any_law):
    first = any_law.steer(any_law.model, 0)
    alone = any_law.sample(first)
    second, third = any_law.steer(first, 1), any_law.steer(first, 2)
    results = [any_law.sample(model) for model in (second, third)]
    assert torch.equal(any_law.sample(first), alone)
    assert torch.equal(any_law.sample(any_law.model), any_law.sample())
    assert all(torch.equal(any_law.sample(model), r) for model, r in zip((second, third), results, strict=True))
    assert differs(*results) > EFFECT


def test_the_same_graph_gives_the_same_bits(any_law):
    once, again = (any_law.sample(any_law.steer(any_law.model, 1)) for _ in range(2))
    assert torch.equal(once, again)


def test_conditionings_batched_together_or_apart_agree(any_law, monkeypatch):
    steered = any_law.steer(any_law.model, 0)
    calls = []
    steered.add_wrapper(
        WrappersMP.APPLY_MODEL, lambda executor, *args, **kw: (calls.append(len(args[0])), executor(*args, **kw))[1]
    )
    together, plain_together = any_law.sample(steered), any_law.sample()
    assert set(calls) == {2}
    calls.clear()
    monkeypatch.setattr(type(steered), "get_free_memory", lambda self, device: 0)
    apart, plain_apart = any_law.sample(steered), any_law.sample(any_law.model)
    assert set(calls) == {1}
    # Sums of another batch size round differently, and sampling multiplies that: as much as in the plain model.
    rounding = differs(plain_together, plain_apart)
    assert differs(together, apart) <= 3 * rounding + 1e-6
    assert differs(together, plain_together) > max(EFFECT, 100 * rounding)


def test_a_batch_of_pictures_is_steered_like_each_alone(each_law):
    steered = each_law.steer(each_law.model, 0)
    batch = each_law.sample(steered, batch=3)
    assert batch.shape[0] == 3
    assert differs(batch, each_law.sample(batch=3)) > EFFECT
    torch.testing.assert_close(batch[:1], each_law.sample(steered, batch=1), atol=1e-3, rtol=0)


def test_a_caller_that_goes_past_the_sampler_is_steered_too(each_law):
    """Some packs call the model with its options and no guider."""
    import comfy.samplers

    base, steered = each_law.base, each_law.steer(each_law.model, 0)
    comfy.model_management.load_models_gpu([steered])
    steered.model.current_patcher = steered
    conds = [comfy.sampler_helpers.convert_cond(c) for c in (base.positive, base.negative)]
    noise = torch.randn(each_law.noise, generator=torch.Generator().manual_seed(0))
    noise = noise.to(steered.load_device)
    processed = comfy.samplers.process_conds(
        steered.model, noise, {"positive": conds[0], "negative": conds[1]}, noise.device
    )
    at = each_law.model.get_model_object("model_sampling").percent_to_sigma(0.3)
    sigma = torch.tensor([at], device=noise.device)
    results = [
        comfy.samplers.calc_cond_batch(
            model.model, [processed["positive"], processed["negative"]], noise, sigma, model.model_options
        )
        for model in (each_law.model, steered)
    ]
    plain, acted = results
    assert all(differs(p, a) > 1e-3 for p, a in zip(plain, acted, strict=True))


def test_positive_and_negative_get_their_own_tokens_whatever_the_index_says(each_kind, apply, ksample):
    """Swapping the two sides of the graph swaps what they get: the names of the lists decide, not their numbers."""
    steered = apply(each_kind.model, each_kind.family)
    seen = {}

    def spy(executor, *args, **kwargs):
        options = options_of(*args, **kwargs)
        call = options.get("likeness_call")
        for chunk, index in zip(call.rows.chunks, options["cond_or_uncond"], strict=True):
            seen[index] = chunk.polarity
        return executor(*args, **kwargs)

    steered.add_wrapper(innermost(steered), spy)
    ksample(each_kind, steered)
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
def test_nothing_of_a_run_stays_alive(each_law, error, runs):
    from pack.attention.sampling import attach

    steered = each_law.steer(each_law.model, 0)
    if error == "interrupt":
        error = comfy.model_management.InterruptProcessingException()
    if error is not None:
        steered.add_wrapper(innermost(steered), fail_at_second_step(error))
        with pytest.raises(type(error)):
            each_law.sample(steered, steps=4)
        error.__traceback__ = None
    else:
        each_law.sample(steered, steps=4)
    gc.collect()
    assert len(runs) == 1
    assert runs[0]() is None
    options = steered.model_options["transformer_options"]
    assert "patches_replace" not in options
    assert attach.RUN not in options
    assert torch.equal(
        each_law.sample(each_law.steer(each_law.model, 0)),
        each_law.sample(each_law.steer(each_law.model, 0)),
    )


@pytest.mark.parametrize("error", [None, Stop("a fault of another pack")], ids=str)
def test_what_another_pack_keeps_of_a_run_has_nothing_of_ours_in_it(each_law, error):
    from pack.attention.sampling.attach import RUN

    kept = []

    def keeping(executor, *args, **kwargs):
        kept.append(args[4]["transformer_options"][RUN])
        return executor(*args, **kwargs)

    steered = each_law.steer(each_law.model, 0)
    steered.add_wrapper(WrappersMP.CALC_COND_BATCH, keeping)
    if error is None:
        each_law.sample(steered, steps=1)
    else:
        steered.add_wrapper(innermost(steered), fail_at_second_step(error))
        with pytest.raises(Stop):
            each_law.sample(steered, steps=2)
        error.__traceback__ = None  # or it holds this frame, and the run, for the tests that follow
    assert len(kept) >= 1
    assert kept[0].branches == () and not kept[0]._store._kept and not kept[0]._kinds


def test_two_runs_at_the_same_time(each_law):
    """In step with each other; each has a network of its own, since the host runs one at a time."""
    models = [each_law.steer(each_law.fresh(), way) for way in (0, 2)]
    alone = [each_law.sample(model) for model in models]
    begun, meeting, results = threading.Event(), threading.Barrier(2), [None, None]

    def in_step(executor, *args, **kwargs):
        begun.set()
        meeting.wait(PATIENCE)
        return executor(*args, **kwargs)

    def run(i):
        with torch.inference_mode():
            if i:
                begun.wait(PATIENCE)  # the first has loaded its model
            results[i] = each_law.sample(models[i])

    for model in models:
        model.add_wrapper(innermost(model), in_step)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert all(torch.equal(made, wanted) for made, wanted in zip(results, alone, strict=True))
    assert differs(*results) > EFFECT


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


def test_keys_and_values_are_made_once_for_a_reference(each_kind, load, apply, ksample, monkeypatch):
    from pack.attention.adapter.adapter import Adapter

    made = []
    project = Adapter._project_all
    monkeypatch.setattr(Adapter, "_project_all", lambda self, *args: made.append(1) or project(self, *args))
    load(each_kind.family, "base", 31)
    for weight in (0.3, 0.9):
        steered = apply(each_kind.model, each_kind.family, seed=31, weight=weight)
        for seed in (1, 2):
            ksample(each_kind, steered, seed=seed)
    assert len(made) == 2  # the reference and its unconditional half
