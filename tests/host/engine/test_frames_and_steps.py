"""References, factors and schedules that differ from picture to picture and from step to step."""

import pytest
import torch
from pack.attention.adapter import adapter as adapter_module
from pack.attention.adapter.key_values import KeyValues, KeyValuesOnDemand
from pack.attention.branch.attachment import Attachment
from pack.attention.sampling.attach import attachments
from pack.attention.sampling.rows import Conditionings
from pack.attention.sampling.run import Run
from pack.attention.weights.schedule import Schedule
from pack.nodes.wires import WeightSchedule

BLOCK = ("input", 4, 0)

COUNT = 3


@pytest.fixture
def per_frame(sd15, apply, picture):
    return lambda **inputs: apply(
        sd15.model, "sd15", combine="one per frame", image=inputs.pop("image", picture(1, count=COUNT)), **inputs
    )


def test_picture_i_is_made_as_with_reference_i_alone(sd15, apply, ksample, picture, per_frame):
    pictures = picture(1, count=COUNT)
    together = ksample(sd15, per_frame(), batch=COUNT)
    for i in range(COUNT):
        alone = ksample(sd15, apply(sd15.model, "sd15", image=pictures[i : i + 1]), batch=COUNT)
        torch.testing.assert_close(together[i], alone[i], atol=1e-3, rtol=0)
        assert (together[i] - alone[(i + 1) % COUNT]).abs().mean() > 1e-2


def test_factors_of_pictures_act_as_each_alone(sd15, apply, ksample):
    factors = (1.0, 0.25, -0.5)
    together = ksample(sd15, apply(sd15.model, "sd15", schedule=WeightSchedule(None, factors)), batch=COUNT)
    assert torch.equal(together, ksample(sd15, apply(sd15.model, "sd15", weight=list(factors)), batch=COUNT))
    for i, factor in enumerate(factors):
        alone = ksample(sd15, apply(sd15.model, "sd15", weight=factor), batch=COUNT)
        torch.testing.assert_close(together[i], alone[i], atol=1e-3, rtol=0)


def test_a_picture_of_factor_zero_is_the_plain_one(sd15, apply, ksample):
    steered = ksample(sd15, apply(sd15.model, "sd15", weight=[1.0, 0.0]), batch=2)
    plain = ksample(sd15, batch=2)
    assert torch.equal(steered[1], plain[1])
    assert (steered[0] - plain[0]).abs().mean() > 1e-2


SHORT = {"repeat last": (0, 1, 1, 1, 1), "cycle": (0, 1, 0, 1, 0)}


@pytest.mark.parametrize("rule", SHORT)
def test_fewer_references_than_pictures(layer, source, rule):
    two, negative = source(entries=2), source(seed=9)
    out = layer(Attachment(two, negative, per_picture=rule), frames=5).out
    for frame, entry in enumerate(SHORT[rule]):
        one = KeyValues(
            {block: (k[entry : entry + 1], v[entry : entry + 1]) for block, (k, v) in two.layers.items()}, 4
        )
        alone = layer(Attachment(one, negative), frames=5).out
        torch.testing.assert_close(out[frame], alone[frame], atol=1e-6, rtol=0)
        torch.testing.assert_close(out[5 + frame], alone[5 + frame], atol=1e-6, rtol=0)


def test_fewer_references_than_pictures_can_be_an_error_that_names_both(sd15, ksample, per_frame):
    steered = per_frame(short_batch="error")
    ksample(sd15, steered, batch=COUNT, steps=1)
    ksample(sd15, steered, batch=2, steps=1)
    with pytest.raises(ValueError, match="there are 3 references.*the batch has 5 pictures"):
        ksample(sd15, steered, batch=5, steps=1)


def test_one_reference_is_everybodys_whatever_the_rule(sd15, ksample, per_frame, picture):
    ksample(sd15, per_frame(image=picture(1), short_batch="error"), batch=4, steps=1)


def test_long_batches_of_references_are_projected_when_asked_for_and_give_the_same(
    sd15, ksample, per_frame, picture, monkeypatch
):
    def kind(model):
        (attached,) = attachments(model)
        return type(attached.positive)

    kept = per_frame(image=picture(4, count=COUNT))
    expected = ksample(sd15, kept, batch=COUNT)
    monkeypatch.setattr(adapter_module, "KEPT_BUDGET", 0)
    on_demand = per_frame(image=picture(4, count=COUNT))
    assert (kind(kept), kind(on_demand)) == (KeyValues, KeyValuesOnDemand)
    torch.testing.assert_close(ksample(sd15, on_demand, batch=COUNT), expected, atol=1e-5, rtol=0)


def test_each_picture_is_projected_once_for_a_call_where_it_is_asked_for(layer, source):
    """Not once for each row, and with the tokens already on the device of the layer."""
    asked = []
    references, negative = source(entries=COUNT), source(seed=9)

    def project(block, tokens):
        asked.append((len(tokens), tokens.device))
        return references.pick(block, range(len(tokens)))

    on_demand = KeyValuesOnDemand(torch.zeros(COUNT, 4, 8), (BLOCK,), project, 4)
    out = layer(Attachment(on_demand, negative), frames=COUNT + 2).out
    assert asked == [(COUNT, out.device)]
    torch.testing.assert_close(out, layer(Attachment(references, negative), frames=COUNT + 2).out)


def test_beyond_its_budget_a_run_makes_keys_anew_and_gives_the_same(layer, source, monkeypatch):
    from pack.attention.sampling import run

    attachment = Attachment(source(entries=COUNT), source(seed=9))
    kept = layer(attachment, frames=COUNT).out
    monkeypatch.setattr(run, "STORE_BUDGET", 0)
    assert torch.equal(layer(attachment, frames=COUNT).out, kept)


def test_the_factor_of_a_schedule_is_that_of_the_percent_of_each_step(source, sampling):
    course = Schedule(((0.1, 1.0), (0.4, -0.5), (0.9, 2.0)))
    run = Run([Attachment(source(), source(), schedule=course)], sampling, Conditionings({}, {}))
    for percent in (0.05, 0.1, 0.25, 0.4, 0.5, 0.75, 0.9, 0.99):
        (acting,) = run.acting(float(sampling.percent_to_sigma(percent)))
        assert acting.factor == pytest.approx(course.factor(percent), abs=2e-2), percent


def test_a_step_where_the_schedule_is_zero_costs_nothing(sd15, apply, ksample):
    from comfy.patcher_extension import WrappersMP

    steered = apply(sd15.model, "sd15", schedule=WeightSchedule(Schedule(((0.5, 1.0), (0.5, 0.0)))))
    seen = []

    def spy(executor, *args, **kwargs):
        seen.append(bool(args[5].get("patches_replace", {}).get("attn2")))
        return executor(*args, **kwargs)

    steered.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
    scheduled = ksample(sd15, steered, steps=4)
    assert seen == [True, True, False, False]
    assert torch.equal(scheduled, ksample(sd15, apply(sd15.model, "sd15", end_percent=0.499), steps=4))


def test_a_schedule_at_a_constant_is_that_weight(sd15, apply, ksample):
    half = apply(sd15.model, "sd15", schedule=WeightSchedule(Schedule(((0.0, 0.5),))))
    assert torch.equal(ksample(sd15, half), ksample(sd15, apply(sd15.model, "sd15", weight=0.5)))
