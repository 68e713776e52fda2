"""A handful of seeded examples on the miniature models, and trainings of a few steps on them."""

from functools import cache
from types import SimpleNamespace

import torch

PICTURES, FACE = 6, 512
SIZES = ((8, 8), (8, 12))  # latents
RECIPE = {
    "steps": 2,
    "batch_size": 2,
    "learning_rate": 1e-3,
    "seed": 3,
    "bucket_side": 64,
    "look_every": 1,
    "resume": True,
    "precision": "fp32",
    "checkpointing": False,
    "accumulation": 1,
    "drop_text": 0.05,
    "drop_picture": 0.05,
    "drop_both": 0.05,
    "noise_offset": 0.0,
    "average": 0.0,
    "weight_decay": 0.01,
    "warmup": 0,
}
"""What the training nodes are set to."""


@cache
def world(family):
    """A miniature, made as loaders make it: in inference mode."""
    from miniature import models

    with torch.inference_mode():
        return SimpleNamespace(model=models.unet(family, 1), clip=models.clip(family, 1))


def texts(clip, *words):
    with torch.inference_mode():
        return [clip.encode_from_tokens_scheduled(clip.tokenize(each))[0] for each in words]


def features(variant, count, generator):
    from pack.attention.reference.embeds import Embeds

    shape = {"base": ("image_embeds", 64), "plus": ("penultimate", 257, 80), "instantid": ("face", FACE)}[variant]
    return Embeds(**{shape[0]: torch.randn(count, *shape[1:], generator=generator)})


@cache
def dataset(family, variant):
    """Seeded latents of two sizes with two captions, features and, for instantid, hints."""
    from pack.attention.training.dataset import Dataset, Example

    generator = torch.Generator().manual_seed(5)
    captions = texts(world(family).clip, "a red cat", "a blue dog", "")
    made = []
    for number in range(PICTURES):
        height, width = SIZES[number % len(SIZES)]
        hint = torch.rand(3, 8 * height, 8 * width, generator=generator) if variant == "instantid" else None
        latent = torch.randn(4, height, width, generator=generator)
        made.append(Example(latent, captions[number % 2], features(variant, 1, generator), hint))
    empty = features(variant, 1, generator)
    name = empty.names[0]
    return Dataset(tuple(made), captions[2], empty.with_features(**{name: torch.zeros_like(empty.feature(name))}))


def settings(**changes):
    from pack.attention.training.settings import Settings

    common = {"steps": 3, "batch_size": 2, "learning_rate": 1e-3, "precision": "fp32", "checkpointing": False}
    return Settings(**{**common, **changes})


def trainer(family="sd15", variant="base", means=None, **changes):
    from pack.attention.training.train import trainer_for

    return trainer_for(world(family).model, dataset(family, variant), variant, settings(**changes), means=means)


def run(made, **watch):
    from pack.attention.training.loop import Watch

    return made.run(Watch(**watch))


def equal(left, right):
    """Bit for bit, wherever the two lie: files and states are on the CPU."""
    return left.keys() == right.keys() and all(torch.equal(left[name].cpu(), right[name].cpu()) for name in left)
