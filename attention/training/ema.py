"""Averaged weights (EMA): what is saved and shown, when it is switched on."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

# Early weights are far from the end: the first steps count for less, as in every common implementation.
_RAMP = 10


def ema_of(module: nn.Module, decay: float) -> AveragedModel:
    """The running mean of a module's weights, which starts at those it has now."""

    def ramped(means: Sequence[Tensor], weights: Sequence[Tensor], updates: Tensor | int) -> None:
        count = int(updates)
        share = 1 - min(decay, count / (count + _RAMP - 1))
        for mean, weight in zip(means, weights, strict=True):
            mean.lerp_(weight, share)

    mean = AveragedModel(module, multi_avg_fn=ramped)
    set_updates(mean, 0)
    return mean


def set_updates(mean: AveragedModel, count: int) -> None:
    """Say how many updates a mean has taken in."""
    mean.n_averaged.fill_(count + 1)  # at 0 torch would throw the first mean away
