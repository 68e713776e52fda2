"""Fits one autoencoder for people and shapes, from the one that was fitted for shapes: the host's TAESD class.

The models of the shapes were trained on what the old one makes of a shape, so a shape's latents stay as they were.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
import torch.nn.functional as F
from comfy.taesd.taesd import TAESD
from torch import Tensor

from ..world import files
from ..world.autoencoder import loss_of
from ..world.fitting import Plan, device, fit, half
from ..world.pictures import as_images, draw_shapes
from ..world.shapes import CELL
from . import drawn

SEED = 410
SHAPES = 1200  # pictures of them
CROP = 48
PEOPLE_AT_ONCE, SHAPES_AT_ONCE = 6, 2
KEPT = 3.0  # how much a change of a shape's latents counts
PLAN = Plan(steps=8000, rate=6e-4, warmup=100)


def crops(pictures: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Cuts (count, 3, CROP, CROP), 0..1, of pictures (n, side, side, 3), 8 bit, whose corners lie on the grid of cells."""
    places = (pictures.shape[1] - CROP) // CELL + 1
    which = torch.randint(len(pictures), (count,), generator=generator).tolist()
    corners = (CELL * torch.randint(places, (count, 2), generator=generator)).tolist()
    cut = [pictures[i, y : y + CROP, x : x + CROP] for i, (y, x) in zip(which, corners, strict=True)]
    return torch.stack(cut).movedim(-1, 1).float() / 255


def make(folder: Path) -> dict[str, Tensor]:
    """Fit it, resuming from `folder`."""
    people, shapes = drawn.pixels(folder), (as_images(draw_shapes(SEED, SHAPES)) * 255).round().byte()
    network = TAESD(latent_channels=4).to(memory_format=torch.channels_last)
    network.load_state_dict(files.tensors(files.AUTOENCODER))
    network.vae_scale.requires_grad_(False)
    network.vae_shift.requires_grad_(False)
    before = copy.deepcopy(network.taesd_encoder).requires_grad_(False).to(device())

    def step_loss(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(SEED + step)
        cut = [crops(people, PEOPLE_AT_ONCE, generator), crops(shapes, SHAPES_AT_ONCE, generator)]
        batch = torch.cat(cut).to(device(), memory_format=torch.channels_last)
        plain = batch[PEOPLE_AT_ONCE:]
        with half():
            moved = F.mse_loss(network.taesd_encoder(plain).float(), before(plain).float())
        return loss_of(network, batch, step) + KEPT * moved

    return fit(network, step_loss, PLAN, folder / "autoencoder.state", folder / "autoencoder.log")
