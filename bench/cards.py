"""What fits on cards of 8 to 24 GB: peak memory with adapters, what ComfyUI leaves off the card, and whether the picture stays the same.

    python bench/cards.py                    # on a card: published widths, random weights, cards of 8, 12, 16 and 24 GB
    python bench/cards.py --mode novram      # as ComfyUI starts with --lowvram or --novram, or with dynamic VRAM
    python bench/cards.py --filled 1         # besides, the whole card, of which another process leaves 1 GiB
    python bench/cards.py --small            # the miniatures on the processor, to try the program
    python bench/cards.py --take FILE.jsonl  # make a run on a whole card the one of cards.csv and of bench/README.md

A smaller card is played: PyTorch may take no more than the card's memory less what its system and the driver need, and
that is what it answers when it is asked for free memory. Each row is compared with the same row on the whole card.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import host  # noqa: E402  needs this folder on the path
from table import read  # noqa: E402

GIB, MIB = 2**30, 2**20
FIGURES = HERE / "cards.csv"
README = HERE / "README.md"
MARKS = "<!-- cards -->", "<!-- end of cards -->"
CARDS = (8, 12, 16, 24)
MODES = ("normal", "lowvram", "novram", "dynamic")
LABELS = {"sdxl": "SDXL, 1024 px", "sd15": "SD1.5, 512 px"}
TAKEN = 1.0
"""GiB of a card that are not ours: the driver's own, and what a desktop shows."""
STEPS = 2


@dataclass(frozen=True)
class Row:
    """A model with what a scenario of this name puts on it; FaceID is in no other table."""

    family: str
    name: str


ROWS = (
    Row("sdxl", "no adapter, again"),
    Row("sdxl", "plus"),
    Row("sdxl", "two adapters"),
    Row("sdxl", "FaceID"),
    Row("sdxl", "InstantID with IdentityNet"),
    Row("sd15", "no adapter, again"),
    Row("sd15", "plus"),
    Row("sd15", "two adapters"),
)


def given(row: Row) -> Any:
    """A row's model and its two conditionings."""
    from models import adapters_of, base, loaded, steered
    from scenarios import SCENARIOS

    if row.name != "FaceID":
        (scenario,) = (each for each in SCENARIOS if (each.family, each.name) == (row.family, row.name))
        return steered(scenario, adapters_of(scenario))
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter

    plain, person = base(row.family), people()
    model = ApplyIPAdapter.execute(plain.model, loaded(row.family, "faceid"), faces=person, any_recogniser=True).args[0]
    return SimpleNamespace(model=model, positive=plain.positive, negative=plain.negative)


def people() -> Any:
    """One face, as Embed Faces gives it."""
    import numpy
    import torch
    from pack.face.picture import pictures
    from pack.face.recognisers import RESNET100
    from pack.face.value import Face, PictureFaces, Rung, frozen

    points = numpy.array([(38, 52), (73, 52), (56, 72), (41, 92), (71, 92)], numpy.float32)
    embedding = numpy.random.default_rng(1).normal(size=512).astype(numpy.float32)
    (photo,) = pictures(torch.full((1, 256, 256, 3), 0.5))
    face = Face(photo, frozen(numpy.array([20, 30, 95, 110], numpy.float32)), frozen(points), 0.9, Rung())
    face = dataclasses.replace(face, embedding=frozen(embedding), recogniser=RESNET100)
    return (PictureFaces(photo, (face,)),)


@contextmanager
def card_of(gib: float | None) -> Iterator[None]:
    """PyTorch on a card of so many GiB; None for the whole card, or for none at all."""
    import torch

    if gib is None or not torch.cuda.is_available():
        yield
        return
    real, allowed = torch.cuda.mem_get_info, int((gib - TAKEN) * GIB)

    def told(device: Any = None) -> tuple[int, int]:
        free, _ = real(device)
        return max(0, min(free, allowed - torch.cuda.memory_reserved(device))), allowed

    torch.cuda.set_per_process_memory_fraction(allowed / real()[1])
    torch.cuda.mem_get_info = told
    try:
        yield
    finally:
        torch.cuda.mem_get_info = real
        torch.cuda.set_per_process_memory_fraction(1.0)


FILLER = """
import sys, torch
free, _ = torch.cuda.mem_get_info()
taken = torch.empty(max(0, free - int(float(sys.argv[1]) * 2**30)), dtype=torch.uint8, device="cuda")
print("full", flush=True)
sys.stdin.read()
"""


@contextmanager
def filled_to(gib: float | None) -> Iterator[None]:
    """Another process has the card's memory but so many GiB; None for no such process."""
    import torch

    if gib is None or not torch.cuda.is_available():
        yield
        return
    command = [sys.executable, "-c", FILLER, str(gib)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin and other.stdout
        if other.stdout.readline().strip() != b"full":
            raise RuntimeError("the card could not be filled")
        try:
            yield
        finally:
            other.stdin.close()


def emptied() -> None:
    """Nothing of the row before is on the card."""
    import comfy.model_management as management
    import torch

    management.unload_all_models()
    gc.collect()
    management.soft_empty_cache()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def measured(row: Row, gib: float | None) -> tuple[dict[str, Any], Any]:
    """The figures of a row on a card, and the latent that came out of it."""
    import comfy.sample
    import models
    import torch

    emptied()
    began = time.perf_counter()
    with card_of(gib):
        steered = given(row)
        model = steered.model
        noise = torch.randn((1, *models.LATENT[row.family]), generator=torch.Generator().manual_seed(0))
        marks = [time.perf_counter()]

        def after_step(*_: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            marks.append(time.perf_counter())

        made = comfy.sample.sample(
            model, noise, STEPS, 5.0, "euler", "normal", steered.positive, steered.negative, torch.zeros_like(noise),
            disable_pbar=True, seed=0, callback=after_step,
        )  # fmt: skip
    figures = {
        "peak_mib": round(torch.cuda.max_memory_allocated() / MIB) if torch.cuda.is_available() else None,
        "reserved_mib": round(torch.cuda.max_memory_reserved() / MIB) if torch.cuda.is_available() else None,
        "model_mib": round(model.model_size() / MIB),
        "left_off_mib": round((model.model_size() - model.loaded_size()) / MIB),
        "last_step_ms": round(1000 * (marks[-1] - marks[-2])),
        "seconds": round(time.perf_counter() - began, 1),
    }
    return figures, made.float().cpu()


def tried(row: Row, gib: float | None) -> tuple[dict[str, Any], Any]:
    """The same, or why there are none: a row that does not fit must not cost the others."""
    import torch

    try:
        return measured(row, gib)
    except torch.OutOfMemoryError as error:
        return {"error": "out of memory: " + str(error)[:160]}, None
    except Exception as error:  # noqa: BLE001  whatever it is
        return {"error": repr(error)[:300]}, None


def measure(options: argparse.Namespace) -> None:
    """Every row on the whole card, then on the smaller ones; a line of JSON after each."""
    import published
    import torch

    torch.set_num_threads(8)
    published.publish(options.small)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    whole: dict[str, Any] = {}
    began = time.perf_counter()
    cards = [None, *(float(each) for each in options.cards.split(",") if each)]
    places = [*((card, None) for card in cards), *((None, free) for free in (options.filled,) if free is not None)]
    with torch.inference_mode(), (options.out / f"cards-{options.mode}.jsonl").open("w", encoding="utf-8") as file:
        for gib, left in places:
            emptied()
            with filled_to(left):
                for row in ROWS:
                    if options.only not in f"{row.family} {row.name}" or time.perf_counter() - began > options.seconds:
                        continue
                    figures, made = tried(row, gib)
                    name = f"{row.family} {row.name}"
                    before = whole.setdefault(name, made)
                    if made is not None and before is not None:
                        figures |= {"same": torch.equal(made, before), "apart": float((made - before).abs().max())}
                    about = {"gpu": gpu, "card_gib": gib, "left_gib": left, "mode": options.mode, "row": name}
                    file.write(json.dumps(about | figures) + "\n")
                    file.flush()
                    print(json.dumps(about | figures), flush=True)
                    del made


def take(path: Path) -> None:
    """Write down what the rows took on the whole card, and fill the table."""
    import torch

    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    with FIGURES.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("gpu", "torch", "family", "scenario", "peak_mib", "reserved_mib"))
        for row in (
            row for row in rows if row["card_gib"] is None and row.get("left_gib") is None and "error" not in row
        ):
            family, _, name = row["row"].partition(" ")
            about = row["gpu"], torch.__version__, family, "no adapter" if "no adapter" in name else name
            table.writerow((*about, row["peak_mib"], row["reserved_mib"]))
    README.write_text(with_table(README.read_text(encoding="utf-8"), read(FIGURES)), encoding="utf-8")


def with_table(text: str, rows: Sequence[Mapping[str, str]]) -> str:
    """A document with the table of these rows between its marks."""
    before, rest = text.split(MARKS[0])
    return f"{before}{MARKS[0]}\n{_table(rows)}\n{MARKS[1]}{rest.split(MARKS[1])[1]}"


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    heads = " | ".join(f"{card} GB" for card in CARDS)
    lines = [f"| model | on it | at most, MiB | {heads} |", "|" + " --- |" * (3 + len(CARDS))]
    for row in rows:
        cells = " | ".join(_left_off(int(row["reserved_mib"]), card) for card in CARDS)
        lines.append(f"| {LABELS[row['family']]} | {row['scenario']} | {row['reserved_mib']} | {cells} |")
    return "\n".join(lines)


def _left_off(reserved_mib: int, card: int) -> str:
    more = reserved_mib - round((card - TAKEN) * GIB / MIB)
    return "whole" if more <= 0 else f"{more} MiB less"


def main() -> None:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("--small", action="store_true", help="the miniatures")
    form.add_argument("--mode", choices=MODES, default="normal", help="as ComfyUI is started")
    form.add_argument("--cards", default=",".join(map(str, CARDS)), help="GB, with commas")
    form.add_argument(
        "--filled", type=float, metavar="GB", help="last, let another process leave so many GB of the card"
    )
    form.add_argument("--only", default="", help="rows whose family or name contains this")
    form.add_argument("--seconds", type=float, default=1e9, help="begin no further row after so long")
    form.add_argument("--out", type=Path, default=HERE / "results")
    form.add_argument("--take", type=Path, metavar="FILE", help="write cards.csv and the table, and measure nothing")
    options = form.parse_args()
    if options.take:
        take(options.take)
        return
    options.out.mkdir(parents=True, exist_ok=True)
    if options.mode == "dynamic":
        host.reach_dynamic()
    else:
        host.reach(**{} if options.mode == "normal" else {options.mode: True})
    measure(options)


if __name__ == "__main__":
    main()
