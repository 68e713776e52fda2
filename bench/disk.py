"""Measures what training from a lesson on disk takes: memory above the model's while every picture is read, and the waiting.

python bench/disk.py FOLDER [--pictures 20000] [--side 512] writes a lesson of drawn numbers of SD1.5's sizes there, each with
a caption of its own, and prints a line of JSON. `--lesson` reads one at FOLDER that `run.py encode` has made on the small
models. `python bench/disk.py FOLDER --waiting` only tells the share of a step for which training the small model waits for
what is read, of pictures of its own sizes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import host  # noqa: E402  needs this folder on the path

PER_SHARD, BATCH, STEPS = 256, 8, 40
WIDTH, FEATURE = 768, (1, 1024)
SMALL = 2048  # pictures of 64 pixels
MIB = 1 << 20


def written(folder: Path, pictures: int, side: int, width: int = WIDTH) -> None:
    """Write a lesson of as many pictures with texts of a width, unless it is there."""
    import torch
    from pack.attention.reference.embeds import Embeds
    from pack.attention.training import lesson
    from pack.attention.training.shards import Encoded, write_shard

    if lesson.is_lesson(folder):
        return
    views = {"flip": 0.0, "crop": 1.0, "count": 1}
    lesson.begin(folder, lesson.Made("base", "sd15", side, views, {}, "drawn", "", "drawn", PER_SHARD, False, 8))
    empty = Embeds(image_embeds=torch.zeros(FEATURE))
    text = (1, 77, width)
    lesson.keep_nothing(folder, [torch.zeros(text), {}], empty)
    generator = torch.Generator().manual_seed(0)
    for number, first in enumerate(range(0, pictures, PER_SHARD)):
        rows, texts = [], {}
        for each in range(first, min(first + PER_SHARD, pictures)):
            latent = torch.randn(4, side // 8, side // 8, generator=generator)
            embeds = Embeds(image_embeds=torch.randn(FEATURE, generator=generator))
            rows.append(Encoded(str(each), latent, [embeds], f"caption {each}"))
            texts[f"caption {each}"] = [torch.randn(text, generator=generator), {}]
        write_shard(lesson.shard_file(folder, number), rows, texts, {})
    lesson.end(folder, -(-pictures // PER_SHARD))


def memory() -> float:
    """MiB of this process and of those it has started that are nobody else's; shared ones by their share."""
    import psutil

    own = psutil.Process()
    return sum(process.memory_full_info().pss for process in (own, *own.children(recursive=True))) / MIB


def trainer(folder: Path, steps: int) -> Any:
    import torch
    from miniature import models
    from pack.attention.training.lesson import open_lesson
    from pack.attention.training.settings import Settings
    from pack.attention.training.train import trainer_for

    with torch.inference_mode():
        model = models.unet("sd15", 1)
    settings = Settings(steps=steps, batch_size=BATCH, precision="fp32", checkpointing=False, drop_text=0.05)
    return trainer_for(model, open_lesson(folder, lambda points, size: points).dataset, "base", settings)


def read_all(folder: Path, pictures: int) -> dict[str, float]:
    """Draw as many pictures as there are, as a training does; MiB above what it took before the lesson was opened."""
    trained = trainer(folder, pictures // BATCH)
    drawing = trained._drawing
    started, most = memory(), 0.0
    for step in range(pictures // BATCH):
        drawing.part(step, 0)
        if step % 100 == 99:
            most = max(most, memory())
    drawing.forget()
    return {"mib_before": started, "mib_most": most, "mib_above": most - started}


def waiting(folder: Path) -> dict[str, float]:
    """The share of a step that reading takes, without the first, in which the readers begin."""
    trained = trainer(folder, STEPS)
    from pack.attention.training.course import Course

    told = [trained._timed_step(step, course) for course in (Course(),) for step in range(STEPS)]
    trained._drawing.forget()
    seconds = [BATCH / each["pictures_per_second"] for each in told[1:]]
    waited = [each["waited"] for each in told[1:]]
    return {"step_ms": 1000 * sum(seconds) / len(seconds), "waited_share": sum(waited) / sum(seconds)}


def main() -> None:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("folder", type=Path)
    form.add_argument("--pictures", type=int, default=20_000)
    form.add_argument("--side", type=int, default=512)
    form.add_argument("--lesson", action="store_true")
    form.add_argument("--waiting", action="store_true")
    options = form.parse_args()
    host.reach()
    if options.waiting:
        from miniature import families

        written(options.folder, SMALL, 64, families.FAMILIES["sd15"].context_dim)
        print(json.dumps({name: round(value, 4) for name, value in waiting(options.folder).items()}), flush=True)
        return
    began = time.monotonic()
    if not options.lesson:
        written(options.folder, options.pictures, options.side)
    found = {"pictures": options.pictures, "seconds_to_write": time.monotonic() - began}
    found |= waiting(options.folder) if options.lesson else {}
    found |= read_all(options.folder, options.pictures)
    print(json.dumps({name: round(value, 4) for name, value in found.items()}), flush=True)


if __name__ == "__main__":
    main()
