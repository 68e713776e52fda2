"""The miniature models have the published layouts, depend on their seed alone, and sample."""

import pytest

pytest.importorskip("comfy", reason="needs ComfyUI: set LIKENESS_COMFYUI")

import comfy.sample
import torch
from comfy.ldm.modules.attention import optimized_attention
from miniature import adapters, loaders, models
from miniature.face_parts import BODY
from miniature.families import ENCODERS, FAMILIES

COUNTS = {"sd15": 16, "sdxl": 70}
# (side, block, layers, width) in checkpoint order, from the published layouts.
STAGES = {
    "sd15": [
        *(("input", b, 1, w) for b, w in ((1, 32), (2, 32), (4, 64), (5, 64), (7, 128), (8, 128))),
        *(("output", b, 1, w) for b, w in zip(range(3, 12), [128] * 3 + [64] * 3 + [32] * 3, strict=True)),
        ("middle", 0, 1, 128),
    ],
    "sdxl": [
        *(("input", b, d, w) for b, d, w in ((4, 2, 64), (5, 2, 64), (7, 10, 128), (8, 10, 128))),
        *(("output", b, 10 if b < 3 else 2, 128 if b < 3 else 64) for b in range(6)),
        ("middle", 0, 10, 128),
    ],
}
families = pytest.mark.parametrize("family", FAMILIES)


def layers(family):
    """Pairs of block key and width in checkpoint order."""
    return [((side, block, t), width) for side, block, depth, width in STAGES[family] for t in range(depth)]


@pytest.fixture(scope="module")
def unets():
    return {family: models.unet(family, 1) for family in FAMILIES}


@pytest.fixture(scope="module")
def clips():
    return {family: models.clip(family, 2) for family in FAMILIES}


def conditioning(clip, text):
    return clip.encode_from_tokens_scheduled(clip.tokenize(text))


def sampled(unet, clip, prompt="a red house", seed=1, size=(16, 16), positive=None):
    noise = torch.randn((1, 4, *size), generator=torch.Generator().manual_seed(seed))
    positive = conditioning(clip, prompt) if positive is None else positive
    negative = conditioning(clip, "")
    return comfy.sample.sample(
        unet,
        noise,
        4,
        5.0,
        "euler",
        "normal",
        positive,
        negative,
        torch.zeros_like(noise),
        disable_pbar=True,
        seed=seed,
    )


@families
def test_every_cross_attention_of_the_published_layout_fires(family, unets, clips):
    patched, widths, indices = unets[family].clone(), {}, set()

    def remember(q, k, v, extra):
        key = (*extra["block"], extra["block_index"])
        widths[key] = q.shape[-1]
        indices.add(extra["transformer_index"])
        return optimized_attention(q, k, v, extra["n_heads"])

    for key, _ in layers(family):
        patched.set_model_attn2_replace(remember, *key)
    sampled(patched, clips[family])
    assert widths == dict(layers(family))
    assert len(widths) == COUNTS[family]


@families
def test_a_base_model_is_small_and_its_heads_are_the_published_ones(family, unets):
    network = unets[family].model.diffusion_model
    assert sum(p.numel() for p in network.parameters()) <= 25_000_000
    heads = {"sd15": [8] * 7, "sdxl": [4, 4, 8, 8, 8]}[family]  # sdxl: 16 channels a head
    firsts = [next(adapters.transformer_blocks(b), None) for b in (*network.input_blocks, network.middle_block)]
    assert [block.attn2.heads for block in firsts if block is not None] == heads


@families
def test_the_seed_alone_decides_every_weight(family, unets, clips):
    def weights(patcher):
        return {name: tensor.cpu() for name, tensor in patcher.model_state_dict().items() if tensor.ndim}

    def differing(a, b):
        return [name for name in a if not torch.equal(a[name], b[name])]

    for build, first in (
        (lambda seed: models.unet(family, seed), unets[family]),
        (lambda seed: models.clip(family, seed).patcher, clips[family].patcher),
    ):
        seed = 1 if first is unets[family] else 2
        torch.manual_seed(999)  # the global state must not matter
        before = weights(first)
        assert differing(before, weights(build(seed))) == []
        learned = [name for name, tensor in before.items() if "sampling" not in name and "augmentor" not in name]
        assert set(learned) <= set(differing(before, weights(build(seed + 1))))


@families
def test_nothing_is_left_uninitialised(family, unets, clips):
    vision = [models.clip_vision(kind, 4).model for kind in ENCODERS if kind != BODY]  # which the host has not
    networks = [unets[family].model, clips[family].cond_stage_model, models.vae(3, family).first_stage_model]
    for network in (*networks, *vision, models.controlnet(5, family).control_model):
        for name, tensor in network.named_parameters():
            assert torch.isfinite(tensor).all(), name
            assert tensor.abs().max() < 10, name
            assert tensor.ndim < 2 or tensor.std() > 1e-4, name


@families
@pytest.mark.parametrize("size", [(16, 16), (16, 24), (32, 32)], ids=str)
def test_sampling_gives_a_finite_varied_picture(family, size, unets, clips):
    latent = sampled(unets[family], clips[family], size=size)
    assert torch.isfinite(latent).all()
    deviation = (latent * FAMILIES[family].latent_scale).std()
    assert 0.2 < deviation < 5, "latents of the size a real model gives"
    picture = models.vae(3, family).decode(latent)
    assert picture.shape == (1, 8 * size[0], 8 * size[1], 3)
    assert picture.std(dim=(0, 1, 2)).min() > 0.05
    assert ((picture == 0) | (picture == 1)).float().mean() < 0.5


@families
def test_prompt_seed_and_weights_each_move_the_picture(family, unets, clips):
    unet, clip, vae = unets[family], clips[family], models.vae(3, family)
    picture = vae.decode(sampled(unet, clip))
    assert torch.equal(vae.decode(sampled(unet, clip)), picture)
    for other in (
        sampled(unet, clip, prompt="an old sailor"),
        sampled(unet, clip, seed=2),
        sampled(models.unet(family, 7), clip),
    ):
        assert (vae.decode(other) - picture).abs().mean() > 0.02


@families
def test_a_prompt_fills_the_context_of_the_base_model(family, unets, clips):
    [[context, extra]] = conditioning(clips[family], "a red house")
    assert context.shape == (1, 77, FAMILIES[family].context_dim)
    if family == "sdxl":
        adm = unets[family].model.diffusion_model.label_emb[0][0].in_features
        assert extra["pooled_output"].shape[-1] + 1536 == adm


def test_an_autoencoder_reads_and_writes_pictures():
    vae = models.vae(3)
    picture = torch.linspace(0, 1, 64)[None, :, None, None].expand(1, 64, 64, 3).contiguous()
    latent = vae.encode(picture)
    assert latent.shape == (1, 4, 8, 8)
    assert torch.isfinite(latent).all() and latent.std() > 0.01


@pytest.mark.parametrize(("kind", "tokens"), [("vit_h", 257), ("vit_bigg", 257), ("vit_l_336", 577)])
def test_an_image_encoder_tells_pictures_apart(kind, tokens):
    encoder = models.clip_vision(kind, 4)
    noise = torch.rand((1, 300, 224, 3), generator=torch.Generator().manual_seed(0))
    ramp = torch.linspace(0, 1, 224)[None, :, None, None].expand(1, 224, 224, 3).contiguous()
    one, two = encoder.encode_image(noise), encoder.encode_image(ramp)
    assert one["penultimate_hidden_states"].shape == (1, tokens, ENCODERS[kind].hidden)
    assert one["image_embeds"].shape == (1, ENCODERS[kind].projection)
    assert torch.cosine_similarity(one["image_embeds"], two["image_embeds"]).item() < 0.95
    assert torch.equal(models.clip_vision(kind, 4).encode_image(noise)["image_embeds"], one["image_embeds"])


def test_encoders_cannot_be_mistaken_for_each_other():
    widths = [width for encoder in ENCODERS.values() for width in (encoder.hidden, encoder.projection)]
    assert len({encoder.hidden for encoder in ENCODERS.values()}) == len(ENCODERS)
    assert len({encoder.projection for encoder in ENCODERS.values()}) == len(ENCODERS)
    assert all(encoder.hidden != encoder.projection or encoder.pools_by_head for encoder in ENCODERS.values()), widths


@families
def test_a_controlnet_moves_the_picture(family, unets, clips):
    net = models.controlnet(5, family)
    hint = torch.rand((1, 3, 128, 128), generator=torch.Generator().manual_seed(0))
    [[context, extra]] = conditioning(clips[family], "a red house")
    face = [[context, extra | {"cross_attn_controlnet": context.flip(-1)}]]

    def controlled(hint, text=None):
        applied = net.copy().set_cond_hint(hint, 1.0, (0.0, 1.0))
        keys = {"control": applied, "control_apply_to_uncond": True}
        return [[tokens, extra | keys] for tokens, extra in text or [[context, extra]]]

    plain = sampled(unets[family], clips[family])
    moved = sampled(unets[family], clips[family], positive=controlled(hint))
    assert torch.isfinite(moved).all()
    assert 0.05 < (moved - plain).std() / plain.std() < 2
    for other in (controlled(hint.flip(-1)), controlled(hint, face)):  # it sees its hint and its context
        assert (sampled(unets[family], clips[family], positive=other) - moved).abs().max() > 1e-3
    blocks = list(adapters.transformer_blocks(net.control_model))
    assert len(blocks) == {"sd15": 7, "sdxl": 34}[family]


@pytest.mark.parametrize("make", [models.unet, models.clip], ids=["unet", "clip"])
def test_an_unknown_family_is_refused_by_name(make):
    with pytest.raises(ValueError, match="'flux'.*sd15, sdxl"):
        make("flux", 1)


@families
def test_a_patcher_can_be_made_anew_as_the_host_does_for_further_devices(family, unets, clips):
    for patcher in (unets[family], clips[family].patcher, models.vae(3, family).patcher):
        build, arguments = patcher.cached_patcher_init
        again = build(*arguments, disable_dynamic=True)
        ours, theirs = patcher.model_state_dict(), again.model_state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)


def test_each_node_gives_the_model_of_its_family_and_seed(unets):
    model, clip, vae = loaders.MiniatureModel.execute("sd15", 1).args
    (encoder,) = loaders.MiniatureCLIPVision.execute("vit_bigg", 4).args
    (net,) = loaders.MiniatureControlNet.execute("sdxl", 5).args
    name = "diffusion_model.out.2.weight"
    assert torch.equal(model.model_state_dict()[name], unets["sd15"].model_state_dict()[name])
    assert torch.isfinite(vae.decode(sampled(model, clip))).all()
    assert encoder.config["hidden_size"] == ENCODERS["vit_bigg"].hidden
    assert torch.equal(
        net.control_model.middle_block_out[0].weight, models.controlnet(5).control_model.middle_block_out[0].weight
    )
