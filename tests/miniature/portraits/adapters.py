"""Trains InstantID on drawn people with the pack's own trainer: its IdentityNet and its adapter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from numpy import ndarray
from pack.attention.reference.embeds import Embeds
from pack.attention.training.dataset import Dataset, Example
from pack.attention.training.export import IDENTITYNET
from pack.attention.training.loop import Watch
from pack.attention.training.train import save_adapter, trainer_for
from pack.face.draw import draw_keypoints
from torch import Tensor

from ..world import files, models
from ..world.adapters import DECAYING, HINT_SCALE, texts
from ..world.fitting import Course
from ..world.layout import WORLD
from ..world.recogniser import seen
from . import base, drawn, recogniser
from .people import TRAINED
from .pictures import SIDE

VARIANT = "instantid"
SETTINGS = replace(DECAYING, steps=10000, batch_size=16, accumulation=2, seed=3)


def hint(points: ndarray) -> Tensor:
    """Keypoints (5, 2) as a picture (3, 96, 96), 0..1."""
    large = draw_keypoints([HINT_SCALE * points], (HINT_SCALE * SIDE, HINT_SCALE * SIDE))
    return F.avg_pool2d(torch.from_numpy(large).movedim(-1, 0).float() / 255, HINT_SCALE)


def dataset(folder: Path) -> Dataset:
    """Every picture with its keypoints and the embedding of the same person in the next picture of them."""
    data = base.caches(folder)
    told = texts(data)
    weights = files.tensors("recogniser.safetensors", folder)
    network = recogniser.network(weights)
    rows = [seen(network, part.numpy()) for part in recogniser.crops(folder).split(500)]
    others = torch.cat([torch.from_numpy(part) for part in rows]).roll(-TRAINED, 0)  # the people come in turn
    examples = tuple(
        Example(latent / WORLD.latent_scale, told[int(caption)], Embeds(face=other[None], encoder=""), hint(points))
        for latent, caption, other, points in zip(data.latents, data.caption, others, drawn.points(), strict=True)
    )
    return Dataset(examples, told[0], Embeds(face=torch.zeros(1, recogniser.EMBEDDING), encoder=""))


def make(folder: Path, which: str) -> None:
    """Train them, resuming from `folder`, and write their files there. Raises ValueError for another stage."""
    if which != VARIANT:
        raise ValueError(f"'{which}' is no stage of the portraits; they have {VARIANT}.")
    trainer = trainer_for(models.unet(folder), dataset(folder), VARIANT, SETTINGS)
    course = Course(folder / "instantid.log", SETTINGS.steps)
    watch = Watch(
        after_step=lambda done, _of, loss: course.tell(done - 1, loss),
        state=folder / "instantid.state",
        write_every=250,
    )
    trained = trainer.run(watch)
    if not trainer.processes.first:
        return
    save_adapter(
        folder / files.INSTANTID, trainer, trained, {"trained_on": "pictures drawn by tests/miniature/portraits"}
    )
    own = {name: tensor for name, tensor in trained.weights.items() if name.startswith(IDENTITYNET)}
    files.keep(folder / files.IDENTITYNET, {name.removeprefix(IDENTITYNET): tensor for name, tensor in own.items()})
