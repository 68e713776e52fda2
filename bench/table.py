"""Turns the figures of a run into the tables and the plot of the documents, so that none is typed.

python bench/table.py bench/results/RUN.csv          # print the table of all scenarios
python bench/table.py bench/results/RUN.csv --take   # make it the committed run: reference.csv and .png, the pages
python bench/table.py bench/results/RUN.csv --take-families   # put its families in place of the committed run's
"""

from __future__ import annotations

import argparse
import csv
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
REFERENCE = HERE / "reference.csv"
SHORT_IN = (ROOT / "docs" / "cost.md", ROOT / "docs" / "cost.zh-CN.md")
SHORT = ("weight 0", "outside its range", "minimal patch, base", "base", "base with a mask", "two adapters")
"""The scenarios of the short table, in order; a document has its own words for them."""
FAMILIES = {
    "sd15": "SD1.5",
    "sdxl": "SDXL",
    "flux": "FLUX.1",
    "wan": "Wan 14B, its own image branch",
    "flf2v": "Wan 14B FLF2V, its own image branch",
}
OTHERS = ("host time", "loading", "faces")
RUN = ("commit", "date", "processor", "gpu", "torch", "comfyui", "python", "repeats", "widths")
"""What a run's rows have in common."""
Row = Mapping[str, str]


def read(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _number(row: Row, name: str, digits: int = 0, sign: str = "") -> str:
    return f"{float(row[name]):{sign}.{digits}f}" if row.get(name) else "-"


def _pair(name: str) -> Callable[[Row], str]:
    return lambda row: f"{_number(row, name)}, {_number(row, f'{name}_again')}"


STEPS: Mapping[str, Callable[[Row], str]] = {
    "time of a step, ratio": lambda row: _number(row, "ratio", 2),
    "of the fastest steps": lambda row: _number(row, "fastest_ratio", 2),
    "ms a step": lambda row: _number({"ms": _times(row.get("seconds_per_step"), 1000)}, "ms"),
    "ms once a run": lambda row: _number(row, "once_ms", 0, "+"),
    "operators": lambda row: _number(row, "operators", 0, "+"),
    "waits": lambda row: _number(row, "waits", 0, "+"),
    "attentions": lambda row: _number(row, "attentions"),
    "encodes, next run": _pair("encodes"),
    "projections, next run": _pair("projections"),
    "MiB held": lambda row: _number(row, "adapter_mib_held"),
    "alive": lambda row: _number(row, "runs_alive"),
    "peak MiB": lambda row: _number(row, "peak_mib"),
    "on the GPU": lambda row: _number(row, "device_peak_mib"),
}
HOST_TIME = {
    "us a layer": lambda row: _number(row, "us_per_layer", 0, "+"),
    "by the fastest steps": lambda row: _number(row, "fastest_us_per_layer", 0, "+"),
}
FACES = {
    "ms": lambda row: _number({"ms": _times(row.get("seconds_per_step"), 1000)}, "ms", 1),
    "ratio": lambda row: _number(row, "against", 2),
}
LOADING = {
    "file, MiB": lambda row: _number(row, "file_mib"),
    "mapped": lambda row: _number(row, "mapped_mib", 0, "+"),
    "copied": lambda row: _number(row, "copied_mib", 0, "+"),
    "peak of the process": lambda row: _number(row, "peak_mib"),
}


def _times(text: str | None, factor: float) -> str:
    return str(float(text) * factor) if text else ""


def _markdown(title: str, rows: Sequence[Row], columns: Mapping[str, Callable[[Row], str]]) -> list[str]:
    cells = {name: [of(row) for row in rows] for name, of in columns.items()}
    shown = {name: column for name, column in cells.items() if re.search(r"\d", "".join(column))}
    lines = [f"| {title} | {' | '.join(shown)} |", "| --- |" + " --- |" * len(shown)]
    for row, figures in zip(rows, zip(*shown.values(), strict=True), strict=True):
        lines.append(f"| {row['scenario']} | {' | '.join(figures)} |")
    return lines


def full(rows: Sequence[Row]) -> str:
    """The tables of all scenarios: a family after another, then loading and faces; empty columns are left out.

    A family of another run than the first row's says so.
    """
    about = rows[0]
    lines = [_about(about)]
    if about.get("import_ms"):
        lines += ["", f"Importing the pack: {about['import_ms']} ms beyond the host's own imports."]
    kinds = {**dict.fromkeys(FAMILIES, STEPS), **dict(zip(OTHERS, (HOST_TIME, LOADING, FACES), strict=True))}
    for family, columns in kinds.items():
        chosen = [row for row in rows if row["family"] == family]
        if chosen and not _of_one_run(chosen[0], about):
            lines += ["", _about(chosen[0])]
        if chosen:
            lines += ["", *_markdown(FAMILIES.get(family, family), chosen, columns)]
    return "\n".join(lines)


def _about(row: Row) -> str:
    return (
        f"Commit {row['commit']}, {row['date']}. {row['processor']}, GPU: {row['gpu']}; torch {row['torch']}, "
        f"ComfyUI {row['comfyui']}, Python {row['python']}; medians of {row['repeats']} interleaved runs; "
        f"widths: {row['widths']}."
    )


def _of_one_run(row: Row, other: Row) -> bool:
    return all(row[name] == other[name] for name in RUN)


def short(rows: Sequence[Row]) -> list[tuple[str, str, str]]:
    """SDXL's operators, waits and ratio of each scenario of the short table."""
    of = {row["scenario"]: row for row in rows if row["family"] == "sdxl"}
    names = [name for name in SHORT if name in of]
    return [(_number(of[n], "operators"), _number(of[n], "waits"), _number(of[n], "ratio", 2)) for n in names]


def with_full(text: str, rows: Sequence[Row]) -> str:
    return between(text, lambda _: full(rows))


def with_short(text: str, rows: Sequence[Row]) -> str:
    """A document whose short table has these figures; head and first column keep the document's own words."""

    return between(text, lambda old: refilled(old, short(rows)))


def refilled(old: str, rows: Sequence[Sequence[str]]) -> str:
    """A table with other figures; its head and first column stay."""
    head, line, *body = old.splitlines()
    names = [row.split("|")[1].strip() for row in body]
    return "\n".join(
        [head, line, *(f"| {name} | {' | '.join(cells)} |" for name, cells in zip(names, rows, strict=True))]
    )


def between(text: str, change: Callable[[str], str], mark: str = "figures") -> str:
    """Change what is between the marks."""
    found = re.search(rf"(<!-- {mark} -->\n)(.*?)(\n<!-- end of {mark} -->)", text, re.DOTALL)
    if found is None:
        raise ValueError(f"the marks '<!-- {mark} -->' and '<!-- end of {mark} -->' are not in the document")
    return text[: found.start()] + found[1] + change(found[2]) + found[3] + text[found.end() :]


def take(path: Path) -> None:
    """Make a run the committed one and fill its figures into the documents."""
    rows = read(path)
    if len(short(rows)) < len(SHORT):
        raise SystemExit(f"{path} is not a complete run: the short table needs SDXL's {', '.join(SHORT)}.")
    shutil.copyfile(path, REFERENCE)
    _fill(rows)


def take_families(path: Path) -> None:
    """Put a run's families in place of the committed run's, each row with what it was measured on."""
    taken, old = read(path), read(REFERENCE)
    families = {row["family"] for row in taken}
    names = {_named(row) for row in taken}
    missing = [row["scenario"] for row in old if row["family"] in families and _named(row) not in names]
    if missing:
        raise SystemExit(f"{path} lacks scenarios that the committed run has: {', '.join(missing)}.")
    order = [*FAMILIES, *OTHERS]
    rows = sorted(
        (*(row for row in old if row["family"] not in families), *taken), key=lambda row: order.index(row["family"])
    )
    with REFERENCE.open("w", newline="", encoding="utf-8") as file:
        heads = dict.fromkeys(name for row in (*old, *taken) for name in row)
        table = csv.DictWriter(file, heads, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    _fill(rows)


def _named(row: Row) -> tuple[str, str]:
    return row["family"], row["scenario"]


def _fill(rows: Sequence[Row]) -> None:
    """The plot, which is of one run, and the documents."""
    from plot import plot

    plot([row for row in rows if _of_one_run(row, rows[0])], REFERENCE.with_suffix(".png"))
    for document, fill in ((HERE / "README.md", with_full), *((each, with_short) for each in SHORT_IN)):
        document.write_text(fill(document.read_text(encoding="utf-8"), rows), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="The tables of a run.")
    parser.add_argument("csv", type=Path)
    parser.add_argument("--take", action="store_true", help="make it the committed run and fill it into the pages")
    parser.add_argument("--take-families", action="store_true", help="the same for the families in it, others stay")
    options = parser.parse_args()
    print(full(read(options.csv)))
    if options.take:
        take(options.csv)
    if options.take_families:
        take_families(options.csv)


if __name__ == "__main__":
    main()
