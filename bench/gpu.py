"""Measures whole models of published widths on a GPU, in half precision, and writes each row as it comes.

python bench/gpu.py --seconds 150           # SDXL at 1024 pixels first, then SD1.5 at 512
python bench/gpu.py --only "sdxl 1"         # groups whose name contains this: sdxl 1, sdxl 8, sd15 1, sd15 8
python bench/gpu.py --rows "base; two adapters" --unfused     # these rows beside the plain model, without the fused kernel
python bench/gpu.py --small                 # the same with the miniatures, on a processor too, to try the program
LIKENESS_DYNAMIC=1 python bench/gpu.py      # with ComfyUI's dynamic VRAM, as it starts by itself where it can

Rows go to $OUT/gpu.jsonl (bench/results without it), once more when they were timed again. A group that the time does not suffice for is left out and named.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import host  # noqa: E402  needs this folder on the path

FUSED = "LIKENESS_FUSED"
LIGHTNING = (1, 4)
"""Steps of whole runs at cfg 1, as models of few steps are run."""
FEW_STEPS = ("no adapter", "minimal patch, base", "base", "two adapters")
"""Rows of which such runs are timed."""


@dataclass(frozen=True)
class Group:
    """A model and a batch, and which scenarios are measured on it: `fused` also with the fused kernel."""

    family: str
    batch: int
    plain: tuple[str, ...]
    fused: tuple[str, ...]
    steps: int
    repeats: int

    @property
    def name(self) -> str:
        return f"{self.family} {self.batch}"


FIRST, LAST = ("base", "two adapters", "base with a mask", "plus", "minimal patch, base"), ("four adapters",)
ALL = (*FIRST, *LAST)
GROUPS = (
    Group(
        "sdxl",
        1,
        (*FIRST, "InstantID with IdentityNet", *LAST),
        ("base", "plus", "base with a mask", "two adapters"),
        6,
        2,
    ),
    Group("sdxl", 8, ("base", "plus", "base with a mask", "two adapters"), ("base", "plus", "two adapters"), 3, 1),
    Group("sd15", 1, ALL, ("base", "plus", "base with a mask", "two adapters"), 8, 2),
    Group("sd15", 8, ("base", "plus", "two adapters"), ("base", "two adapters"), 4, 1),
)


@dataclass(frozen=True)
class Row:
    """One way to run a model; `make` gives the model and its conditionings, the same ones each time."""

    name: str
    is_fused: bool
    make: Callable[[], Any]

    @property
    def given(self) -> Any:
        return self.make()


class Notes:
    """Rows as they come: to the screen and to a file, so that what was measured is not lost."""

    def __init__(self, seconds: float, about: dict[str, Any]) -> None:
        self.end = time.monotonic() + seconds
        self.about = about
        folder = Path(os.environ.get("OUT") or HERE / "results")
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "gpu.jsonl"

    @property
    def left(self) -> float:
        return self.end - time.monotonic()

    def write(self, row: dict[str, Any]) -> None:
        print(" ".join(f"{key}={value}" for key, value in row.items()), flush=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**row, **self.about}) + "\n")

    def attempt(self, name: str, work: Callable[[], None]) -> None:
        """Do one part; what it fails of is written down and costs the others nothing."""
        if self.left < 0:
            self.write({"left out": name})
            return
        try:
            work()
        except Exception as error:  # noqa: BLE001  the other rows are still to be measured
            traceback.print_exc()
            self.write({"failed": name, "error": repr(error)[:300]})


def sync() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def sample(row: Row, group: Group, steps: int, cfg: float = 5.0, after: Callable[[], None] | None = None) -> Any:
    import comfy.sample
    import torch
    from models import LATENT

    os.environ[FUSED] = "1" if row.is_fused else "0"
    noise = torch.randn((group.batch, *LATENT[group.family]), generator=torch.Generator().manual_seed(0))
    return comfy.sample.sample(
        row.given.model, noise, steps, cfg, "euler", "sgm_uniform", row.given.positive, row.given.negative,
        torch.zeros_like(noise), disable_pbar=True, seed=0, callback=None if after is None else lambda *_: after(),
    )  # fmt: skip


def whole(row: Row, group: Group, steps: int, cfg: float) -> float:
    """Seconds of a whole run, from the call to its last number."""
    sync()
    started = time.perf_counter()
    sample(row, group, steps, cfg)
    sync()
    return time.perf_counter() - started


def marks(row: Row, group: Group) -> tuple[float, list[float]]:
    """Seconds to the end of the first step, and of each that follows, waiting for the device after each."""
    sync()
    times = [time.perf_counter()]

    def after() -> None:
        sync()
        times.append(time.perf_counter())

    sample(row, group, group.steps, after=after)
    first, *steps = (b - a for a, b in itertools.pairwise(times))
    return first, steps


def waits(row: Row, group: Group) -> tuple[float, int]:
    """How often the host waits for the device: in a step, and once in a run."""
    import torch

    def counted(steps: int) -> int:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                sample(row, group, steps)
            finally:
                torch.cuda.set_sync_debug_mode("default")
        return sum("synchroniz" in str(each.message) for each in seen)

    two, four = counted(2), counted(4)
    return (four - two) / 2, two - (four - two)


def on_device(row: Row, group: Group) -> tuple[float, float]:
    """Kernels and copies of a step, and the milliseconds that the device is busy with them."""
    from torch.profiler import ProfilerActivity, profile

    def seen(steps: int) -> tuple[int, float]:
        with profile(activities=[ProfilerActivity.CUDA]) as found:
            sample(row, group, steps)
            sync()
        events = [each for each in found.events() if getattr(each, "device_time", 0)]
        return len(events), sum(each.device_time for each in events)

    (kernels, busy), (more, longer) = seen(1), seen(3)
    return (more - kernels) / 2, (longer - busy) / 2 / 1e3


def rows_of(group: Group) -> list[Row]:
    """The plain model, and what is measured against it."""
    from models import adapters_of, base, steered
    from scenarios import SCENARIOS

    found = {each.name: each for each in SCENARIOS if each.family == group.family}
    rows = [Row("no adapter", False, lambda: base(group.family))]
    for name in group.plain:
        make = cache(lambda name=name: steered(found[name], adapters_of(found[name])))
        rows += [Row(name, is_fused, make) for is_fused in (False, True) if not is_fused or name in group.fused]
    return rows


def counts_of(row: Row, group: Group) -> dict[str, Any]:
    """What does not depend on who else uses the machine, and whole runs of few steps."""
    import torch

    started = time.perf_counter()
    sample(row, group, 1)  # makes and loads the model, and compiles kernels
    sync()
    made = time.perf_counter() - started
    on_gpu = torch.cuda.is_available()
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    found: dict[str, Any] = {"made_s": made, "finite": bool(sample(row, group, 2).isfinite().all())}
    if on_gpu:
        found["peak_mib"] = round(torch.cuda.max_memory_allocated() / 2**20)
        found["kernels"], found["device_ms"] = on_device(row, group)
    if on_gpu and group.batch == 1:
        found["waits_step"], found["waits_run"] = waits(row, group)
    if group.batch == 1 and row.name in FEW_STEPS:
        for steps in LIGHTNING:
            times = [whole(row, group, steps, 1.0) for _ in range(1 + group.repeats)]
            found[f"run_{steps}_ms"] = 1e3 * statistics.median(times)
    return found


@dataclass
class Times:
    """Seconds of first steps, and the medians of those that follow, a run after another."""

    firsts: list[float] = field(default_factory=list)
    steps: list[float] = field(default_factory=list)

    def take(self, row: Row, group: Group) -> None:
        first, steps = marks(row, group)
        self.firsts.append(first)
        self.steps.append(statistics.median(steps))

    def beside(self, plain: Times) -> dict[str, float]:
        if not self.steps or not plain.steps:
            return {}
        ratio = statistics.median(a / b for a, b in zip(self.steps, plain.steps, strict=False))
        return {"step_ms": 1e3 * min(self.steps), "first_ms": 1e3 * min(self.firsts), "ratio": ratio}


def measure(group: Group, notes: Notes) -> None:
    """Each row with a first run in time, written at once; then further runs, and each row again."""
    rows = rows_of(group)
    facts: dict[int, dict[str, Any]] = {}
    times = [Times() for _ in rows]

    def look(number: int) -> None:
        facts[number] = counts_of(rows[number], group)
        times[number].take(rows[number], group)
        write(number)

    def write(number: int) -> None:
        row, found = rows[number], {**facts[number], **times[number].beside(times[0])}
        shown = {name: round(one, 3) if isinstance(one, float) else one for name, one in found.items()}
        runs = len(times[number].steps)
        notes.write(
            {"family": group.family, "batch": group.batch, "scenario": row.name, "fused": row.is_fused, "runs": runs}
            | shown
        )

    for number, row in enumerate(rows):
        name = f"{group.name} {row.name}{' fused' if row.is_fused else ''}"
        notes.attempt(name, lambda number=number: look(number))
    for _ in range(1, group.repeats):
        for number in facts:
            notes.attempt("another run", lambda number=number: times[number].take(rows[number], group))
        for number in facts:
            write(number)


def groups(options: argparse.Namespace) -> Iterator[Group]:
    """Those that were asked for."""
    names = [name.strip() for name in options.rows.split(";") if name.strip()]
    for group in GROUPS:
        if options.only in group.name:
            plain = tuple(name for name in group.plain if not names or name in names)
            fused = () if options.unfused else tuple(name for name in group.fused if name in plain)
            small = {"steps": 2, "repeats": 1} if options.small else {}
            yield replace(group, plain=plain, fused=fused, **small)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--only", default="")
    parser.add_argument("--rows", default="")
    parser.add_argument("--unfused", action="store_true")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    started = time.monotonic()
    wants_dynamic = os.environ.get("LIKENESS_DYNAMIC") == "1"
    is_dynamic = host.reach_dynamic() if wants_dynamic else host.reach() < 0
    import published
    import torch

    from run import machine

    about = {**machine(), "dynamic": is_dynamic, "widths": "small" if options.small else "published"}
    notes = Notes(options.seconds - (time.monotonic() - started), about)
    with torch.inference_mode():
        published.publish(options.small)
        for group in groups(options):
            notes.attempt(group.name, lambda group=group: measure(group, notes))
    print(f"done, {notes.left:.0f} s left; rows in {notes.path}")


if __name__ == "__main__":
    main()
