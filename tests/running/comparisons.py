"""Gathers the comparisons of the parity tests, from every process of a run, into one table: printed, and kept as a page.

A comparison travels with its test's report, so that it makes no difference which process ran the test.
"""

import importlib.metadata
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from .device import is_card

FOLDER = Path(__file__).resolve().parents[1] / "parity"
PAGE = FOLDER / "RESULTS.md"
REFERENCES = ("torch", "transformers", "diffusers", "ip-adapter")
PROPERTY = "comparison"
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
            limit=_either(max, before.limit, result.limit),
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
        part = PAGE.with_name(f".{PAGE.name}.{os.getpid()}")
        part.write_text(text, encoding="ascii", newline="\n")
        part.replace(PAGE)


class Gathered:
    """Follows the reports of a run, of all its processes."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.results = Results()
        self.modules: set[Path] = set()
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        module = self.config.rootpath / report.nodeid.partition("::")[0]
        if module.parent != FOLDER:
            return
        self.modules.add(module)
        self.failed |= not report.passed
        if report.when == "teardown":
            for name, value in report.user_properties:
                if name == PROPERTY:
                    self.results.add(Result(**value))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.results.rows:
            terminalreporter.section("parity: worst differences")
            terminalreporter.write_line(self.results.table())

    def pytest_sessionfinish(self) -> None:
        """Keep the page of a run in which every module ran whole and nothing of it failed."""
        whole = self.modules == set(FOLDER.glob("test_*.py")) and not self.config.getoption("keyword")
        if whole and not self.failed and not is_card():
            self.results.write(f"{name} {importlib.metadata.version(name)}" for name in REFERENCES)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # one of several processes hands its reports to the one that gathers
        config.pluginmanager.register(Gathered(config))


@pytest.fixture
def compared(request: pytest.FixtureRequest):
    """A function that adds a comparison to the table."""
    return lambda result: request.node.user_properties.append((PROPERTY, asdict(result)))


def _either(choose, one: float | None, other: float | None) -> float | None:
    return one if other is None else other if one is None else choose(one, other)


def _cells(row: Result) -> tuple[str, ...]:
    numbers = (f"{value:.1e}" if value is not None else "-" for value in (row.difference, row.limit, row.effect))
    return (row.check, row.family, row.oracle, *numbers)
