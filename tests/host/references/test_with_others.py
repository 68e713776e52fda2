"""References that are weighed beside what other nodes and packs do to the same model."""

import comfy.ldm.modules.attention as host
import edits
import pytest
import torch
from comfy_extras.nodes_flux import FluxKVCache
from pack.attention.sampling import said
from pack.attention.sampling.attach import attachments
from pack.attention.weights.schedule import Range, Schedule

EFFECT = 1e-2


@pytest.fixture
def kontext():
    return edits.edit_model("short kontext")


def test_one_side_without_references_runs_apart_and_is_left_as_it_is(kontext, differs):
    conds = {"positive": kontext.shown(1, 2)["positive"], "negative": kontext.shown()["negative"]}
    plain = edits.edit(kontext, kontext.model, **conds)
    half = edits.edit(kontext, edits.weigh(kontext.model, 0.5, 0.5), **conds)
    off = edits.edit(kontext, edits.weigh(kontext.model, 0.0, 0.0), **conds)
    torch.testing.assert_close(off, edits.edit(kontext, kontext.model, **kontext.shown()), atol=1e-4, rtol=0)
    assert differs(half, plain) > EFFECT and differs(half, off) > EFFECT


def test_outside_its_range_a_reference_is_not_there_and_a_schedule_multiplies(kontext, differs):
    def made(*weights, **settings):
        return edits.edit(kontext, edits.weigh(kontext.model, *weights, **settings), steps=2, cfg=1.0)

    without = edits.edit(kontext, kontext.model, steps=2, cfg=1.0, **kontext.shown())
    assert torch.equal(made(1.0, 1.0, range=Range(0.4, 0.41)), without)
    assert torch.equal(made(1.0, 1.0, attn_mask=torch.zeros(1, 8, 8)), without)
    late = made(1.0, 1.0, range=Range(0.4, 1.0))
    assert differs(late, without) > 1e-3 and differs(late, edits.edit(kontext, steps=2, cfg=1.0)) > 1e-3
    assert torch.equal(made(0.6, 0.6, schedule=Schedule(((0.0, 0.5),))), made(0.3, 0.3))
    assert torch.equal(made(1.0, 1.0, schedule=Schedule(((0.3, 1.0), (0.3, 0.0)))), made(1.0, 1.0, range=Range(0, 0.3)))


def test_a_reference_that_no_prompt_has_is_said(kontext, told):
    model = told(edits.weigh(kontext.model, 0.5, 0.5, 0.5))
    edits.edit(kontext, model, steps=1)
    assert told.said == [said.nothing_to_weigh("reference 3")]


def test_each_picture_of_a_batch_has_its_own_mask(kontext):
    masks = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0))
    both = edits.edit(kontext, edits.weigh(kontext.model, 1.0, 0.5, attn_mask=masks), batch=2, steps=1)
    for i in range(2):
        alone = edits.edit(kontext, edits.weigh(kontext.model, 1.0, 0.5, attn_mask=masks[i : i + 1]), batch=2, steps=1)
        torch.testing.assert_close(both[i], alone[i], atol=1e-5, rtol=0)


def test_an_adapter_and_weights_of_references_act_together_in_any_order(flux, apply, ksample, differs):
    conds = edits.edit_model("short kontext").shown(1, 2)
    settings = dict(steps=1, **{side: [[text[:, :, :], extra]] for side, ((text, extra),) in conds.items()})
    adapted = apply(flux.model, "flux")
    one, other = edits.weigh(adapted, 0.3, 0.0), apply(edits.weigh(flux.model, 0.3, 0.0), "flux")
    made = ksample(flux, one, **settings)
    assert torch.equal(made, ksample(flux, other, **settings))
    for less in (adapted, edits.weigh(flux.model, 0.3, 0.0)):
        assert differs(made, ksample(flux, less, **settings)) > 1e-3
    off = ksample(flux, edits.weigh(adapted, 0.0, 0.0), **settings)
    without = {side: [[text, {**extra, "reference_latents": None}]] for side, ((text, extra),) in conds.items()}
    for cond in without.values():
        del cond[0][1]["reference_latents"]
    assert torch.equal(off, ksample(flux, adapted, steps=1, **without))


def test_kept_keys_and_values_of_references_are_refused(kontext):
    from pack.nodes.forms.reference_weights import ReferenceWeights

    cached = FluxKVCache.execute(kontext.model).args[0]
    with pytest.raises(ValueError, match="Remove Flux KV Cache"):
        ReferenceWeights.execute(cached, "0.5, 0.5")
    after = FluxKVCache.execute(edits.weigh(kontext.model, 0.5)).args[0]
    with pytest.raises(ValueError, match="Remove Flux KV Cache"):
        edits.edit(kontext, after, steps=1, cfg=1.0)


def test_an_attention_of_fixed_width_is_not_asked_and_that_is_said(kontext, told, monkeypatch):
    asked = []

    def sage(q, *args, **kwargs):
        asked.append(q.shape[-1])
        return host.attention_pytorch(q, *args, **kwargs)

    def override(function, *args, **kwargs):
        return sage(*args, **kwargs)

    wanted = edits.edit(kontext, edits.weigh(kontext.model, 0.5), steps=1, cfg=1.0)
    model = told(edits.weigh(kontext.model, 0.5))
    model.model_options["transformer_options"]["optimized_attention_override"] = override
    torch.testing.assert_close(edits.edit(kontext, model, steps=1, cfg=1.0), wanted, atol=1e-5, rtol=0)
    assert asked == [] and told.said == [said.other_attention("another pack")]
    edits.edit(kontext, model, steps=1, **kontext.shown())
    assert set(asked) == {32}, "where nothing is weighed, it is used"


def test_tokens_that_nobody_knows_are_left_as_they_are_and_that_is_said(kontext, told, differs):
    def longer(inputs):
        return {
            **inputs,
            **{f"txt{end}": torch.cat([inputs[f"txt{end}"][:, :2], inputs[f"txt{end}"]], 1) for end in ("", "_ids")},
        }

    def with_tokens(model):
        changed = model.clone()
        changed.set_model_post_input_patch(longer)
        return changed

    model = told(edits.weigh(kontext.model, 0.5))
    assert torch.equal(edits.edit(kontext, with_tokens(model)), edits.edit(kontext, with_tokens(kontext.model)))
    assert len(told.said) == 1 and "cannot be known" in told.said[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_no_precision_rounds_the_logarithm_of_a_weight(kontext, dtype):
    """Beside logits, which are sums of products in float32 in every kernel."""
    from pack.attention.sampling.reference_weights import ReferencesOnRows, Tokens
    from pack.attention.sampling.rows import Chunk, Conditionings, Rows
    from pack.attention.sampling.run import Run

    weights, width = (0.3, 2.0, 0.0, 1.0), 128
    model = edits.weigh(kontext.model, *weights)
    run = Run(attachments(model), model.get_model_object("model_sampling"), Conditionings({}, {}))
    tokens = Tokens(5, 1, (2, 3), (4, 3, 2, 1))
    rows = Rows((Chunk("positive"),), (0,))
    on_rows = ReferencesOnRows(run, run.acting(None), rows, tokens, 4)
    channels = on_rows.channels(tokens.references, torch.zeros(1, 2, tokens.total, width, dtype=dtype))
    assert channels.queries.dtype == dtype and channels.width == 8
    logits = (channels.queries.double() @ channels.keys.double().mT)[0, 0] * width**-0.5
    found = logits[: tokens.own].exp()
    wanted = torch.tensor(weights).repeat_interleave(torch.tensor(tokens.references))
    torch.testing.assert_close(found[:, tokens.own :].float(), wanted.expand(tokens.own, -1), atol=1e-5, rtol=1e-5)
    assert found[:, : tokens.own].eq(1).all() and logits[tokens.own :].eq(0).all()


def test_scale_adapters_goes_from_the_plain_model_to_the_weight(kontext):
    from pack.nodes.forms.scale_adapters import ScaleAdapters

    def scaled(model, factor):
        return edits.edit(kontext, ScaleAdapters.execute(model, factor).args[0], steps=1)

    weighed = edits.weigh(kontext.model, 0.0, 0.4, range=Range(0.1, 1.0))
    assert torch.equal(scaled(weighed, 0.0), edits.edit(kontext, steps=1))
    assert torch.equal(
        scaled(edits.weigh(kontext.model, 0.0, 0.5), 0.5),
        edits.edit(kontext, edits.weigh(kontext.model, 0.5, 0.75), steps=1),
    )
    assert len(attachments(weighed)) == 2
