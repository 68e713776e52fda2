"""Fits the world's autoencoder: the host's TAESD class, from nothing, on crops of drawn pictures."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from comfy.taesd.taesd import TAESD
from torch import Tensor, nn

from .fitting import Plan, device, fit, half
from .pictures import as_images, draw_faces, draw_shapes, identities
from .shapes import CELL, SIDE

SEED = 100
PICTURES = 1200  # of each kind
PEOPLE = 500  # of the 720 that can be told apart
CROP = 48
BATCH = 8
FACES = 5  # of a batch: they have finer parts than shapes
PLAN = Plan(steps=6500, rate=1.5e-3, warmup=50)
LATENT_SCALE = 0.13025  # SDXL's: the host multiplies latents by it, and these have a deviation of 1
DETAIL = 10.0  # how much more than flat areas a picture's fine parts count, for each unit of their contrast

COLOURS = 3  # the first channels carry colours from end to end
CENTRE, DEVIATION = 0.5, 0.3  # of the colours of pictures
BINOMIAL = torch.tensor([0.25, 0.5, 0.25])


def fresh() -> TAESD:
    """The network with its first weights: it already hands the smoothed colours of each cell through.

    Three channels carry them through every layer, and the residual branches begin at zero, so what is left to learn is
    what lies within a cell.
    """
    torch.manual_seed(SEED)
    network = TAESD(latent_channels=4)
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if name.endswith("conv.4"):
                nn.init.zeros_(module.weight)
            elif ".conv." not in name:
                hand_on_colours(module)
    with torch.no_grad():
        last, first = network.taesd_encoder[-1], network.taesd_decoder[1]
        last.weight[:COLOURS] /= DEVIATION
        last.bias[:COLOURS] = -CENTRE / DEVIATION
        last.weight[COLOURS:] *= 0.3
        first.weight[:COLOURS] *= DEVIATION
        first.bias[:COLOURS] = CENTRE
    network.vae_scale.data.fill_(LATENT_SCALE)
    network.vae_scale.requires_grad_(False)
    network.vae_shift.requires_grad_(False)
    return network.to(memory_format=torch.channels_last)


@torch.no_grad()
def hand_on_colours(convolution: nn.Conv2d) -> None:
    """Give the first channels their own input alone, smoothed where the picture gets smaller or larger."""
    weight = convolution.weight
    weight[:COLOURS] = 0
    smooth = torch.outer(BINOMIAL, BINOMIAL)
    for channel in range(COLOURS):
        if convolution.stride == (2, 2) or convolution.bias is None:
            weight[channel, channel] = smooth
        else:
            weight[channel, channel, 1, 1] = 1


def crops(pictures: Tensor, step: int) -> Tensor:
    """A batch (BATCH, 3, CROP, CROP) whose corners lie on the grid of cells, as the textures do; shapes stand first."""
    generator = torch.Generator().manual_seed(SEED + step)
    half = len(pictures) // 2
    which = torch.randint(half, (BATCH,), generator=generator) + half * (torch.arange(BATCH) >= BATCH - FACES)
    corners = CELL * torch.randint((SIDE - CROP) // CELL + 1, (BATCH, 2), generator=generator)
    cut = [
        pictures[i, :, y : y + CROP, x : x + CROP] for i, (y, x) in zip(which.tolist(), corners.tolist(), strict=True)
    ]
    return torch.stack(cut).contiguous(memory_format=torch.channels_last)


def loss_of(network: TAESD, batch: Tensor, step: int) -> Tensor:
    """How far a picture comes back changed from a slightly noisy latent, and how far the latent is from unit size."""
    generator = torch.Generator().manual_seed(SEED + step)
    with half():
        latent = network.taesd_encoder(batch).float()
        noisy = latent + 0.05 * torch.randn(latent.shape, generator=generator).to(latent)
        back = network.taesd_decoder(noisy).float()
    mean, deviation = latent.mean(dim=(0, 2, 3)), latent.std(dim=(0, 2, 3))
    size = (mean.square() + (deviation - 1).square()).mean()
    weight = 1 + DETAIL * (batch - F.avg_pool2d(batch, 9, 1, 4, count_include_pad=False)).abs().mean(1, keepdim=True)
    error = (back - batch).square() + 0.2 * (back - batch).abs()
    return (weight * error).mean() / weight.mean() + 0.02 * size


def make(folder: Path) -> dict[str, Tensor]:
    """Fit it, resuming from `folder`."""
    people = identities(SEED, PEOPLE)
    pictures = as_images([*draw_shapes(SEED, PICTURES), *draw_faces(SEED, PICTURES, people)]).movedim(-1, 1)
    network = fresh()

    def step_loss(step: int) -> Tensor:
        return loss_of(network, crops(pictures, step).to(device()), step)

    return fit(network, step_loss, PLAN, folder / "autoencoder.state", folder / "autoencoder.log")
