"""Measures what the adapters of the miniature world do: how much of a held-out reference arrives, how well the text is
kept with it, and what chance gives.

python bench/world.py FOLDER writes world.csv there, from which world_table.py makes tables. The folder keeps the networks
that judge the pictures; fitting them takes some minutes once. With --people it is the folder in which
tests/miniature/world/make.py trains the portraits' models, of which every one that is there is measured.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import host  # noqa: E402  needs this folder on the path

Row = dict[str, Any]
FIRST = ("experiment", "layers", "fusion", "weight")


def written(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as CSV with the columns of all of them."""
    columns = list(dict.fromkeys([*FIRST, *(name for row in rows for name in row)]))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows({name: _rounded(value) for name, value in row.items()} for row in rows)


def _rounded(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value


def main() -> None:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("folder", type=Path)
    form.add_argument(
        "--people", action="store_true", help="the portraits' models, from the folder they are trained in"
    )
    options = form.parse_args()
    folder: Path = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    host.reach()
    import torch
    from miniature import portraits, world

    module = importlib.import_module(f"{(portraits if options.people else world).__name__}.evaluation")
    rows: list[Row] = []
    evaluation = module.Evaluation(folder)
    with torch.inference_mode():
        for row in evaluation.rows():
            print({name: _rounded(value) for name, value in row.items()}, flush=True)
            rows.append(row)
    written(rows, folder / ("people.csv" if options.people else "world.csv"))


if __name__ == "__main__":
    main()
