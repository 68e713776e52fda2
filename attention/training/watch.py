"""Who is told of a training while it goes, and what comes out of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from .log import Logs


@dataclass(frozen=True, eq=False)
class Watch:
    """Whom to tell: `after_step(done, of, loss)`, and `sample(done, weights)` every `sample_every` steps (0: never).

    The state is written to `state` every `write_every` steps, where `write_minutes` have gone by `clock` (seconds) since it
    was last written, and when the user cancels. `logs` are told every step.
    `publish(trained so far)` is called every `publish_every` steps (0: never), but not after the last.
    What is held out is predicted before the first step, after the last, and every `check_every` steps.
    `stop` is asked before every step: a training that is stopped ends as one that the user cancels.
    `begun(losses so far, of)` is called before the first step, `ended_early(trained so far)` where it ends before its end, when
    the state is written.
    """

    after_step: Callable[[int, int, float], None] = lambda _done, _of, _loss: None
    sample: Callable[[int, dict[str, Tensor]], None] = lambda _done, _weights: None
    sample_every: int = 0
    state: Path | None = None
    write_every: int = 200
    write_minutes: float = 10.0
    clock: Callable[[], float] = time.monotonic
    logs: Logs | None = None
    publish: Callable[[Trained], None] = lambda _trained: None
    publish_every: int = 0
    check_every: int = 0
    stop: Callable[[], bool] = lambda: False
    begun: Callable[[Sequence[float], int], None] = lambda _losses, _of: None
    ended_early: Callable[[Trained], None] = lambda _trained: None


@dataclass(frozen=True, eq=False)
class Trained:
    """What came out: the weights by their names in the trainee, the loss of every step, and what Course tells of checks."""

    weights: dict[str, Tensor]
    losses: list[float]
    checks: dict[int, float]
