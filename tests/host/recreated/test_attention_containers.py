"""A checkpoint whose layers prefer an attention of their own: nothing crashes, and what does not act changes nothing."""

import comfy.ldm.modules.attention as attention
import pytest
import torch


@pytest.fixture
def preferring(sd15):
    """The small SD1.5, whose every layer prefers int8 while the test lasts."""
    layers = [each for each in sd15.model.model.modules() if isinstance(each, attention.ComfyAttention)]
    assert layers
    for layer in layers:
        layer.preferred = "int8"
    yield sd15
    for layer in layers:
        layer.preferred = None


def test_the_host_computes_such_layers_otherwise(preferring, ksample):
    liked = ksample(preferring, preferring.model)
    for layer in preferring.model.model.modules():
        if isinstance(layer, attention.ComfyAttention):
            layer.preferred = None
    assert not torch.equal(liked, ksample(preferring, preferring.model))


def test_a_reference_of_weight_0_leaves_the_preferred_attention_bit_for_bit(preferring, apply, ksample):
    assert torch.equal(
        ksample(preferring, apply(preferring.model, "sd15", weight=0.0)), ksample(preferring, preferring.model)
    )


def test_a_reference_acts_and_self_attention_stays_as_preferred(preferring, apply, ksample, monkeypatch):
    asked = []
    int8 = attention.REGISTERED_ATTENTION_FUNCTIONS["int8"]

    def counting(q, k, *rest, **more):
        asked.append(q.shape == k.shape)
        return int8(q, k, *rest, **more)

    monkeypatch.setitem(attention.REGISTERED_ATTENTION_FUNCTIONS, "int8", counting)
    plain = ksample(preferring, preferring.model, steps=1)
    before, asked[:] = list(asked), []
    made = ksample(preferring, apply(preferring.model, "sd15", weight=0.7), steps=1)
    assert torch.isfinite(made).all() and (made - plain).abs().mean() > 1e-2
    assert sum(asked) == sum(before), "self-attention is not ours"
    assert not all(before) and all(asked), (
        "a patch is not told what its layer prefers: the text is computed by the default"
    )
