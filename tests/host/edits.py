"""Small models that read references, with conditionings as the host's nodes make them, and a KSampler for them."""

from functools import cache
from types import SimpleNamespace

import torch

SEED = 1
TEXT = 7
"""Tokens of a prompt."""


def latent_of(kind, seed, height, width):
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(1, channels_of(kind), height, width, generator=generator)
    return made.unsqueeze(2) if "qwen" in kind else made  # its autoencoder makes frames


def channels_of(kind):
    return 128 if kind == "short flux2" else 16


def model_of(kind):
    from miniature import flux, without_branches

    made = without_branches if "qwen" in kind else flux
    return made.model(kind, SEED)


@cache
def edit_model(kind):
    """A model of a kind with two references, and its two conditionings: with both, one or none of them."""
    from miniature import flux_kinds

    references = [latent_of(kind, 5, 8, 6), latent_of(kind, 6, 6, 10)]
    texts = [torch.randn(1, TEXT, flux_kinds.TEXT, generator=torch.Generator().manual_seed(i)) for i in (1, 2)]
    pooled = [torch.randn(1, flux_kinds.POOLED, generator=torch.Generator().manual_seed(i)) for i in (3, 4)]

    def shown(*numbers, **more):
        """Both conditionings with the references of these numbers."""
        settings = {"reference_latents": [references[i - 1] for i in numbers]} if numbers else {}
        sides = zip(("positive", "negative"), texts, pooled, strict=True)
        return {side: [[text, {"pooled_output": vector, **settings, **more}]] for side, text, vector in sides}

    return SimpleNamespace(kind=kind, model=model_of(kind), shown=shown, **shown(1, 2))


def sampled(base, model, batch, steps, cfg, seed, size, **conds):
    import nodes

    latent = {"samples": torch.zeros(batch, channels_of(base.kind), *size)}
    positive, negative = (conds.get(name, getattr(base, name)) for name in ("positive", "negative"))
    (out,) = nodes.KSampler().sample(model, seed, steps, cfg, "euler", "simple", positive, negative, latent)
    return out["samples"]


@cache
def plain_edit(kind, *settings):
    base = edit_model(kind)
    return sampled(base, base.model, *settings)


def edit(base, model=None, batch=1, steps=2, cfg=3.0, seed=11, size=(12, 10), **conds):
    """KSampler as the graph calls it; without a model and conditionings it is the plain edit, which is made once."""
    settings = (batch, steps, cfg, seed, size)
    if model is None and not conds:
        return plain_edit(base.kind, *settings).clone()
    return sampled(base, base.model if model is None else model, *settings, **conds)


def weigh(model, *weights, source="latent", **settings):
    """A clone of a model whose references count as told: a weight for each, or settings for each."""
    from pack.attention.branch.reference import ReferenceWeight
    from pack.attention.models.kinds import REFERENCES
    from pack.attention.sampling.attach import attach

    blocks = tuple(REFERENCES.attentions(model))
    each = [one if isinstance(one, dict) else {"scale": one} for one in weights]
    effects = [
        ReferenceWeight(blocks=blocks, number=i, source=source, **{**settings, **one}) for i, one in enumerate(each, 1)
    ]
    return attach(model, *effects)
