"""Trains the world's adapters with the pack's own trainer: an IP-Adapter on shapes, InstantID on faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy
import torch
import torch.nn.functional as F
from pack.attention.reference.embeds import Embeds
from pack.attention.training.dataset import Dataset, Example
from pack.attention.training.export import IDENTITYNET
from pack.attention.training.loop import Watch
from pack.attention.training.settings import Settings
from pack.attention.training.train import save_adapter, trainer_for
from pack.face.draw import draw_keypoints
from torch import Tensor

from . import base, files, models, recogniser
from .encoder import pooled
from .faces import keypoints
from .fitting import Course
from .layout import WORLD
from .people import TRAINED
from .pictures import Drawn, as_images, draw_shapes, some
from .shapes import ATTRIBUTES, SIDE, any_shape, caption_shape, draw_shape

ENCODER = "the world's vision transformer"
TELLS = 0.2  # how often a shape's caption tells an attribute: what it leaves out is to be read from the reference
HINT_SCALE = 4  # keypoints are drawn this much larger, then averaged: their dots are 10 pixels wide
RECIPE = Settings(batch_size=32, learning_rate=1.5e-3, warmup=100, average=0.998, checkpointing=False)
DECAYING = replace(RECIPE, schedule="cosine", floor=0.02)
SETTINGS = {
    "ip_adapter": replace(DECAYING, steps=9000, seed=1),
    "instantid": replace(RECIPE, steps=5000, seed=2),
    "instantid_cosine": replace(DECAYING, steps=9000, seed=2),
}


def texts(data: base.Caches) -> list[Any]:
    """The host's conditioning entry of every caption; the first is the empty one's."""
    rows = zip(data.context.float().split(1), data.pooled.split(1), strict=True)
    return [[context, {"pooled_output": pooled}] for context, pooled in rows]


def dataset(data: base.Caches, embeds: list[Embeds], first: int, hints: list[Tensor] | None = None) -> Dataset:
    """The pictures from `first` on, each with its features."""
    told = texts(data)
    examples = [
        Example(
            data.latents[first + i] / WORLD.latent_scale,
            told[int(data.caption[first + i])],
            each,
            None if hints is None else hints[i],
        )
        for i, each in enumerate(embeds)
    ]
    name = embeds[0].names[0]
    nothing = Embeds(**{name: torch.zeros_like(embeds[0].feature(name))}, encoder=embeds[0].encoder)
    return Dataset(tuple(examples), told[0], nothing)


def shape_lessons() -> tuple[list[str], list[Drawn]]:
    """For each picture of a shape a caption that tells little, and the reference: another drawing with all that the
    caption leaves out, and anything in place of what it tells. So a text is kept where a reference shows something else.
    """
    random = numpy.random.default_rng([base.SEED, 4])
    captions, references = [], []
    for target in (each.shape for each in draw_shapes(base.SEED, base.PICTURES) if each.shape):
        told = some(random, tuple(ATTRIBUTES), TELLS)
        left = {name: getattr(target, name) for name in ATTRIBUTES if name not in told}
        captions.append(caption_shape(target, told))
        references.append(Drawn(draw_shape(replace(any_shape(random), **left)), ""))
    return captions, references


def shape_dataset(folder: Path) -> Dataset:
    """Every picture of a shape, with what the image encoder sees in its reference."""

    def made() -> dict[str, Tensor]:
        captions, references = shape_lessons()
        pixels = (as_images(references) * 255).round().byte()
        return base.encoded_captions(captions) | {"features": pooled(models.clip_vision(folder), pixels)}

    lessons = dict(base.cached(folder / "lessons.safetensors", made))
    embeds = [Embeds(image_embeds=row, encoder=ENCODER) for row in lessons.pop("features").split(1)]
    return dataset(replace(base.caches(folder), **lessons), embeds, 0)


def face_dataset(folder: Path) -> Dataset:
    """Every picture of a face, with its keypoints and the embedding of another picture of the same person."""
    drawn = base.drawn()[base.PICTURES :]
    seen = recogniser.seen(recogniser.network_of_the_world(folder), recogniser.upright(drawn))
    others = torch.from_numpy(numpy.roll(seen, -TRAINED, axis=0))  # the people come in turn
    embeds = [Embeds(face=row, encoder="") for row in others.split(1)]
    return dataset(base.caches(folder), embeds, base.PICTURES, [hint(each) for each in drawn])


def hint(drawn: Drawn) -> Tensor:
    """The keypoints of a drawn face as a picture (3, 64, 64), 0..1."""
    assert drawn.pose
    large = draw_keypoints([HINT_SCALE * keypoints(drawn.pose)], (HINT_SCALE * SIDE, HINT_SCALE * SIDE))
    return F.avg_pool2d(torch.from_numpy(large).movedim(-1, 0).float() / 255, HINT_SCALE)


DATASETS: dict[str, Callable[[Path], Dataset]] = {"base": shape_dataset, "instantid": face_dataset}
VARIANT = {"ip_adapter": "base", "instantid": "instantid", "instantid_cosine": "instantid"}


def make(folder: Path, which: str) -> None:
    """Train one of the two, resuming from `folder`, and write its files there."""
    settings = SETTINGS[which]
    given = DATASETS[VARIANT[which]](folder)
    trainer = trainer_for(models.unet(folder), given, VARIANT[which], settings)
    course = Course(folder / f"{which}.log", settings.steps)
    watch = Watch(
        after_step=lambda done, _of, loss: course.tell(done - 1, loss), state=folder / f"{which}.state", write_every=250
    )
    trained = trainer.run(watch)
    told = {"trained_on": "pictures drawn by tests/miniature/world"}
    if which == "ip_adapter":
        save_adapter(folder / files.IP_ADAPTER, trainer, trained, told)
        return
    save_adapter(folder / files.INSTANTID, trainer, trained, told)
    own = {name: tensor for name, tensor in trained.weights.items() if name.startswith(IDENTITYNET)}
    files.keep(folder / files.IDENTITYNET, {name.removeprefix(IDENTITYNET): tensor for name, tensor in own.items()})
