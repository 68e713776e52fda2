"""Keys and values that depend on the noise level: made for a step from what the encoder saw."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ..cache import digest
from ..models.families import BlockKey
from .key_values import Source


@dataclass(frozen=True, eq=False)
class KeyValuesByTime:
    """Features (n, L, F) of n pictures, whose keys and values `make` makes for a timestep, 0..1000, on a device.

    `count` are the entries they make: n, or one of all pictures together. `patcher` is the adapter's: the host loads it
    beside the model that is sampled.
    """

    features: Tensor
    blocks: Collection[BlockKey]
    count: int
    num_tokens: int
    picture_tokens: int
    make: Callable[[Tensor, float, torch.device], Source]
    patcher: ModelPatcher

    @cached_property
    def _digest(self) -> str:
        return f"{digest(self.features)} {self.count}"

    @property
    def digest(self) -> str:
        return self._digest

    def at_time(self, time: float, device: torch.device) -> Source:
        """Keys and values of a timestep."""
        return self.make(self.features, time, device)

    def only(self, entry: int) -> KeyValuesByTime:
        """One entry of several, each of which is a picture."""
        return replace(self, features=self.features[entry : entry + 1], count=1)
