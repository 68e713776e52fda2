"""How to train: every number that a run of the trainer depends on, checked once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import torch

PRECISIONS: Mapping[str, torch.dtype] = MappingProxyType({"bf16": torch.bfloat16, "fp32": torch.float32})
"""What the model computes in while training; the trained weights themselves are always float32."""


@dataclass(frozen=True)
class Settings:
    """The recipe of one training; the defaults are those of IP-Adapter (2308.06721) and its authors' code.

    `steps` counts updates of the weights, each from `batch_size` * `accumulation` pictures. `drop_text`,
    `drop_picture` and `drop_both` are the shares of examples that are shown without their text, their picture and both,
    which is what makes guidance possible. `noise_offset` adds that much of one number per channel to the noise.
    `average` is the decay of averaged weights (EMA), 0 for none. `warmup` steps raise the rate from 0.
    """

    steps: int = 1000
    batch_size: int = 8
    accumulation: int = 1
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    warmup: int = 0
    drop_text: float = 0.05
    drop_picture: float = 0.05
    drop_both: float = 0.05
    noise_offset: float = 0.0
    average: float = 0.0
    precision: str = "bf16"
    checkpointing: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "accumulation"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be a number above 0.")
        if min(self.drops) < 0 or sum(self.drops) > 1:
            raise ValueError(
                f"the shares dropped are {self.drops}; each must be 0 or more, and together they may be at most 1."
            )
        if not 0 <= self.average < 1:
            raise ValueError(f"average is {self.average}; it must be at least 0 (off) and below 1, such as 0.999.")
        if self.precision not in PRECISIONS:
            raise ValueError(f"there is no precision '{self.precision}'; choose one of: {', '.join(PRECISIONS)}.")

    @property
    def drops(self) -> tuple[float, float, float]:
        """The shares without text, without picture, without both."""
        return self.drop_text, self.drop_picture, self.drop_both

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.learning_rate * min(1.0, (step + 1) / self.warmup) if self.warmup else self.learning_rate

    def resumable(self) -> dict[str, object]:
        """What a stopped run must share with the run that goes on: all but how long it lasts."""
        return {name: value for name, value in asdict(self).items() if name != "steps"}
