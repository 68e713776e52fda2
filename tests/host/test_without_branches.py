"""Transformers that no branch acts in: the host's own classes sample as miniatures, and every node says what it found."""

import pytest
import torch
from comfy.ldm.qwen_image.model import QwenImageTransformerBlock
from miniature import loaders
from miniature.without_branches import model
from miniature.without_branches_kinds import TEXT

import nodes

BLOCKS = {
    "qwen image": (60, lambda network: network.transformer_blocks, QwenImageTransformerBlock),
}


def latent(kind, seed=1, prompt=1):
    generator = torch.Generator().manual_seed(prompt)
    text = [[torch.randn(1, 9, TEXT, generator=generator), {}]]
    (made,) = loaders.MiniatureTransformer.execute(kind, seed).args
    (out,) = nodes.KSampler().sample(
        made, 5, 2, 3.0, "euler", "simple", text, text, {"samples": torch.zeros(1, 16, 16, 16)}
    )
    return out["samples"]


@pytest.mark.parametrize("kind", BLOCKS)
def test_it_is_the_hosts_own_and_depends_on_seed_and_prompt(kind):
    count, blocks, block = BLOCKS[kind]
    assert [type(each) for each in blocks(model(kind, 1).model.diffusion_model)] == [block] * count
    made = latent(kind)
    assert torch.isfinite(made).all() and torch.equal(latent(kind), made)
    for other in (latent(kind, seed=2), latent(kind, prompt=2)):
        assert (other - made).abs().mean() > 1e-3


@pytest.mark.parametrize("family", ["sdxl", "flux"])
@pytest.mark.parametrize("kind", BLOCKS)
def test_apply_ip_adapter_says_what_it_found_and_what_would_fit(kind, family, apply):
    network = type(model(kind, 1).model.diffusion_model).__name__
    with pytest.raises(ValueError, match=rf"the connected model is \w+ \({network}\).*[Cc]onnect an? (SDXL|FLUX)"):
        apply(model(kind, 1), family)


@pytest.mark.parametrize("kind", BLOCKS)
def test_scale_image_branch_says_that_there_is_none(kind):
    from pack.nodes.forms.scale_image_branch import ScaleImageBranch

    network = type(model(kind, 1).model.diffusion_model).__name__
    with pytest.raises(ValueError, match=rf"{network}.*Wan 2.1"):
        ScaleImageBranch.execute(model(kind, 1), weight=0.5)


def test_an_unknown_kind_is_refused_by_name():
    with pytest.raises(ValueError, match="'sd4'.*qwen image"):
        model("sd4", 1)
