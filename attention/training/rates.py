"""A schedule and its length -> the share of the learning rate that each step after the warm-up has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

import torch
from torch.optim.lr_scheduler import LambdaLR


@dataclass(frozen=True)
class Span:
    """How many steps a schedule lasts and how often it begins anew; inverse_sqrt halves in three times `scale` steps."""

    steps: int
    cycles: int
    scale: int


@dataclass(frozen=True)
class Schedule:
    """Makes the library's schedule without its warm-up; `ends` says whether it depends on the number of steps."""

    made: Callable[[Any, torch.optim.Optimizer, Span], LambdaLR]
    ends: bool = True


CONSTANT, RESTARTS = "constant", "cosine_with_restarts"

SCHEDULES: Mapping[str, Schedule] = MappingProxyType(
    {
        CONSTANT: Schedule(lambda of, optimizer, _: of.get_constant_schedule(optimizer), ends=False),
        "linear": Schedule(lambda of, optimizer, span: of.get_linear_schedule_with_warmup(optimizer, 0, span.steps)),
        "cosine": Schedule(lambda of, optimizer, span: of.get_cosine_schedule_with_warmup(optimizer, 0, span.steps)),
        RESTARTS: Schedule(
            lambda of, optimizer, span: of.get_cosine_with_hard_restarts_schedule_with_warmup(
                optimizer, 0, span.steps, span.cycles
            )
        ),
        "inverse_sqrt": Schedule(
            lambda of, optimizer, span: of.get_inverse_sqrt_schedule(optimizer, 0, span.scale), ends=False
        ),
    }
)
"""Schedules under the names that transformers and kohya's scripts have for them."""


@cache
def share_of(schedule: str, span: Span) -> Callable[[int], float]:
    """What a step, counted from the end of the warm-up, has of the full rate: 1 for the first.

    By transformers' formulas, which are functions of the step alone, so that a resumed training has the same rates.
    """
    # The host has it; it takes long to import, and by a name half of a type check would be reading what it imports.
    optimization = import_module("transformers.optimization")

    unused = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    return SCHEDULES[schedule].made(optimization, unused, span).lr_lambdas[0]
