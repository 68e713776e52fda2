"""InstantX's adapter on a FLUX model of the published number of blocks: what is particular about it."""

from functools import cache
from types import SimpleNamespace

import comfy.model_management
import pytest
import torch
from pack.attention.adapter.key_values import KeyValues, NoTokens
from pack.attention.branch.build import unconditional
from pack.attention.reference.encode import encode
from pack.attention.sampling.attach import attachments
from pack.attention.sampling.run import Run
from pack.nodes.forms.encode_reference import EncodeReference

BLOCKS = 57
EFFECT = 1e-2
SEED = 7  # of the adapter that `apply` loads; `load` keeps one for each way it is asked


@cache
def whole_model():
    from miniature import flux

    return flux.model("flux dev", 1)


@pytest.fixture
def whole(flux):
    """FLUX with all its single blocks."""
    return SimpleNamespace(**{**vars(flux), "family": "flux dev", "model": whole_model()})


@pytest.fixture
def steer(whole, apply):
    return lambda **inputs: apply(inputs.pop("model", whole.model), "flux", "instantx", **inputs)


@pytest.fixture
def sample(whole, ksample):
    return lambda model=None, **settings: ksample(whole, model or whole.model, **{"steps": 1, "cfg": 1.0, **settings})


def test_all_blocks_act_and_their_text_rows_and_nothing_remains(steer, sample, load, differs, layers_of_a_run):
    plain = sample()
    steered = steer(weight=0.7)
    (branch,) = attachments(steered)
    assert branch.way.joins == "attention" and branch.positive.num_tokens == 128
    assert differs(sample(steered), plain) > EFFECT
    sites = [site for site, layer in layers_of_a_run if layer.branches]
    assert len({site.key for site in sites}) == BLOCKS
    assert {(site.key[0], site.lead > 0, site.rest) for site in sites} == {("double", False, 0), ("single", True, 0)}
    loaded = [entry.model for entry in comfy.model_management.current_loaded_models]
    assert load("flux", "instantx", SEED).adapter.patcher not in loaded, "the projector is gone while the model samples"
    for idle in (dict(weight=0.0), dict(attn_mask=torch.zeros(1, 8, 8)), dict(start_percent=0.999)):
        assert torch.equal(sample(steer(**idle)), plain)


def test_nothing_acts_on_the_negative_prompt_unless_a_picture_is_given(
    steer, sample, load, picture, differs, monkeypatch
):
    loaded, asked = load("flux", "instantx"), []
    answer = Run._layer
    monkeypatch.setattr(Run, "_layer", lambda self, acting, *rest: asked.append(acting) or answer(self, acting, *rest))
    saved = EncodeReference.execute(loaded, picture(1)).args
    assert torch.equal(saved[1].feature("image_embeds"), torch.zeros(1, 160))
    usual = steer(weight=0.7)
    assert isinstance(attachments(usual)[0].negative, NoTokens)
    guided = sample(usual, cfg=4.0)
    by_embeds = steer(weight=0.7, embeds=saved[0], negative_embeds=saved[1])
    assert torch.equal(sample(by_embeds, cfg=4.0), guided)
    away = steer(weight=0.7, negative_embeds=encode(loaded.clip_vision, picture(2)))
    both = steer(weight=0.7, negative_embeds=saved[0])
    assert differs(sample(away, cfg=4.0), guided) > 1e-3 and differs(sample(both, cfg=4.0), guided) > 1e-3
    asked.clear()
    usual.set_model_sampler_calc_cond_batch_function(one_at_a_time)
    apart = sample(usual, cfg=4.0)
    assert {len(acting) for acting in asked} == {0, 1}, "the negative rows alone: nothing is computed for them"
    torch.testing.assert_close(apart, guided, atol=1e-4, rtol=0)


def one_at_a_time(args):
    import comfy.samplers

    given = (args["input"], args["sigma"], args["model_options"] | {"sampler_calc_cond_batch_function": None})
    options = {k: v for k, v in given[2].items() if k != "sampler_calc_cond_batch_function"}
    return [comfy.samplers.calc_cond_batch(args["model"], [cond], *given[:2], options)[0] for cond in args["conds"]]


def test_a_mask_lies_on_the_picture_and_its_mean_on_the_text(steer, sample, layers_of_a_run, differs):
    full = sample(steer())
    ones = sample(steer(attn_mask=torch.ones(1, 64, 64)))
    assert torch.equal(ones, full)
    layers_of_a_run.clear()
    left = torch.zeros(1, 128, 128)
    left[..., :64] = 1
    half = sample(steer(attn_mask=left), width=20)
    masks = {site.key[0]: (site, layer.branches[0].mask[0, :, 0]) for site, layer in layers_of_a_run}
    assert differs(half, sample(steer(), width=20)) > 1e-3 and differs(half, sample(width=20)) > 1e-3
    site, mask = masks["single"]
    picture = mask[site.lead :].reshape(site.grid)
    assert (
        torch.equal(masks["double"][1], mask[site.lead :]) and picture[:, 0].eq(1).all() and picture[:, -1].eq(0).all()
    )
    torch.testing.assert_close(mask[: site.lead], picture.mean().expand(site.lead))


def test_each_picture_of_a_batch_gets_its_own_reference_and_schedules_act(steer, sample, picture, differs):
    from pack.nodes.wires import WeightSchedule

    references = torch.cat([picture(1), picture(2)])
    both = sample(steer(image=references, combine="one per frame"), batch=2)
    for number in range(2):
        alone = sample(steer(image=references[number : number + 1]), batch=2)[number]
        torch.testing.assert_close(both[number], alone, atol=1e-4, rtol=0)
    assert differs(both[0], both[1]) > EFFECT
    frames = sample(steer(schedule=WeightSchedule(None, (1.0, 0.2))), batch=2)
    full = sample(steer(), batch=2)
    torch.testing.assert_close(frames[0], full[0], atol=1e-4, rtol=0)
    assert differs(frames[1], full[1]) > 1e-3
    together = sample(steer(image=references))
    assert differs(together, sample(steer())) > 1e-3


def test_beside_xlabs_and_whatever_else_is_on_the_model(whole, steer, sample, apply, differs):
    """Both adapters in either order, another pack's patches, a skipped block, reference latents."""
    one = steer(model=apply(whole.model, "flux", weight=0.6), weight=0.7)
    other = apply(steer(weight=0.7), "flux", weight=0.6)
    assert torch.equal(sample(one), sample(other))
    assert differs(sample(one), sample(steer(weight=0.7))) > EFFECT

    def with_patches(model):
        changed = model.clone()
        changed.set_model_patch(lambda attn, extra_options: 1.5 * attn, "attn1_output_patch")
        changed.set_model_patch_replace(lambda args, extra: args, "dit", "single_block", 3)
        return changed

    made = sample(with_patches(steer(weight=0.7)))
    assert torch.equal(made, sample(steer(model=with_patches(whole.model), weight=0.7)))
    assert differs(made, sample(with_patches(whole.model))) > EFFECT
    assert differs(made, sample(steer(weight=0.7))) > 1e-3
    latent = torch.randn(1, 16, 12, 10, generator=torch.Generator().manual_seed(5))
    positive = [[tokens, extra | {"reference_latents": [latent]}] for tokens, extra in whole.positive]
    assert differs(sample(steer(), positive=positive), sample(positive=positive)) > EFFECT
    nothing = sample(steer(weight=0.0), positive=positive)
    assert torch.equal(nothing, sample(positive=positive))


def test_keys_are_normed_and_values_only_where_asked(
    whole, steer, load, tmp_path, picture, layers_of_a_run, sample, differs
):
    from miniature import flux
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
    from pack.nodes.wires import LoadedAdapter

    usual = sample(steer())
    tokens = layers_of_a_run[0][1].branches[0].tokens
    heads = (part.unflatten(-1, (2, -1)).square().mean(-1).sqrt() for part in (tokens.key, tokens.value))
    key, value = heads
    torch.testing.assert_close(key, torch.ones_like(key), atol=1e-3, rtol=0)
    assert (value - 1).abs().max() > 0.1
    path = tmp_path / "old.safetensors"
    flux.write_adapter("instantx", 7, path)
    loaded = LoadedAdapter(Adapter(checkpoint.read(path), "instantx_k_and_v"), load("flux", "instantx").clip_vision)
    old = sample(ApplyIPAdapter.execute(whole.model, loaded, image=picture(1)).args[0])
    assert differs(old, usual) > 1e-3


def test_keys_and_values_are_kept_as_the_model_computes(load, picture):
    from miniature import flux
    from pack.attention.branch.build import key_values

    loaded = load("flux", "instantx")
    embeds = encode(loaded.clip_vision, picture(1), loaded.adapter.fit)
    model = flux.model("short dev", 1)
    model.model.manual_cast_dtype = torch.bfloat16
    kept = key_values(loaded.adapter, embeds, model=model)
    exact = key_values(loaded.adapter, embeds, model=flux.model("short dev", 1))
    assert isinstance(kept, KeyValues) and kept.memory.dtype == torch.bfloat16 and exact.memory.dtype == torch.float32
    assert kept.nbytes * 2 == exact.nbytes == 4 * 2 * BLOCKS * 128 * 64
    published = kept.nbytes * 3072 // 64
    assert published == 89_653_248  # bytes of a picture at the published width


def test_an_encoder_without_its_head_is_told(steer, load, picture):
    from miniature import models

    loaded = load("flux", "instantx")
    headless = models.clip_vision("siglip", 3)
    says = "reads image_embeds; the embeds contain penultimate.*leaves out the head of SigLIP.*leave 'clip_vision' unconnected"
    with pytest.raises(ValueError, match=says):
        loaded.adapter.tokens(encode(headless, picture(1)))
    with pytest.raises(ValueError, match="reads image_embeds of width 160.*gives 40"):
        loaded.adapter.tokens(encode(models.clip_vision("vit_l", 3), picture(1)))
    assert unconditional(loaded.adapter, None).encoder == "zeros"


@pytest.mark.parametrize("family", ["sdxl", "sd15"])
def test_on_a_unet_it_is_refused(family, request, apply):
    base = request.getfixturevalue(family)
    says = r"InstantX IP-Adapter for FLUX.1 \(57 blocks\); the connected model is SD.*Connect a FLUX.1 model"
    with pytest.raises(ValueError, match=says):
        apply(base.model, "flux", "instantx")
    with pytest.raises(ValueError, match=r"IP-Adapter for SD.*the connected model is FLUX.1 \(21 blocks\)"):
        apply(request.getfixturevalue("flux").model, family)
    with pytest.raises(ValueError, match=r"\(57 blocks\); the connected model is FLUX.1 \(21 blocks\)"):
        apply(request.getfixturevalue("flux").model, "flux", "instantx")
