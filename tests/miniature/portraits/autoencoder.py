"""Fits the portraits' autoencoder: the host's TAESD class, from nothing, on crops of drawn people."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ..world.autoencoder import fresh, loss_of
from ..world.fitting import Plan, fit
from . import drawn
from .pictures import SIDE

SEED = 410
CROP = 64
BATCH = 6
PLAN = Plan(steps=9000, rate=1.5e-3, warmup=50)


def crops(pictures: Tensor, step: int) -> Tensor:
    """A batch (BATCH, 3, CROP, CROP), 0..1, of pictures (n, 96, 96, 3), 8 bit."""
    generator = torch.Generator().manual_seed(SEED + step)
    which = torch.randint(len(pictures), (BATCH,), generator=generator).tolist()
    corners = torch.randint(SIDE - CROP + 1, (BATCH, 2), generator=generator).tolist()
    cut = [pictures[i, y : y + CROP, x : x + CROP] for i, (y, x) in zip(which, corners, strict=True)]
    return (torch.stack(cut).movedim(-1, 1).float() / 255).contiguous(memory_format=torch.channels_last)


def make(folder: Path) -> dict[str, Tensor]:
    """Fit it, resuming from `folder`."""
    pictures, network = drawn.pixels(folder), fresh()

    def step_loss(step: int) -> Tensor:
        return loss_of(network, crops(pictures, step), step)

    return fit(network, step_loss, PLAN, folder / "autoencoder.state", folder / "autoencoder.log")
