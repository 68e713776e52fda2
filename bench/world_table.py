"""Turns the figures of the miniature world into the tables and the plot of bench/README.md, so that none is typed.

python bench/world_table.py FOLDER/world.csv          # print the tables
python bench/world_table.py FOLDER/world.csv --take   # make them the committed ones: world.csv and .png, the pages
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from table import HERE, ROOT, Row, between, read, refilled

REFERENCE = HERE / "world.csv"
SHORT_IN = (ROOT / "docs" / "exactness.md", ROOT / "docs" / "exactness.zh-CN.md")
MARK = "world"
NAMED = ("layers", "fusion", "weight")
"""The columns that tell the rows of one experiment apart."""
IN_PIXELS_OR_COSINES = ("keypoints", "cosine", "cosine, shuffled")


@dataclass(frozen=True)
class Table:
    """Which experiments are in one table, and their columns: the head -> the name in the file."""

    title: str
    experiments: Sequence[str]
    columns: Mapping[str, str]


ARRIVES = {name: name for name in ("colour", "texture", "shape", "position", "background")}
BY_CHANCE = {f"another reference's {name}": f"{name}, shuffled" for name in ("colour", "texture")}
TABLES = (
    Table("the reference alone", ("the reference redrawn", "reference alone"), ARRIVES | BY_CHANCE),
    Table("one block only", ("layers",), ARRIVES),
    Table(
        "one block beside a text",
        ("style alone", "composition alone"),
        ARRIVES | {"named": "named", "all else": "all else"},
    ),
    Table(
        "text and reference",
        ("text and reference",),
        {"the text's shape": "text", **{name: name for name in ("colour", "texture", "background")}, **BY_CHANCE},
    ),
    Table(
        "a person",
        ("the person redrawn", "InstantID"),
        {
            **{name: name for name in ("skin", "hair", "style", "eyes", "glasses", "beard")},
            "all of them": "kept",
            "another person's": "shuffled",
            "the text's": "text",
            "keypoints off by, pixels": "keypoints",
            "cosine": "cosine",
            "to another person": "cosine, shuffled",
        },
    ),
)


def tables(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    return "\n\n".join(_markdown(table, rows) for table in TABLES)


def _markdown(table: Table, rows: Sequence[Row]) -> str:
    lines = [f"| {table.title} | {' | '.join(table.columns)} |", "| --- |" + " --- |" * len(table.columns)]
    for row in rows:
        if row["experiment"] in table.experiments:
            lines.append(f"| {_name(row)} | {' | '.join(_shown(row, name) for name in table.columns.values())} |")
    return "\n".join(lines)


def _name(row: Row) -> str:
    if row["layers"]:
        block = f"block {row['layers'].split(':')[0]}"
        return block if row["experiment"] == "layers" else f"{row['experiment']}, {block}"
    parts = [f"weight {row[name]}" if name == "weight" else row[name] for name in NAMED if row.get(name)]
    return ", ".join(parts) or row["experiment"]


def _shown(row: Row, name: str) -> str:
    value = float(row[name])
    return f"{value:.2f}" if name in IN_PIXELS_OR_COSINES else f"{100 * value:.0f} %"


def plotted(rows: Sequence[Row], path: Path) -> None:
    """The weight against what arrives, and both fusion rules as curves of what arrives against what the text keeps."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    alone = [row for row in rows if row["experiment"] == "reference alone"]
    weights = _numbers(alone, "weight")
    for name in ARRIVES:
        left.plot(weights, _numbers(alone, name), marker="o", label=name)
    left.plot(weights, _numbers(alone, "colour, shuffled"), "k:", label="another reference's colour")
    left.set(xlabel="weight", ylabel="share of pictures", ylim=(0, 1), title="What arrives of a reference alone")
    left.legend(fontsize=8)
    lowest = min(_numbers([row for row in rows if row["fusion"]], "text"))
    for fusion in ("add", "orthogonal"):
        curve = [row for row in rows if row["fusion"] == fusion]
        x = [sum(each) / 2 for each in zip(_numbers(curve, "colour"), _numbers(curve, "texture"), strict=True)]
        y = _numbers(curve, "text")
        right.plot(x, y, marker="o", label=fusion)
        for row, place in zip(curve, zip(x, y, strict=True), strict=True):
            right.annotate(row["weight"], place, textcoords="offset points", xytext=(5, 4), fontsize=8)
    labels = {"xlabel": "the reference's colour and texture arrive", "ylabel": "the text's shape is kept"}
    right.set(**labels, xlim=(0, 1), ylim=(lowest - 0.02, 1.01), title="Text and reference, by weight")
    right.legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _numbers(rows: Sequence[Row], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def with_tables(text: str, rows: Sequence[Row]) -> str:
    """The document with these figures."""
    return between(text, lambda _: tables(rows), MARK)


def short(rows: Sequence[Row]) -> list[list[str]]:
    """For weight 0, a half and 1: what arrives of a reference, what the text keeps with it, and the same of a person."""
    found = []
    for weight in ("0", "0.5", "1"):
        at = {row["experiment"]: row for row in rows if row["weight"] == weight and row["fusion"] in ("", "add")}
        alone, beside, person = (at[name] for name in ("reference alone", "text and reference", "InstantID"))
        arrives = [_shown(alone, name) for name in ("colour", "texture", "shape", "background")]
        found.append([*arrives, _shown(beside, "text"), _shown(person, "kept"), _shown(person, "keypoints")])
    return found


def with_short(text: str, rows: Sequence[Row]) -> str:
    """A page whose short table has these figures."""
    return between(text, lambda old: refilled(old, short(rows)), MARK)


def main() -> None:
    form = argparse.ArgumentParser(description="The tables of the miniature world.")
    form.add_argument("csv", type=Path)
    form.add_argument("--take", action="store_true", help="make them the committed ones and fill them into the pages")
    options = form.parse_args()
    rows = read(options.csv)
    print(tables(rows))
    if options.take:
        shutil.copyfile(options.csv, REFERENCE)
        plotted(rows, REFERENCE.with_suffix(".png"))
        for document, fill in ((HERE / "README.md", with_tables), *((each, with_short) for each in SHORT_IN)):
            document.write_text(fill(document.read_text(encoding="utf-8"), rows), encoding="utf-8")


if __name__ == "__main__":
    main()
