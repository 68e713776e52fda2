"""What a step of the trainer costs: seconds, pictures a second and peak memory of whole models with random weights, by how it computes.

    python bench/training.py                                  # on a card: published widths, every lesson, every way
    python bench/training.py --runs "sdxl today+ckpt,sdxl lean" --profile "sdxl lean"
    python bench/training.py --small --steps 3                # the miniatures, to try the program itself

A way is a name of WAYS, with +ckpt for activations that are computed twice. Frozen weights are not hashed here, which
takes seconds. Results go to --out as lines of JSON, a profile as a table beside them.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import host  # noqa: E402  needs this folder on the path
from lessons import LESSONS, Lesson, World, dataset_of, widen  # noqa: E402
from step_profile import Profile  # noqa: E402

WAYS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "today": {"held": False},
        "exact": {"held": False},
        "held": {"fused": True},
        "lean": {"fused": True, "lean": True},
        "recorded": {"fused": True, "lean": True, "recorded": True},
        "recorded cudnn": {"fused": True, "lean": True, "recorded": True, "attention": "cudnn"},
        "recorded held": {"fused": True, "recorded": True},
        "recorded last": {"fused": True, "lean": True, "recorded": True},
        "recorded compiled": {"fused": True, "lean": True, "recorded": True, "compiled": True},
        "chosen": {},
    }
)
"""Ways to compute: fields of Means.

'today' casts in every layer, 'exact' is that in float32, 'chosen' what a node does; in 'recorded last' the frozen
convolutions have their channels side by side, which only measures it.
"""
TWICE = "+ckpt"


@dataclass
class Run:
    """One training: a lesson, a way of WAYS, and whether activations are computed twice."""

    lesson: Lesson
    way: str
    checkpointing: bool
    steps: int
    precision: str = "bf16"
    profile: Path | None = None

    def __post_init__(self) -> None:
        if self.way == "exact":
            self.precision = "fp32"

    @property
    def name(self) -> str:
        return f"{self.lesson.name} {self.way}{TWICE if self.checkpointing else ''}"

    def trained(self, world: World) -> dict[str, Any]:
        """Train; the figures of it."""
        import torch
        from pack.attention.training.loop import Watch

        began = time.perf_counter()
        on_card = world.device.type == "cuda"
        before = torch.cuda.memory_allocated() if on_card else 0  # of weights that the world keeps for the next run
        trainer = self._trainer(world)
        if on_card:
            torch.cuda.reset_peak_memory_stats()
        made, marks = time.perf_counter(), []
        looks = Profile(self.profile, max(1, self.steps - 2), on_card) if self.profile else None

        def after_step(done: int, _of: int, _loss: float) -> None:
            marks.append(time.perf_counter())
            if looks is not None:
                looks.step(done)

        course = trainer.run(Watch(after_step=after_step))
        if on_card:
            torch.cuda.synchronize()
        marks[-1] = time.perf_counter()  # the last update too
        # The first steps also make what the others use.
        late = marks[len(marks) // 2 - 1 :]
        between = [b - a for a, b in zip(late, late[1:], strict=False)] or [marks[-1] - made]
        step = statistics.median(between)
        return {
            "run": self.name,
            "ms_a_step": round(1000 * step, 1),
            "fastest_ms": round(1000 * min(between), 1),
            "pictures_a_second": round(self.lesson.batch / step, 2),
            "first_step_s": round(marks[0] - made, 2),
            "peak_gib": round((torch.cuda.max_memory_allocated() - before) / 2**30, 2) if on_card else None,
            "made_in_s": round(made - began, 1),
            "recorded": trainer.recorded,
            "kept": {f"{width}x{height}": kept for (height, width), kept in trainer.kept.items()},
            "losses": course.losses,
        }

    def _trainer(self, world: World) -> Any:
        """As trainer_for makes it, but for new weights, which are drawn on the device."""
        import torch
        from pack.attention.training.frozen import frozen, settled
        from pack.attention.training.loop import Trainer
        from pack.attention.training.means import Means, means_for
        from pack.attention.training.new_adapter import identity_of, new_adapter
        from pack.attention.training.new_identitynet import new_identitynet
        from pack.attention.training.settings import Settings
        from pack.attention.training.train import INSTANTID, unet_config
        from pack.attention.training.trainee import Trainee

        variant = self.lesson.variant
        means = means_for(world.device) if self.way == "chosen" else Means(**WAYS[self.way])
        settings = Settings(
            steps=self.steps, batch_size=self.lesson.batch, checkpointing=self.checkpointing, precision=self.precision
        )
        data = dataset_of(self.lesson, world.small)
        base = frozen(world.model(self.lesson.family), self.precision, means)
        width = data.no_picture.feature(data.no_picture.names[0]).shape[-1]
        with torch.device(world.device):
            adapter = new_adapter(base.layers, base.unet, variant, width, 0)
            net = new_identitynet(unet_config(base), base.unet, 0) if variant == INSTANTID else None
        trainee = Trainee(adapter, identity_of(base.layers, variant), net)
        base = settled(base)
        if self.way == "recorded last":
            base.unet.to(memory_format=torch.channels_last)
        return Trainer(base, trainee, data, settings, "", means)


def runs_of(options: argparse.Namespace) -> Iterator[Run]:
    """What was asked for, in its order; by default every lesson in every way."""
    lessons = {lesson.name: lesson for lesson in LESSONS}
    everything = (f"{lesson} {way}{twice}" for lesson in lessons for way in WAYS for twice in ("", TWICE))
    for name in options.runs.split(",") if options.runs else everything:
        lesson, _, way = name.strip().partition(" ")
        way, _, steps = way.partition(" x")
        twice = way.endswith(TWICE)
        run = Run(lessons[lesson], way.removesuffix(TWICE), twice, int(steps or options.steps), options.precision)
        if run.name in options.profile.split(","):
            run.profile = options.out / f"profile-{run.name.replace(' ', '-')}.txt"
        yield run


def measure(options: argparse.Namespace) -> None:
    """Run everything, one after the other, and begin no new one when time is up."""
    import comfy.model_management as management
    import torch
    from pack.attention.training import frozen

    device = management.get_torch_device()
    if not options.small:
        widen(device)
        torch.set_num_threads(8)
    frozen.fingerprint = lambda _module: "not hashed here"
    world, began = World(options.small, device), time.perf_counter()
    rows: list[dict[str, Any]] = []
    with (options.out / "training.jsonl").open("a", encoding="utf-8") as file:
        for run in runs_of(options):
            if time.perf_counter() - began > options.seconds:
                print(f"no time left for {run.name}")
                continue
            row = tried(run, world)
            rows.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            print({name: value for name, value in row.items() if name != "losses"}, flush=True)
            gc.collect()
            management.cleanup_models()
            if device.type == "cuda":
                torch.cuda.empty_cache()

    for line in compared(rows):
        print(line)


def compared(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """How far the losses of each training are from those of the first of the same lesson, step by step and in the mean."""
    first: dict[str, Mapping[str, Any]] = {}
    for row in (row for row in rows if "losses" in row):
        before = first.setdefault(row["run"].split()[0], row)
        apart = [a - b for a, b in zip(row["losses"], before["losses"], strict=False)]
        size = statistics.mean(before["losses"])
        yield (
            f"{row['run']}: losses of {len(apart)} steps from {before['run']}'s: at most {max(map(abs, apart)):.2e}, "
            f"in the mean {statistics.mean(apart):+.2e} of {size:.4f}"
        )


def tried(run: Run, world: World) -> dict[str, Any]:
    """The figures of a run, or what went wrong: one row must not cost the others."""
    try:
        return run.trained(world)
    except Exception as error:  # noqa: BLE001  whatever it is
        traceback.print_exc()
        return {"run": run.name, "error": repr(error)[:300]}


def main() -> None:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("--small", action="store_true", help="the miniatures")
    form.add_argument(
        "--runs", default="", help="such as 'sd15 today,sdxl lean+ckpt x50' (of 50 steps), in this order (default: all)"
    )
    form.add_argument("--steps", type=int, default=8)
    form.add_argument("--precision", choices=("bf16", "fp16", "fp32"), default="bf16")
    form.add_argument("--seconds", type=float, default=1e9, help="begin no further run after so long")
    form.add_argument("--profile", default="", help="runs to profile, such as 'sdxl today', with commas")
    form.add_argument("--out", type=Path, default=HERE / "results")
    options = form.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    host.reach()
    import torch

    with torch.inference_mode(False):
        measure(options)


if __name__ == "__main__":
    main()
