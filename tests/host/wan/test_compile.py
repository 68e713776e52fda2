"""TorchCompileModel on a Wan whose image branch is scaled: the uncompiled video, and the host's blocks stay compiled."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch
from pack.attention.weights.schedule import Range


@pytest.fixture(scope="module")
def short():
    """Two blocks: what is compiled for one serves the others."""
    from comfy.clip_vision import Output
    from miniature import wan, wan_kinds

    with pytest.MonkeyPatch.context() as patched:
        row = dataclasses.replace(wan_kinds.KINDS["short i2v"], blocks=2)
        patched.setitem(wan_kinds.KINDS, "short", row)
        model = wan.model("short", 1)
    seen = Output()
    seen.penultimate_hidden_states = torch.randn(1, 257, 1280, generator=torch.Generator().manual_seed(0))
    clip = wan.clip(1)
    texts = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red cat", "blurry")]
    positive, negative = ([[t, extra | {"clip_vision_output": seen}] for t, extra in text] for text in texts)
    return SimpleNamespace(kind="short", model=model, positive=positive, negative=negative)


@pytest.fixture
def scaled(short):
    from pack.attention.branch.own import OwnBranch
    from pack.attention.sampling.attach import attach

    blocks = tuple(("block", i, 0) for i in range(2))

    def on(factors=(1.0, 1.0), **settings):
        scales = dict(zip(blocks, factors, strict=True))
        return attach(short.model, OwnBranch(blocks, layer_scales=scales, **settings))

    return on


def counted(name):
    return torch._dynamo.utils.counters["stats"][name]


@pytest.mark.own_attention("what is counted is compiled between the calls of attention, which break the graph there")
def test_five_weights_in_one_compiled_model_are_exact_and_the_hosts_blocks_stay_compiled(
    short, scaled, compiled, film, differs
):
    def made_by(model):
        return film(short, compiled(model), steps=2)

    plain = film(short, short.model, steps=2)
    before = counted("calls_captured")
    assert torch.equal(made_by(short.model), plain)
    of_the_plain = counted("calls_captured") - before
    assert of_the_plain > 0
    variants = [
        scaled((0.5, 2.0)),
        scaled((1.0, 0.3)),
        scaled(scale=0.0),
        scaled(scale=0.4, range=Range(0.0, 0.1)),
        scaled(scale=0.4, attn_mask=torch.eye(8)[None]),
    ]
    wanted = [film(short, model, steps=2) for model in variants]
    before, graphs = counted("calls_captured"), 0
    for model, video in zip(variants, wanted, strict=True):
        torch.testing.assert_close(made_by(model), video, atol=1e-5, rtol=1e-5)
        assert differs(video, plain) > 1e-4
        assert counted("unique_graphs") == (graphs or counted("unique_graphs")), "another weight needs no new graph"
        graphs = counted("unique_graphs")
    # The attentions and what is done with them are outside of the graphs, everything else of a block is in them.
    assert counted("calls_captured") - before > 0.7 * of_the_plain
    assert torch.equal(made_by(short.model), plain)
