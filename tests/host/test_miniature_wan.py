"""The miniature Wans are the host's own classes, depend on their seed alone, and sample."""

import pytest
import torch
from comfy.ldm.wan.model import WanI2VCrossAttention, WanT2VCrossAttention
from comfy_extras.nodes_wan import WanImageToVideo
from miniature import loaders, models, wan
from miniature.wan_kinds import KINDS, PICTURE_TOKENS

BLOCKS = {
    "wan2.1 i2v": (40, WanI2VCrossAttention),
    "wan2.1 flf2v": (40, WanI2VCrossAttention),
    "wan2.1 fun 1.3b": (30, WanI2VCrossAttention),
    "wan2.1 t2v 1.3b": (30, WanT2VCrossAttention),
    "wan2.2 i2v": (40, WanT2VCrossAttention),
    "short i2v": (4, WanI2VCrossAttention),
    "short flf2v": (4, WanI2VCrossAttention),
    "short without branch": (4, WanT2VCrossAttention),
}


@pytest.mark.parametrize("kind", KINDS)
def test_its_blocks_are_the_published_ones_of_the_hosts_classes(kind):
    network = wan.model(kind, 1).model.diffusion_model
    count, attention = BLOCKS[kind]
    assert [type(block.cross_attn) for block in network.blocks] == [attention] * count
    assert sum(p.numel() for p in network.parameters()) < 12_000_000
    for name, tensor in network.named_parameters():
        assert torch.isfinite(tensor).all() and tensor.abs().max() < 10, name
        assert tensor.ndim < 2 or tensor.std() > 1e-4, name


def test_two_kinds_of_one_seed_share_what_both_have():
    with_branch, without, other = (
        wan.model(kind, seed).model.diffusion_model.state_dict()
        for kind, seed in (("wan2.1 i2v", 1), ("wan2.2 i2v", 1), ("wan2.2 i2v", 2))
    )
    assert {name.split(".")[0] for name in with_branch.keys() - without.keys()} == {"blocks", "img_emb"}
    assert all(torch.equal(tensor, with_branch[name]) for name, tensor in without.items())
    assert not torch.equal(other["blocks.0.ffn.0.weight"], without["blocks.0.ffn.0.weight"])


def test_a_graph_of_the_host_makes_a_video_that_prompt_picture_and_seed_move():
    import nodes

    (model,) = loaders.MiniatureWan.execute("short i2v", 1).args
    (clip,), (vae,) = loaders.MiniatureWanCLIP.execute(1).args, loaders.MiniatureWanVAE.execute(1).args
    encoder = models.clip_vision("vit_h_wide", 3)
    coarse = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    pictures = torch.nn.functional.interpolate(coarse, size=(64, 64), mode="bilinear").movedim(1, -1)

    def latent(text="a red cat", picture=0, seed=1, start=None):
        seen = encoder.encode_image(pictures[picture : picture + 1])
        assert seen.penultimate_hidden_states.shape == (1, PICTURE_TOKENS, 1280)
        sides = [clip.encode_from_tokens_scheduled(clip.tokenize(words)) for words in (text, "blurry")]
        sides = WanImageToVideo.execute(*sides, vae, 64, 64, 5, 1, start_image=start, clip_vision_output=seen).args
        (made,) = nodes.KSampler().sample(model, seed, 2, 3.0, "euler", "simple", *sides)
        return made["samples"]

    plain = latent()
    assert torch.equal(latent(), plain)
    for other in (latent(text="an old sailor"), latent(picture=1), latent(seed=2), latent(start=pictures[:1])):
        assert (other - plain).abs().mean() > 0.01
    video = vae.decode(plain)
    assert video.shape[1:] == (5, 64, 64, 3) and torch.isfinite(video).all()
    assert ((video == 0) | (video == 1)).float().mean() < 0.5


def test_an_unknown_kind_is_refused_by_name():
    with pytest.raises(ValueError, match="'wan 3'.*wan2.1 i2v, wan2.1 flf2v"):
        wan.model("wan 3", 1)


def test_it_can_be_made_anew_as_the_host_does_for_further_devices():
    for patcher in (wan.model("short flf2v", 1), wan.clip(1).patcher, wan.vae(1).patcher):
        build, arguments = patcher.cached_patcher_init
        again = build(*arguments, disable_dynamic=True)
        ours, theirs = patcher.model_state_dict(), again.model_state_dict()
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
