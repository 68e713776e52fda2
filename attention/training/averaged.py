"""Averaged weights (EMA): what is saved and shown, when it is switched on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Early weights are far from the end: the first steps count for less, as in every common implementation.
_RAMP = 10


class Averaged:
    """The running mean of a module's weights; with decay 0 the weights themselves."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self._module = module
        self._decay = decay
        self._mean = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()} if decay else {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 0."""
        decay = min(self._decay, (1 + step) / (_RAMP + step))
        weights = self._module.state_dict()
        for name, mean in self._mean.items():
            mean.lerp_(weights[name].to(mean), 1 - decay)

    def weights(self) -> dict[str, Tensor]:
        """A copy of the averaged weights by their names in the module."""
        source = self._mean or self._module.state_dict()
        return {name: tensor.detach().clone() for name, tensor in source.items()}

    def load(self, weights: dict[str, Tensor]) -> None:
        """Go on from what `weights` gave."""
        for name, mean in self._mean.items():
            mean.copy_(weights[name])
