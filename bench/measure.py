"""Runs scenarios alternately with the model without adapters, interleaved in one run, and counts what does not depend on the machine."""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import comfy.ldm.flux.math as flux_math
import comfy.ldm.modules.attention as host_attention
import comfy.sample
import torch
from comfy.patcher_extension import WrappersMP
from counts import alive, attended, calls, resident_bytes, watched
from memory import Peak
from models import LATENT, SMALL, adapters_of, base, steered
from scenarios import Scenario

STEPS = 2
"""Of a run that is counted."""
TIMED_STEPS = 4
"""Of a run that is timed; the first step makes what the run needs once, so the others are the steps' time."""


@dataclass(frozen=True)
class Result:
    """One row of the table: times are medians, counts are of one sampling run, sizes in MiB.

    `ratio` is of medians, `fastest_ratio` of the fastest steps: where others use the processor too, the second is the
    truer. `once_ms` is what a run takes once, more than the plain model's: its first step above another of its steps.
    `encodes`, `projections` and `encodes_again`, `projections_again`: of the first run, and of another with other
    weight and seed. `operators` and `waits` are those of a step above the plain model's.
    """

    scenario: str
    family: str
    seconds_per_step: float
    ratio: float
    fastest_ratio: float
    once_ms: float
    attentions: float
    operators: int
    waits: int
    encodes: int
    projections: int
    encodes_again: int
    projections_again: int
    adapter_mib_held: float
    runs_alive: int
    peak_mib: float
    device_peak_mib: float


def sample(scenario: Scenario, given: Any, steps: int = STEPS, seed: int = 0, after_step: Any = None) -> None:
    """One sampling run; `after_step` is called in each step when the model has been called."""
    shape = (scenario.frames, *(LATENT[scenario.family] if scenario.frames == 1 else SMALL))
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    sides = given.positive, given.negative
    latent = torch.zeros_like(noise)
    comfy.sample.sample(
        given.model, noise, steps, 5.0, "euler", "normal", *sides, latent,
        disable_pbar=True, seed=seed, callback=after_step,
    )  # fmt: skip


def now() -> float:
    """Seconds: of the processor where it does the work (others may use the machine), of the clock on a GPU."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


@dataclass
class Times:
    """Seconds of the parts of timed runs: up to the end of the first step, and the median of the steps that follow."""

    first: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)
    fastest: float = float("inf")

    def take(self, scenario: Scenario, given: Any) -> None:
        """Time another run."""
        marks = [now()]
        sample(scenario, given, TIMED_STEPS, after_step=lambda *_: marks.append(now()))
        first, *steps = (b - a for a, b in itertools.pairwise(marks))
        self.first.append(first)
        self.steps.append(statistics.median(steps))
        self.fastest = min(self.fastest, *steps)

    @property
    def step(self) -> float:
        return statistics.median(self.steps)

    @property
    def once(self) -> float:
        return statistics.median(first - step for first, step in zip(self.first, self.steps, strict=True))

    def ratio_to(self, other: Times) -> float:
        """The median of the ratios of runs that followed each other.

        A processor that others use changes its speed for seconds at a time, by half: neighbours share it, medians of
        all runs do not.
        """
        return statistics.median(ours / theirs for ours, theirs in zip(self.steps, other.steps, strict=True))


def per_step(scenario: Scenario, given: Any) -> tuple[int, int]:
    """Operators and waits for the device of a step that is not the first."""
    model, steps = watched(given.model)
    sample(scenario, _with(given, model))
    return steps[-1].count, steps[-1].syncs


def _with(given: Any, model: Any) -> Any:
    return type(given)(**{**vars(given), "model": model})


def attentions(scenario: Scenario, given: Any) -> float:
    """Calls of an attention function in a step."""
    if scenario.by == "image branch":  # its module has the host's function under a name of its own
        model, seen = attended(given.model)
        with calls((host_attention, "attention_pytorch")) as besides:
            sample(scenario, _with(given, model))
        return (len(seen) + sum(besides.values())) / STEPS
    own = flux_math if scenario.family == "flux" else host_attention
    with calls((own, "optimized_attention"), (host_attention, "attention_pytorch")) as counted:
        sample(scenario, given)
    return sum(counted.values()) / STEPS


def held_while_sampling(scenario: Scenario, given: Any, adapters: list[Any]) -> float:
    """The most MiB of adapter weights that the host holds loaded during a model call."""
    patchers, held = [each.adapter.patcher for each in adapters], [0]
    model = given.model.clone()

    def look(executor: Any, *args: Any, **kwargs: Any) -> Any:
        held.append(resident_bytes(patchers))
        return executor(*args, **kwargs)

    model.add_wrapper(WrappersMP.DIFFUSION_MODEL, look)
    sample(scenario, _with(given, model))
    return max(held) / 2**20


def measure(scenario: Scenario, repeats: int) -> Result:
    """Warm up, then alternate between the scenario and the plain model; the ratio is the median of neighbours'."""
    from pack.attention.adapter.adapter import Adapter
    from pack.attention.reference import encode
    from pack.attention.sampling.dispatch import Call
    from pack.attention.sampling.own_branch import OwnCall
    from pack.attention.sampling.run import Run

    ours_alone = ((Adapter, "_project"), (encode, "_embeds"))
    adapters = adapters_of(scenario)
    with Peak() as peak, calls(*ours_alone) as first:
        given = steered(scenario, adapters)
        sample(scenario, given)
    plain = base(scenario.family)
    sample(scenario, plain)
    ours, theirs = Times(), Times()
    for _ in range(repeats):
        theirs.take(scenario, plain)
        ours.take(scenario, given)
    operators, waits = (a - b for a, b in zip(per_step(scenario, given), per_step(scenario, plain), strict=True))
    held = held_while_sampling(scenario, given, adapters)
    changed = {"weight": 0.6} if scenario.branches else {}
    with calls(*ours_alone) as again:
        sample(scenario, steered(scenario, adapters, **changed), seed=1)
    return Result(
        scenario=scenario.name,
        family=scenario.family,
        seconds_per_step=ours.step,
        ratio=ours.ratio_to(theirs),
        fastest_ratio=ours.fastest / theirs.fastest,
        once_ms=1000 * (ours.once - theirs.once),
        attentions=attentions(scenario, given),
        operators=operators,
        waits=waits,
        encodes=first["_embeds"],
        projections=2 * first["_project"],
        encodes_again=again["_embeds"],
        projections_again=2 * again["_project"],
        adapter_mib_held=held,
        runs_alive=alive(Run, Call, OwnCall),
        peak_mib=peak.mib,
        device_peak_mib=peak.device_mib,
    )
