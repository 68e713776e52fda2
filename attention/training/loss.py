"""The loss: noise a latent to a random level, and compare what the model makes of it with what it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .placing import placed


@dataclass(frozen=True, eq=False)
class Noised:
    """Latents as the model reads them, (B, C, h, w), clean and noised, and their noise levels (B,)."""

    clean: Tensor
    noisy: Tensor
    sigmas: Tensor


def noised(
    model_sampling: Any, levels: Tensor, clean: Tensor, generator: torch.Generator, noise_offset: float = 0.0
) -> Noised:
    """Latents with noise at levels drawn evenly from `levels`, the model's own steps, on the CPU.

    The numbers are drawn on the CPU, so that every device trains on the same. `noise_offset` adds a constant to each
    channel, drawn anew for each picture, which lets a model learn very dark and very bright pictures.
    """
    noise = torch.randn(clean.shape, generator=generator)
    if noise_offset:
        noise = noise + noise_offset * torch.randn((*clean.shape[:2], 1, 1), generator=generator)
    moments = torch.randint(len(levels), (len(clean),), generator=generator)
    sigmas = placed(levels[moments], clean.device)
    noise = placed(noise, clean.device, clean.dtype)
    noisy: Tensor = model_sampling.noise_scaling(_column(sigmas), noise, clean)
    return Noised(clean, noisy, sigmas)


def loss(given: Noised, denoised: Tensor, weights: Tensor | None = None) -> Tensor:
    """The mean squared error of the noise that a prediction of the clean latents implies.

    The error of the noise is that of the latent divided by sigma. Without `weights` (B,) the levels weigh alike, as in
    the authors' loss.
    """
    errors = squared_errors(given, denoised)
    return errors.mean() if weights is None else (errors * _column(weights)).mean()


def squared_errors(given: Noised, denoised: Tensor) -> Tensor:
    """The squared error of the noise, (B, C, h, w)."""
    return ((denoised.float() - given.clean.float()) / _column(given.sigmas)).square()


def _column(sigmas: Tensor) -> Tensor:
    return sigmas[:, None, None, None]
