"""Averaged weights (EMA): what is saved and shown, when it is switched on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .sharding import here

# Early weights are far from the end: the first steps count for less, as in every common implementation.
_RAMP = 10


def ema_of(module: nn.Module) -> AveragedModel:
    """A running mean of a module's weights, which starts at those it has now."""
    mean = AveragedModel(module)
    set_updates(mean, 0)
    return mean


@torch.no_grad()
def take_in(mean: AveragedModel, module: nn.Module, decay: float) -> None:
    """Let a mean take in a module's weights.

    Not by its own update, which asks the device for the number of updates: a wait in every step.
    """
    count = int(mean.n_averaged)
    kept = min(decay, count / (count + _RAMP - 1))
    update: Any = get_ema_multi_avg_fn(kept)
    update(_here(mean.module), _here(module), None)
    set_updates(mean, count)


def _here(module: nn.Module) -> list[Tensor]:
    return [here(weight) for weight in module.parameters()]


def set_updates(mean: AveragedModel, count: int) -> None:
    """Say how many updates a mean has taken in."""
    mean.n_averaged.fill_(count + 1)  # at 0 torch would throw the first mean away
