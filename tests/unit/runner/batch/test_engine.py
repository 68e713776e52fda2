"""What the hosts of an engine tell is counted by rows and by hosts, however often one is begun again."""

import io
import sys
from contextlib import suppress
from types import SimpleNamespace

import pytest

from runner.batch import cluster, engine
from runner.batch.course import Course
from runner.problems import Problem


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


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("10.0.0.1:6379", "There is no cluster to be reached at --address 10.0.0.1:6379, or it has another token (Con"),
        (None, "The engine does not start on this machine (ConnectionError: refused)"),
    ],
)
def test_an_engine_that_cannot_be_had_is_one_sentence(address, said, monkeypatch):
    done = []

    def init(**_):
        raise ConnectionError("refused")

    ray = SimpleNamespace(init=init, shutdown=lambda: done.append("shutdown"))
    monkeypatch.setattr(cluster, "_imported", lambda _: ray)
    with pytest.raises(Problem) as raised, cluster.running(cluster.Pool((1, 1), cluster=address), cluster.Ending):
        pass
    assert raised.value.what.startswith(said) and done == ["shutdown"]


class Actor:
    """An Ending as actors see it."""

    def __init__(self, ending):
        self.ending = ending

    def __getattr__(self, name):
        return SimpleNamespace(remote=getattr(self.ending, name))


def test_the_reason_of_an_end_is_not_a_start_that_another_host_made_up_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(get=lambda answer: answer))
    ending, stopped = cluster.Ending(), []

    def begin(context, wrong=None):
        with suppress(Problem), context(Actor(ending), lambda: stopped.append(wrong)):
            if wrong is not None:
                raise wrong

    slow, full = Problem("the card is busy", "wait"), Problem("no space left", "make room")
    begin(cluster.starting, slow)
    assert ending.reason() is slow and stopped == [slow]
    begin(cluster.starting)
    assert ending.reason() is None
    begin(cluster.telling, full)
    begin(cluster.starting)
    assert ending.reason() is full
