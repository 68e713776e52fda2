"""Adapters on FLUX: what differs from a UNet, beside what its blocks are given by others."""

import pytest
import torch
from comfy.patcher_extension import WrappersMP
from pack.attention.branch.build import unconditional
from pack.attention.models.kinds import FLUX, kind_of
from pack.attention.reference.encode import encode
from pack.attention.sampling.attach import attachments

EFFECT = 1e-2


def models_of(kind, flux):
    """A model of another kind with the conditionings of `flux`."""
    from types import SimpleNamespace

    from miniature import flux as miniature

    return SimpleNamespace(**{**vars(flux), "family": kind, "model": miniature.model(kind, 1)})


@pytest.mark.parametrize("kind", ["flux dev", "flux schnell", "chroma"])
def test_every_relative_with_its_blocks_is_steered(kind, flux, apply, ksample, differs):
    base = models_of(kind, flux)
    assert kind_of(base.model) is FLUX
    plain = ksample(base, base.model, steps=1)
    assert torch.equal(ksample(base, apply(base.model, "flux", weight=0.0), steps=1), plain)
    assert differs(ksample(base, apply(base.model, "flux"), steps=1), plain) > EFFECT


@pytest.mark.parametrize("size", [(16, 16), (15, 21)], ids=str)
def test_a_mask_lies_on_the_tokens_of_the_picture(size, flux, apply, ksample, layers_of_a_run):
    height, width = size
    left = torch.zeros(1, 8 * height, 8 * width)
    left[..., : 4 * width] = 1
    ksample(flux, apply(flux.model, "flux", attn_mask=left), *size, steps=1)
    site, layer = layers_of_a_run[0]
    rows, columns = -(-height // 2), -(-width // 2)
    assert site.grid == (rows, columns) and site.rest == 0
    (branch,) = layer.branches
    grid = branch.mask.reshape(-1, rows, columns)[0].cpu()
    assert torch.equal(grid[:, : columns // 2], torch.ones(rows, columns // 2))
    assert torch.equal(grid[:, columns // 2 + 1 :], torch.zeros(rows, columns - columns // 2 - 1))


def test_a_mask_leaves_what_it_does_not_reach(flux, apply, ksample, differs):
    full = ksample(flux, apply(flux.model, "flux"))
    assert torch.equal(ksample(flux, apply(flux.model, "flux", attn_mask=torch.ones(1, 64, 64))), full)
    left = torch.zeros(1, 128, 128)
    left[..., :64] = 1
    half = ksample(flux, apply(flux.model, "flux", attn_mask=left))
    assert differs(half, full) > 1e-3 and differs(half, ksample(flux)) > 1e-3


@pytest.mark.parametrize("combine", ["one per frame", "concat"])
def test_each_picture_of_a_batch_gets_its_own_reference_and_mask(combine, flux, apply, ksample, picture, differs):
    references = torch.cat([picture(1), picture(2)])
    masks = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(0))
    inputs = dict(image=references, combine=combine, attn_mask=masks)
    both = ksample(flux, apply(flux.model, "flux", **inputs), batch=2, steps=1)
    for number in range(2):
        mine = references[number : number + 1] if combine == "one per frame" else references
        alone = apply(flux.model, "flux", image=mine, attn_mask=masks[number : number + 1])
        wanted = ksample(flux, alone, batch=2, steps=1)[number]
        torch.testing.assert_close(both[number], wanted, atol=1e-4, rtol=0)
    assert differs(both[0], both[1]) > EFFECT


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_the_negative_prompt_gets_the_black_picture_and_only_where_there_is_guidance(
    cfg, flux, apply, load, ksample, picture, differs
):
    loaded = load("flux")
    black = torch.zeros(1, 224, 224, 3)
    none = unconditional(loaded.adapter, loaded.clip_vision)
    assert torch.equal(none.feature("image_embeds"), encode(loaded.clip_vision, black).feature("image_embeds"))
    assert none.feature("image_embeds").abs().max() > 0.1, "not the zeros of other adapters"
    usual = ksample(flux, apply(flux.model, "flux"), cfg=cfg)
    away = apply(flux.model, "flux", negative_embeds=encode(loaded.clip_vision, picture(2)))
    assert (differs(ksample(flux, away, cfg=cfg), usual) > 1e-3) == (cfg != 1)
    assert differs(usual, ksample(flux, cfg=cfg)) > EFFECT


def with_reference_latents(conditioning):
    latent = torch.randn(1, 16, 12, 10, generator=torch.Generator().manual_seed(5))
    return [[tokens, extra | {"reference_latents": [latent]}] for tokens, extra in conditioning]


def test_tokens_of_reference_latents_are_steered_too_unless_there_is_a_mask(
    flux, apply, ksample, differs, layers_of_a_run
):
    conds = {name: with_reference_latents(getattr(flux, name)) for name in ("positive", "negative")}
    plain = ksample(flux, flux.model, steps=1, **conds)
    whole = ksample(flux, apply(flux.model, "flux"), steps=1, **conds)
    assert {site.rest for site, _ in layers_of_a_run} == {6 * 5}
    layers_of_a_run.clear()
    masked = ksample(flux, apply(flux.model, "flux", attn_mask=torch.ones(1, 8, 8)), steps=1, **conds)
    _, layer = layers_of_a_run[0]
    (mask,) = (branch.mask[0, :, 0] for branch in layer.branches)
    assert mask[:64].eq(1).all() and mask[64:].eq(0).all() and len(mask) == 64 + 30
    assert differs(whole, plain) > EFFECT and differs(masked, plain) > EFFECT and differs(whole, masked) > 1e-4
    assert torch.equal(ksample(flux, apply(flux.model, "flux", weight=0.0), steps=1, **conds), plain)


def test_a_block_that_is_skipped_stays_skipped(flux, apply, ksample, differs):
    """As the host's Skip Layer Guidance does it."""

    def with_skip(model):
        changed = model.clone()
        changed.set_model_patch_replace(lambda args, extra: args, "dit", "double_block", 2)
        return changed

    orders = (with_skip(apply(flux.model, "flux")), apply(with_skip(flux.model), "flux"))
    one, other = (ksample(flux, model) for model in orders)
    assert torch.equal(one, other)
    assert differs(one, ksample(flux, with_skip(flux.model))) > EFFECT
    assert differs(one, ksample(flux, apply(flux.model, "flux"))) > 1e-4


def test_patches_of_other_packs_act_in_the_same_blocks_in_either_order(flux, apply, ksample, differs):
    def doubled(q, k, v, pe, attn_mask, extra_options):
        return {"q": 2 * q} if extra_options["block_type"] == "double" else {}

    def louder(attn, extra_options):
        return 1.5 * attn

    def with_patches(model):
        changed = model.clone()
        changed.set_model_attn1_patch(doubled)
        changed.set_model_patch(louder, "attn1_output_patch")
        return changed

    one, other = with_patches(apply(flux.model, "flux")), apply(with_patches(flux.model), "flux")
    made = ksample(flux, one)
    assert torch.equal(made, ksample(flux, other))
    assert differs(made, ksample(flux, with_patches(flux.model))) > EFFECT
    assert differs(made, ksample(flux, apply(flux.model, "flux"))) > EFFECT


def test_residuals_of_a_controlnet_are_added_beside_ours(flux, apply, ksample, differs):
    residual = torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(3))

    def controlled(model):
        changed = model.clone()

        def give(executor, x, t, context, y, guidance, refs, control, *args, **kwargs):
            given = {"input": [residual.to(x, copy=True)] * 19, "output": []}
            return executor(x, t, context, y, guidance, refs, given, *args, **kwargs)

        changed.add_wrapper(WrappersMP.DIFFUSION_MODEL, give)
        return changed

    plain = ksample(flux, controlled(flux.model))
    assert torch.equal(ksample(flux, controlled(apply(flux.model, "flux", weight=0.0))), plain)
    both = ksample(flux, controlled(apply(flux.model, "flux")))
    assert differs(both, plain) > EFFECT and differs(both, ksample(flux, apply(flux.model, "flux"))) > EFFECT


def test_rows_that_another_pack_has_made_are_left_out_and_it_is_said(flux, apply, ksample):
    from dataclasses import replace

    told = []

    def twice(executor, x, t, context, *args, **kwargs):
        """As packs do that run more rows than the host asked for."""
        more = (torch.cat([each, each]) if isinstance(each, torch.Tensor) else each for each in (x, t, context, *args))
        return executor(*more, **kwargs)[: len(x)]

    steered = apply(flux.model, "flux")
    (branch,) = attachments(steered)
    from pack.attention.sampling.attach import with_attachments

    steered = with_attachments(flux.model, (replace(branch, tell=told.append),))
    steered.add_wrapper(WrappersMP.DIFFUSION_MODEL, twice)
    ksample(flux, steered, steps=1)
    assert len(told) == 1 and "made 4 rows of 2" in told[0]


@pytest.mark.parametrize("rule", ["orthogonal", "orthogonal v2", "norm cap"])
def test_rules_that_need_the_texts_own_attention_are_refused(rule, flux, apply):
    with pytest.raises(ValueError, match=f"fusion '{rule}' compares.*blocks of FLUX do not have.*Set it to 'add'"):
        apply(flux.model, "flux", fusion=rule)


@pytest.mark.parametrize("scaling", ["K+V", "K+V w/ C penalty", "K+mean(V) w/ C penalty"])
def test_every_embeds_scaling_acts_alone_and_for_each_picture(scaling, flux, apply, ksample, differs):
    from pack.nodes.wires import WeightSchedule

    one = ksample(flux, apply(flux.model, "flux", weight=0.6, embeds_scaling=scaling), batch=2, steps=1)
    frames = WeightSchedule(None, (0.6, 0.3))
    each = ksample(flux, apply(flux.model, "flux", embeds_scaling=scaling, schedule=frames), batch=2, steps=1)
    torch.testing.assert_close(each[0], one[0], atol=1e-4, rtol=0)
    assert differs(each[1], one[1]) > 1e-3 and differs(one, ksample(flux, batch=2, steps=1)) > 1e-3


def test_long_batches_make_keys_and_values_as_they_are_asked_for(flux, apply, ksample, picture, monkeypatch):
    from pack.attention.adapter import adapter as module
    from pack.attention.adapter.key_values import KeyValuesOnDemand

    references = torch.cat([picture(seed) for seed in (1, 2, 3)])
    inputs = dict(image=references, combine="one per frame")
    kept = ksample(flux, apply(flux.model, "flux", **inputs), batch=3, steps=1)
    monkeypatch.setattr(module, "KEPT_BUDGET", 0)
    steered = apply(flux.model, "flux", **inputs)
    assert isinstance(attachments(steered)[0].positive, KeyValuesOnDemand)
    assert torch.equal(ksample(flux, steered, batch=3, steps=1), kept)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_weights_of_lower_precision_are_steered_as_much(dtype, flux, apply, ksample, differs):
    from types import SimpleNamespace

    from miniature import flux as miniature

    base = SimpleNamespace(**{**vars(flux), "family": str(dtype), "model": miniature.model("short dev", 1, dtype)})
    plain, steered = (ksample(base, model, steps=1) for model in (base.model, apply(base.model, "flux")))
    exact = differs(ksample(flux, apply(flux.model, "flux"), steps=1), ksample(flux, steps=1))
    assert differs(steered, plain) == pytest.approx(exact, rel=0.1)
    assert torch.equal(ksample(base, apply(base.model, "flux", weight=0.0), steps=1), plain)
