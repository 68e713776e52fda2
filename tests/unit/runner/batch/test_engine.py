"""What the hosts of an engine tell is counted by rows and by hosts, however often one is begun again."""

import io
import sys
from types import SimpleNamespace

import pytest

from runner.batch import cluster, engine
from runner.batch.course import Course


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(is_at=0.0)
    monkeypatch.setattr(cluster.time, "monotonic", lambda: now.is_at)
    return now


def test_a_row_that_is_drawn_again_counts_once():
    """Four rows with errors beside one that takes its host down three times."""
    tally = engine.Tally(allowed=5)
    for _ in range(4):
        assert not any(tally.result(f"r{number}", "no face") for number in range(4))
    assert not tally.result("r4", "its host died 3 times")
    assert [name for name, _ in tally.taken()[0]] == ["r0", "r1", "r2", "r3", "r4"] and tally.errors == 5
    assert not tally.result("r0", "") and tally.errors == 4, "the last result counts"
    assert tally.taken()[:2] == ([], 4)
    assert not tally.result("r5", "no face") and tally.result("r6", "no face")


def test_only_hosts_that_are_there_are_counted(clock):
    tally = engine.Tally(None)
    tally.here("one")
    clock.is_at = cluster.SILENT_SECONDS - 1
    tally.here("two")
    assert tally.there() == 2
    clock.is_at += 2
    assert tally.there() == 1 == tally.taken()[2]


def test_the_line_shows_rows_errors_and_hosts_of_the_tally(monkeypatch):
    told = [([("r0", "no face"), ("r1", "")], 1, 2), ([], 0, 1)]
    ray = SimpleNamespace(get=lambda taken, timeout: taken)
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setattr(engine, "LOOK_SECONDS", 0)
    tally = SimpleNamespace(taken=SimpleNamespace(remote=lambda: told.pop(0)))
    course = Course(io.StringIO(), 2, 0)
    with engine._shown(tally, course):
        while told:
            pass
    assert (course.done, course.errors, course.hosts) == (2, 0, 1)
