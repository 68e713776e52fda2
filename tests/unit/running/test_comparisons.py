"""The page of comparisons is of a whole run, whichever processes ran it and in whatever order."""

from dataclasses import asdict
from random import Random

import pytest
from running import comparisons
from running.comparisons import Gathered, Result


class Report:
    when = "teardown"

    def __init__(self, module, *results, passed=True):
        self.nodeid = f"tests/parity/{module}::test_a"
        self.passed = passed
        self.user_properties = [(comparisons.PROPERTY, asdict(result)) for result in results]


class Config:
    def __init__(self, root, keyword=""):
        self.rootpath = root
        self.keyword = keyword

    def getoption(self, name):
        return getattr(self, name)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A tree with two modules of comparisons."""
    folder = tmp_path / "tests" / "parity"
    folder.mkdir(parents=True)
    for name in ("test_a.py", "test_b.py"):
        (folder / name).touch()
    monkeypatch.setattr(comparisons, "FOLDER", folder)
    monkeypatch.setattr(comparisons, "PAGE", folder / "RESULTS.md")
    monkeypatch.setattr(comparisons, "REFERENCES", ("pytest",))  # some of the real ones are not for every Python
    return tmp_path


def page(root, reports, keyword=""):
    """What is written after these reports; None when nothing is."""
    comparisons.PAGE.unlink(missing_ok=True)
    gathered = Gathered(Config(root, keyword))
    for report in reports:
        gathered.pytest_runtest_logreport(report)
    gathered.pytest_sessionfinish()
    return comparisons.PAGE.read_text() if comparisons.PAGE.exists() else None


REPORTS = [
    Report("test_a.py", Result("step", "sdxl", "diffusers", 2e-5, 1e-4, 3.0)),
    Report(
        "test_a.py", Result("step", "sdxl", "diffusers", 4e-5, 1e-3, 5.0), Result("layer", "sd15", "diffusers", 0.0)
    ),
    Report("test_b.py", Result("kolors", "kolors", "none")),
]


def test_the_worst_of_all_is_kept_in_any_order(root):
    pages = set()
    for seed in range(6):
        Random(seed).shuffle(shuffled := list(REPORTS))
        pages.add(page(root, shuffled))
    (text,) = pages
    cells = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if "step" in line]
    assert cells == [["", "step", "sdxl", "diffusers", "4.0e-05", "1.0e-03", "3.0e+00", ""]]


def test_what_is_not_whole_leaves_the_page_alone(root):
    assert page(root, REPORTS[:2]) is None, "a module is missing"
    assert page(root, REPORTS, keyword="step") is None, "only some tests were chosen"
    assert page(root, [*REPORTS, Report("test_b.py", passed=False)]) is None, "one failed or was skipped"


def test_other_folders_do_not_count(root):
    other = Report("test_c.py", passed=False)
    other.nodeid = "tests/parity/face/test_a.py::test_a"
    assert page(root, [*REPORTS, other])
