"""How to train: every number that a run of the trainer depends on, checked once."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import torch

from .rates import SCHEDULES, Span, share_of
from .weighting import NONE, WEIGHTINGS

PRECISIONS: Mapping[str, torch.dtype] = MappingProxyType(
    {"bf16": torch.bfloat16, "fp32": torch.float32, "fp16": torch.float16}
)
"""What the model computes in while training; the trained weights themselves are always float32."""

_NAMES: Mapping[str, Collection[str]] = MappingProxyType(
    {"precision": PRECISIONS, "schedule": SCHEDULES, "weighting": WEIGHTINGS}
)
"""Settings that are one of a table's names."""
_BELOW_1 = math.nextafter(1.0, 0.0)
_RANGES = (
    ("floor", 0.0, 1.0),
    ("beta1", 0.0, _BELOW_1),
    ("beta2", 0.0, _BELOW_1),
    ("gradient_limit", 0.0, math.inf),
    ("held_out", 0, math.inf),
    ("snr_gamma", 0.01, 1000.0),
)
"""Settings that are numbers, with the least and the most that they may be."""
_SCALE = 10_000  # of inverse_sqrt without a warm-up, as transformers has it


@dataclass(frozen=True)
class Settings:
    """The recipe of one training; the defaults are those of IP-Adapter (2308.06721) and its authors' code.

    `steps` counts updates of the weights, each from `batch_size` * `accumulation` pictures. `drop_text`,
    `drop_picture` and `drop_both` are the shares of examples that are shown without their text, their picture and both,
    which is what makes guidance possible. `noise_offset` adds that much of one number per channel to the noise.
    `average` is the decay of averaged weights (EMA), 0 for none. `warmup` steps raise the rate from 0; then it follows
    `schedule` down to the share `floor` of itself, with `cycles` beginnings where the schedule has restarts.
    `beta1` and `beta2` are AdamW's; a gradient whose norm is above `gradient_limit` is scaled down to it (0: none is).
    `weighting` says what each level of noise counts, with `snr_gamma` for min_snr.
    `held_out` pictures are not trained on but looked at, to see how well others are predicted.
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
    schedule: str = "constant"
    floor: float = 0.0
    cycles: int = 1
    beta1: float = 0.9
    beta2: float = 0.999
    gradient_limit: float = 1.0
    weighting: str = NONE
    snr_gamma: float = 5.0
    held_out: int = 0

    def __post_init__(self) -> None:
        self._check_tables()
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be a number above 0.")
        if min(self.drops) < 0 or sum(self.drops) > 1:
            raise ValueError(
                f"the shares dropped are {self.drops}; each must be 0 or more, and together they may be at most 1."
            )
        if not 0 <= self.average < 1:
            raise ValueError(f"average is {self.average}; it must be at least 0 (off) and below 1, such as 0.999.")

    def _check_tables(self) -> None:
        for name in ("steps", "batch_size", "accumulation", "cycles"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} is {value}; it must be between {least:g} and {most:g}.")
        for name, known in _NAMES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"there is no {name} '{getattr(self, name)}'; choose one of: {', '.join(known)}.")

    @property
    def drops(self) -> tuple[float, float, float]:
        """The shares without text, without picture, without both."""
        return self.drop_text, self.drop_picture, self.drop_both

    @property
    def scales_gradients(self) -> bool:
        """Whether small gradients would vanish in this precision, so that the loss is scaled up before they are made."""
        return PRECISIONS[self.precision] == torch.float16

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.learning_rate * ((step + 1) / self.warmup)
        span = Span(max(1, self.steps - self.warmup), self.cycles, self.warmup or _SCALE)
        share = share_of(self.schedule, span)(step - self.warmup)
        return self.learning_rate * (self.floor + (1 - self.floor) * share)

    def resumable(self) -> dict[str, object]:
        """What a stopped run must share with the run that goes on: all but how long it lasts, where no rate depends on it."""
        left_out = () if SCHEDULES[self.schedule].ends else ("steps",)
        return {name: value for name, value in asdict(self).items() if name not in left_out}
