"""Small Wans with conditionings as the host's nodes make them, a KSampler for videos, and the node under test."""

from functools import cache
from types import SimpleNamespace

import pytest
import torch

SEED = 1
FRAMES, HEIGHT, WIDTH = 3, 8, 12
"""Of the latent: 9 frames of a video of 96 by 64 pixels."""


@cache
def picture_seen(number):
    """What CLIP ViT-H gives of a picture, in the size of the published one."""
    generator = torch.Generator().manual_seed(number)
    return torch.randn(1, 257, 1280, generator=generator)


@cache
def wan_model(kind):
    """A model of a kind, and its two conditionings: with the picture, and without."""
    from comfy.clip_vision import Output
    from miniature import wan

    clip = wan.clip(SEED)
    texts = [clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red cat", "blurry")]

    def shown(count):
        seen = Output()
        seen.penultimate_hidden_states = torch.cat([picture_seen(i) for i in range(count)], 1)
        return [[[tokens, extra | {"clip_vision_output": seen}] for tokens, extra in text] for text in texts]

    positive, negative = shown(2 if "flf" in kind else 1)
    return SimpleNamespace(
        kind=kind,
        model=wan.model(kind, SEED),
        positive=positive,
        negative=negative,
        without=dict(zip(("positive", "negative"), texts, strict=True)),
        shown=lambda count: dict(zip(("positive", "negative"), shown(count), strict=True)),
    )


@pytest.fixture
def i2v():
    """Of four blocks."""
    return wan_model("short i2v")


@pytest.fixture
def whole():
    """Of the 40 blocks of Wan 14B."""
    return wan_model("wan2.1 i2v")


@pytest.fixture
def flf2v():
    return wan_model("short flf2v")


@pytest.fixture
def without_branch():
    """The same weights as those of `i2v`, loaded as a model that has no image branch."""
    return wan_model("short without branch")


def sampled(base, model, batch, steps, cfg, seed, size, **conds):
    import nodes

    latent = {"samples": torch.zeros(batch, 16, *size)}
    positive, negative = (conds.get(name, getattr(base, name)) for name in ("positive", "negative"))
    (out,) = nodes.KSampler().sample(model, seed, steps, cfg, "euler", "simple", positive, negative, latent)
    return out["samples"]


@cache
def plain_video(kind, *settings):
    base = wan_model(kind)
    return sampled(base, base.model, *settings)


@pytest.fixture
def film():
    """KSampler as the graph calls it; without a model and conditionings it is the plain video, which is made once."""

    def made(base, model=None, batch=1, steps=1, cfg=3.0, seed=11, size=(FRAMES, HEIGHT, WIDTH), **conds):
        settings = (batch, steps, cfg, seed, size)
        if model is None and not conds:
            return plain_video(base.kind, *settings).clone()
        return sampled(base, base.model if model is None else model, *settings, **conds)

    return made


@pytest.fixture
def scale():
    """Scale Image Branch as the graph calls it."""
    from pack.nodes.forms.scale_image_branch import ScaleImageBranch

    return lambda model, **inputs: ScaleImageBranch.execute(model, **inputs).args[0]


@pytest.fixture
def differs():
    def difference(a, b):
        assert a.isfinite().all() and b.isfinite().all()
        return (a - b).abs().mean().item()

    return difference
