"""Turns the rows of bench/gpu.py into the table of bench/README.md, so that none is typed.

python bench/gpu_table.py bench/results/gpu.jsonl          # print the table
python bench/gpu_table.py bench/results/gpu.jsonl --take   # make it the committed run, gpu.jsonl
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from table import HERE, between

REFERENCE = HERE / "gpu.jsonl"
FAMILIES = {"sdxl": "SDXL, 1024 pixels", "sd15": "SD1.5, 512 pixels"}
Row = Mapping[str, Any]


def _value(name: str, digits: int) -> Callable[[Row, Row], str]:
    return lambda row, _plain: f"{row[name]:.{digits}f}" if name in row else "-"


def _above(name: str, digits: int) -> Callable[[Row, Row], str]:
    return lambda row, plain: f"{row[name] - plain[name]:+.{digits}f}" if name in row and name in plain else "-"


COLUMNS: Mapping[str, Callable[[Row, Row], str]] = {
    "GPU ms a step": _value("device_ms", 1),
    "above the plain model": _above("device_ms", 1),
    "kernels above it": _above("kernels", 0),
    "waits a run above it": lambda row, plain: _above("waits", 0)(_with_waits(row), _with_waits(plain)),
    "MiB above it": _above("peak_mib", 0),
    "whole step, ms": _value("step_ms", 1),
    "ratio of whole steps": _value("ratio", 2),
    "first step, ms above it": _above("first_ms", 1),
}


def _with_waits(row: Row) -> Row:
    """All of a run of two steps: one that falls between two counts is then not taken for half a wait of a step."""
    return {**row, "waits": row["waits_run"] + 2 * row["waits_step"]} if "waits_run" in row else row


def read(path: Path) -> list[Row]:
    """The rows of models; of one that was written twice the later."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = {(row["family"], row["batch"], row["scenario"], row["fused"]): row for row in rows if "scenario" in row}
    return list(found.values())


def tables(rows: Sequence[Row]) -> str:
    """A table for each model and batch, with what they were measured on; columns without figures are left out."""
    about = rows[0]
    state = "on" if about["dynamic"] else "off"
    lines = [
        f"{about['date']}. {about['gpu']}, torch {about['torch']}, ComfyUI {about['comfyui']}, dynamic VRAM {state}."
    ]
    for family, batch in dict.fromkeys((row["family"], row["batch"]) for row in rows):
        chosen = [row for row in rows if (row["family"], row["batch"]) == (family, batch)]
        plain = next(row for row in chosen if row["scenario"] == "no adapter")
        cells = {name: [of(row, plain) for row in chosen] for name, of in COLUMNS.items()}
        shown = {name: column for name, column in cells.items() if set(column) != {"-"}}
        names = [f"{row['scenario']}{', fused kernel' if row['fused'] else ''}" for row in chosen]
        lines += ["", f"| {FAMILIES[family]}, batch {batch} | {' | '.join(shown)} |", "| --- |" + " --- |" * len(shown)]
        figures = zip(*shown.values(), strict=True)
        lines += [f"| {name} | {' | '.join(row)} |" for name, row in zip(names, figures, strict=True)]
    return "\n".join(lines)


def with_tables(text: str, rows: Sequence[Row]) -> str:
    return between(text, lambda _: tables(rows), "gpu")


def main() -> None:
    parser = argparse.ArgumentParser(description="The tables of a run on a GPU.")
    parser.add_argument("jsonl", type=Path)
    parser.add_argument(
        "--take", action="store_true", help="make it the committed run and fill it into bench/README.md"
    )
    options = parser.parse_args()
    rows = read(options.jsonl)
    print(tables(rows))
    if options.take:
        REFERENCE.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        document = HERE / "README.md"
        document.write_text(with_tables(document.read_text(encoding="utf-8"), rows), encoding="utf-8")


if __name__ == "__main__":
    main()
