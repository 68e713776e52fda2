"""Collects the worst difference of every comparison and prints and writes them as one table."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).with_name("RESULTS.md")
HEADER = ("what is compared", "family", "reference", "worst difference", "limit", "change made by the adapter")
INTRODUCTION = """# Parity with the reference implementations

Written by `pytest tests/parity`. Largest absolute difference, fp32 on the CPU, of everything compared under one
heading; outputs are of magnitude 1 to 2. The last column is the smallest change that the adapter made to the
output in these comparisons: an adapter that did nothing on both sides would agree perfectly. Weights and
features are seeded random numbers in the published layouts.

"""


@dataclass(frozen=True)
class Result:
    """One comparison; `difference` is None where there is no reference to compare with."""

    check: str
    family: str
    oracle: str
    difference: float | None = None
    limit: float | None = None
    effect: float | None = None


class Results:
    """The comparisons of a run. Those of the same check, family and oracle become one row."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str, str], Result] = {}

    def add(self, result: Result) -> None:
        key = (result.check, result.family, result.oracle)
        before = self.rows.get(key, result)
        self.rows[key] = Result(
            *key,
            difference=_either(max, before.difference, result.difference),
            limit=result.limit,
            effect=_either(min, before.effect, result.effect),
        )

    def table(self) -> str:
        cells = [HEADER, *(_cells(row) for _, row in sorted(self.rows.items()))]
        widths = [max(len(row[column]) for row in cells) for column in range(len(HEADER))]
        lines = [
            "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) + " |"
            for row in cells
        ]
        lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
        return "\n".join(lines)

    def write(self, versions: Iterable[str]) -> None:
        """Write the page; `versions` says what the run compared with."""
        text = INTRODUCTION + "Compared with " + ", ".join(versions) + ".\n\n" + self.table() + "\n"
        PAGE.write_text(text, encoding="ascii", newline="\n")


def _either(choose, one: float | None, other: float | None) -> float | None:
    return one if other is None else other if one is None else choose(one, other)


def _cells(row: Result) -> tuple[str, ...]:
    numbers = (f"{value:.1e}" if value is not None else "-" for value in (row.difference, row.limit, row.effect))
    return (row.check, row.family, row.oracle, *numbers)
