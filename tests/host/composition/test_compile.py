"""TorchCompileModel on a steered model: the uncompiled picture, and no new graph for another weight.

The node's options are the core's own (it drops every guard that mentions the options); only the backend is
'eager', so that no C++ compiler is needed. The model is a UNet of sd15's kind with six cross-attentions of one
shape, which share their compiled code: what is for one layer must not serve another. Tests share one
compiler: each begins with the graphs that the ones before it, whichever they were, have left.
"""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from pack.attention.weights.schedule import Range

LAYERS = (("input", 1, 0), ("input", 2, 0), ("middle", 0, 0), ("output", 0, 0), ("output", 1, 0), ("output", 2, 0))
TOKENS = 4


@pytest.fixture(scope="module")
def small():
    """A base model as the other tests have it, of one resolution."""
    import comfy.model_management as management
    from comfy.model_patcher import ModelPatcher
    from miniature import families, models, seeded

    published = families.family_named("sd15")
    config = {
        **published.unet_config,
        "channel_mult": [1],
        "num_res_blocks": [2],
        "transformer_depth": [1, 1],
        "transformer_depth_output": [1, 1, 1],
    }
    family = replace(published, unet_config=config)
    model = models.host_config(family, torch.float32).get_model({})
    seeded.fill(model.diffusion_model, seeded.values(model.diffusion_model, 1))
    patcher = ModelPatcher(model, management.get_torch_device(), management.unet_offload_device())
    clip = models.clip("sd15", 1)
    positive, negative = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red cat", "blurry"))
    return SimpleNamespace(model=patcher, positive=positive, negative=negative)


@pytest.fixture
def steered(small):
    """The small model with a branch whose factor is another one in every layer."""
    from miniature import seeded
    from pack.attention.adapter.key_values import KeyValues
    from pack.attention.branch.attachment import Attachment
    from pack.attention.sampling.attach import attach

    def source(name):
        made = {
            block: tuple(seeded.normal(3, f"{name} {block} {part}", (1, TOKENS, 32)) for part in "kv")
            for block in LAYERS
        }
        return KeyValues(made, TOKENS)

    def on(model=None, factors=(0.1, 0.9, 0.5, 1.3, 0.3, 0.7), **settings):
        scales = dict(zip(LAYERS, factors, strict=True))
        branch = Attachment(source("positive"), source("negative"), layer_scales=scales, **settings)
        return attach(model or small.model, branch)

    return on


def graphs():
    return torch._dynamo.utils.counters["stats"]["unique_graphs"]


@pytest.fixture
def same(small, compiled, ksample, differs):
    """Assert that a model gives the same picture compiled and not; returns it."""

    def checked(model, **settings):
        before = graphs()
        plain = ksample(small, model, **settings)
        assert graphs() == before
        torch.testing.assert_close(ksample(small, compiled(model), **settings), plain, atol=1e-5, rtol=1e-5)
        return plain

    return checked


def test_a_plain_model_compiled_first_does_not_serve_a_steered_one(small, steered, same, differs):
    """Both are one UNet to torch.compile, which cannot see that the patches have come."""
    plain = same(small.model)
    assert differs(same(steered()), plain) > 1e-2
    assert torch.equal(same(small.model), plain)
    assert torch.equal(same(steered(scale=0.0)), plain)


def test_a_branch_that_does_not_act_leaves_graphs_that_serve_the_plain_model(small, steered, same):
    torch._dynamo.reset()
    same(steered(range=Range(0.9, 1.0)), steps=1)
    same(small.model, steps=1)


def test_factors_of_layers_weights_and_masks_need_no_new_graph(small, steered, same, ksample, differs):
    mask = torch.zeros(1, 32, 32)
    mask[..., :16] = 1
    first = same(steered())
    made = graphs()
    assert made > 0
    others = [
        same(steered(factors=(1.3, 0.1, 0.9, 0.3, 0.5, 0.2))),
        same(steered(scale=0.5)),
        same(steered(factors=(0.0, 0.0, 1.0, 0.0, 1.0, 0.0))),
        same(steered(attn_mask=mask)),
        same(steered(steered(), scale=0.7, factors=(1.0, 0.0, 0.0, 0.0, 0.0, 0.0))),
    ]
    assert graphs() == made
    for picture in (first, *others):
        assert differs(picture, ksample(small)) > 1e-2
    assert all(differs(first, other) > 1e-3 for other in others)


def test_steps_outside_the_range_and_inside_have_graphs_of_their_own(small, steered, same, ksample, differs):
    late = same(steered(range=Range(0.5, 1.0)), steps=4)
    early = same(steered(range=Range(0.0, 0.5)), steps=4)
    plain = ksample(small, steps=4)
    assert differs(late, plain) > 1e-2
    assert differs(early, plain) > 1e-2
    assert differs(early, late) > 1e-3


def test_another_size_of_picture(steered, same):
    for height in (16, 24, 16):
        same(steered(attn_mask=torch.rand(1, 32, 32)), height=height, steps=1)
