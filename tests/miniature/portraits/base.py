"""Fits the portraits' base model on latents and captions, from the one that was fitted for shapes."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..world import base, files
from ..world.fitting import Plan, fit
from . import drawn
from .pictures import SIDE

PARTS, BATCH = 2, 24  # pictures in each part of a step
PLAN = Plan(steps=10000, rate=1.5e-3, warmup=100)


def caches(folder: Path) -> base.Caches:
    """Latents and captions, made once."""
    captions = [caption for _, _, caption in drawn.plan()]
    text = base.cached(folder / "text.safetensors", lambda: base.encoded_captions(captions))
    latents = base.cached(
        folder / "latents.safetensors",
        lambda: {
            "latents": base.encoded_pictures(drawn.pixels(folder).float() / 255, folder / "autoencoder.safetensors")
        },
    )
    return base.Caches(latents["latents"], text["caption"], text["context"], text["pooled"])


def make(folder: Path) -> dict[str, Tensor]:
    """Fit it, resuming from `folder`."""
    data, network = caches(folder), base.fresh()
    network.load_state_dict(files.tensors(files.BASE))
    ids, signal = base.size_ids(SIDE), base.alphas()

    def part_loss(number: int) -> Tensor:
        return base.loss_of(network, data, ids, signal, number, BATCH)

    return fit(network, part_loss, PLAN, folder / "base.state", folder / "base.log", PARTS)
