"""Measures on a card what has not been measured on one yet, the most important first; each part in a process of its own.

python bench/on_a_card.py first                # on an NVIDIA card with 80 GB: six minutes
python bench/on_a_card.py second               # seven
python bench/on_a_card.py first --small        # the same programs with small models on a processor, to try them
python bench/on_a_card.py --table              # write the list of them into bench/README.md

Everything goes to --out, or $OUT, or bench/results: a log of each part, and the rows that its program writes as they come.
A part that takes longer than its seconds is interrupted, so that it can still say what it has found, and the next begins.
`LIKENESS_COMFYUI` is ComfyUI's folder where it is not `.likeness/ComfyUI`; the Python that runs this has its packages.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench"))

from table import between  # noqa: E402  needs this folder on the path

COMFYUI = os.environ.get("LIKENESS_COMFYUI")
GRACE = 15
"""Seconds that an interrupted part has to say what it found."""


@dataclass(frozen=True)
class Part:
    """What one program measures: the claims that wait for it, its arguments, and those with small models."""

    name: str
    run: str
    seconds: int
    claims: str
    arguments: Sequence[str]
    small: Sequence[str]
    sets: Mapping[str, str] = field(default_factory=dict)
    small_sets: Mapping[str, str] = field(default_factory=dict)


PARTS = (
    Part(
        "kernel-257",
        "first",
        60,
        "257 tokens in 1.5 times the text's time: the pack's kernel and three other ways to write it",
        ("bench/kernel.py", "--only", "257", "--seconds", "45"),
        ("bench/kernel.py", "--only", "257", "--small"),
        small_sets={"TRITON_INTERPRET": "1"},
    ),
    Part(
        "kernel",
        "first",
        45,
        "the kernel's present form, layer by layer, beside attention and addition",
        ("bench/kernel.py", "--chosen", "--seconds", "40"),
        ("bench/kernel.py", "--chosen", "--only", "16", "--small"),
        small_sets={"TRITON_INTERPRET": "1"},
    ),
    Part(
        "bf16",
        "first",
        65,
        "a whole model in bf16 with the kernel's present form is no further from float32 than without it",
        ("bench/one_call.py", "--types", "bfloat16"),
        ("bench/one_call.py", "--types", "bfloat16", "--small"),
        small_sets={"TRITON_INTERPRET": "1"},
    ),
    Part(
        "sdxl",
        "first",
        95,
        "SDXL at 1024 px: whole steps, a first step at most 5 ms longer, runs of 1 and 4 steps, what a further adapter takes",
        ("bench/gpu.py", "--only", "sdxl 1", "--rows", "base; two adapters; four adapters", "--seconds", "85"),
        ("bench/gpu.py", "--only", "sdxl 1", "--rows", "base; two adapters", "--small"),
        sets={"LIKENESS_DYNAMIC": "1"},
    ),
    Part(
        "sdxl-8",
        "first",
        55,
        "SDXL at 1024 px, batch 8: whole steps and the card's time",
        ("bench/gpu.py", "--only", "sdxl 8", "--seconds", "45"),
        ("bench/gpu.py", "--only", "sdxl 8", "--rows", "base", "--small"),
        sets={"LIKENESS_DYNAMIC": "1"},
    ),
    Part(
        "sd15",
        "first",
        55,
        "SD1.5 at 512 px, batch 1 and 8",
        ("bench/gpu.py", "--only", "sd15", "--seconds", "45"),
        ("bench/gpu.py", "--only", "sd15", "--rows", "base", "--small"),
        sets={"LIKENESS_DYNAMIC": "1"},
    ),
    Part(
        "training",
        "second",
        190,
        "recorded steps of SDXL (3 pictures a second) and InstantID (2), and their losses over 50 steps beside those of today's way",
        (
            "bench/training.py",
            "--runs",
            "sdxl today+ckpt x50,sdxl chosen+ckpt x50,instantid chosen+ckpt x50,instantid today+ckpt x50",
            "--seconds",
            "150",
        ),
        ("bench/training.py", "--small", "--runs", "sdxl today+ckpt x3,sdxl chosen+ckpt x3,instantid chosen+ckpt x3"),
    ),
    Part(
        "filled",
        "second",
        30,
        "a card that another program has filled to 1 GB: the same picture, or an end in the same error, as without adapters",
        ("bench/cards.py", "--only", "sdxl", "--cards", "", "--filled", "1", "--seconds", "25"),
        ("bench/cards.py", "--only", "sdxl", "--cards", "", "--filled", "1", "--small"),
    ),
    *(
        Part(
            mode,
            "second",
            25,
            f"{how}: the same picture as on a whole card without it, with adapters as without",
            ("bench/cards.py", "--only", "sdxl", "--cards", "8", "--mode", mode, "--seconds", "20"),
            ("bench/cards.py", "--only", "sd15", "--cards", "8", "--mode", mode, "--small"),
        )
        for mode, how in (("lowvram", "`--lowvram`"), ("novram", "`--novram`"), ("dynamic", "dynamic VRAM"))
    ),
    Part(
        "suite",
        "second",
        110,
        "tests/host and tests/parity on CUDA: what was mended since they last ran there, tests/host/training, tests/host/wan",
        (
            "run.py",
            "test",
            "--device",
            "cuda",
            *(("--comfyui", COMFYUI, "--python", sys.executable) if COMFYUI else ()),
        ),
        ("-m", "pytest", "--confcutdir=tests", "-q", "-n", "0", "tests/host/training/test_weighting.py"),
        small_sets={"LIKENESS_DEVICE": "played", "PYTHONSAFEPATH": "1"},
    ),
)


def attempted(part: Part, out: Path, is_small: bool) -> str:
    """Run a part; its exit status in words."""
    arguments, sets = (part.small, part.small_sets) if is_small else (part.arguments, part.sets)
    known = {"LIKENESS_COMFYUI": COMFYUI} if COMFYUI else {}
    place = out / part.name  # what it writes: programs that are run twice would write over it
    place.mkdir(exist_ok=True)
    if arguments[0] in ("bench/cards.py", "bench/training.py"):
        arguments = (*arguments, "--out", str(place))
    with (out / f"{part.name}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "OUT": str(place), "PYTHONUNBUFFERED": "1", **known, **sets},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return f"status {process.wait(None if is_small else part.seconds)}"
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return "interrupted"


def table() -> str:
    """The parts in their order, for bench/README.md."""
    lines = ["| run | part | at most, seconds | what waits for it |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {part.run} | {part.name} | {part.seconds} | {part.claims} |" for part in PARTS)])


def with_table(text: str) -> str:
    """The document with the table between its marks."""
    return between(text, lambda _: table(), "waits")


def main() -> int:
    runs = tuple(dict.fromkeys(part.run for part in PARTS))
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("run", nargs="?", choices=runs)
    form.add_argument("--only", default="", help="parts, with commas")
    form.add_argument("--small", action="store_true")
    form.add_argument("--out", type=Path, default=Path(os.environ.get("OUT") or ROOT / "bench" / "results"))
    form.add_argument("--table", action="store_true")
    options = form.parse_args()
    if options.table:
        readme = ROOT / "bench" / "README.md"
        readme.write_text(with_table(readme.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    chosen = [
        part
        for part in PARTS
        if options.run in (None, part.run) and (not options.only or part.name in options.only.split(","))
    ]
    ended: list[str] = []
    for part in chosen:
        began = time.monotonic()
        ended.append(attempted(part, out, options.small))
        print(f"{part.name}: {ended[-1]} after {time.monotonic() - began:.0f} s; {out / part.name}.log", flush=True)
    return int(any(end != "status 0" for end in ended))


if __name__ == "__main__":
    sys.exit(main())
