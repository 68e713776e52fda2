"""The figures of a run as a picture: seconds of a step as a ratio to the plain model's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write bars of the ratio for each scenario and family; needs matplotlib, which the tests' environment has.

    `rows` may be those of a CSV, as text; nothing is written where none has a ratio.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as pyplot

    timed = [row for row in rows if row.get("ratio")]
    if not timed:
        return
    names = list(dict.fromkeys(row["scenario"] for row in timed))
    families = list(dict.fromkeys(row["family"] for row in timed))
    figure, axes = pyplot.subplots(figsize=(8, 0.36 * len(names) + 1.4), layout="constrained")
    height = 0.8 / len(families)
    for i, family in enumerate(families):
        ratios = {row["scenario"]: float(row["ratio"]) for row in timed if row["family"] == family}
        places = [names.index(name) + (i - (len(families) - 1) / 2) * height for name in ratios]
        axes.barh(places, list(ratios.values()), height, label=family)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(left=0.8)
    axes.set_xlabel("time of a step / the plain model's")
    axes.legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
