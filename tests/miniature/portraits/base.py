"""Fits the portraits' base model: the host's UNet in the world's layout, from nothing, on latents and captions."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ..world import base
from ..world.fitting import Plan, fit
from . import drawn
from .pictures import SIDE

BATCH = 48
PLAN = Plan(steps=14000, rate=1.5e-3, warmup=100)


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
    ids, signal = base.size_ids(SIDE), base.alphas()

    def step_loss(step: int) -> Tensor:
        return base.loss_of(network, data, ids, signal, step, BATCH)

    return fit(network, step_loss, PLAN, folder / "base.state", folder / "base.log")
