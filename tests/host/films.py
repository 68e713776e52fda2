"""Small Wans with conditionings as the host's nodes make them, and a KSampler for videos."""

from functools import cache
from types import SimpleNamespace

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


def film(base, model=None, batch=1, steps=1, cfg=3.0, seed=11, size=(FRAMES, HEIGHT, WIDTH), **conds):
    """KSampler as the graph calls it; without a model and conditionings it is the plain video, which is made once."""
    settings = (batch, steps, cfg, seed, size)
    if model is None and not conds:
        return plain_video(base.kind, *settings).clone()
    return sampled(base, base.model if model is None else model, *settings, **conds)


def scale(model, **inputs):
    """Scale Image Branch as the graph calls it."""
    from pack.nodes.forms.scale_image_branch import ScaleImageBranch

    return ScaleImageBranch.execute(model, **inputs).args[0]
