"""How jobs become results: on hosts that this process talks to one by one, or on those of an engine."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..comfyui import Host
from ..problems import Problem, say
from . import run_file, serial
from .cluster import Pool
from .course import Course
from .draw import Drawer, Failed, Limits
from .faults import Faulty
from .hosts import Drawing, Own
from .jobs import Job, blocks, unknown_to
from .options import cluster_of, errors_allowed
from .report import Report, report_of
from .result import recorded
from .store import Store


@dataclass(frozen=True)
class Ours:
    """How our own ComfyUI is started."""

    host: Host
    base: Path
    offered: Mapping[str, Sequence[Path]]
    options: tuple[str, ...]

    def own(self) -> Own:
        """One of them."""
        return Own(self.host, self.offered, self.options)


class Way(Protocol):
    """Draws all jobs into a store; `one` is a host to ask before any is drawn."""

    options: argparse.Namespace

    def draw(self, jobs: Sequence[Job], store: Store) -> None: ...

    def one(self) -> Drawing: ...


@dataclass(frozen=True)
class OneByOne:
    """Hosts of this process, each with the next block that is waiting."""

    options: argparse.Namespace
    hosts: Sequence[Drawing]

    def one(self) -> Drawing:
        return self.hosts[0]

    def draw(self, jobs: Sequence[Job], store: Store) -> None:
        drawers = [Checked(host, store, limits_of(self.options), jobs) for host in self.hosts]
        course = _course(self.options, jobs, len(drawers))
        serial.draw_all(blocks(jobs, self.options.rows_per_block), drawers, store, course)


@dataclass(frozen=True)
class Engine:
    """Hosts that an engine starts, here or in its cluster."""

    options: argparse.Namespace
    ours: Ours
    hosts: tuple[int, int]

    def one(self) -> Drawing:
        return self.ours.own()

    def draw(self, jobs: Sequence[Job], store: Store) -> None:
        from . import engine

        before = report_of(store)
        if not (before.failed or before.missing):
            return
        # One host is asked before the engine begins: what it does not know would be an error in every row.
        with answering(Checked(self.one(), store, limits_of(self.options), jobs)):
            say("The host knows all that the rows name")
        plan = engine.Plan(
            store.place,
            str(self.ours.host.tree),
            str(self.ours.host.python),
            {category: tuple(map(str, folders)) for category, folders in self.ours.offered.items()},
            self.ours.options,
            limits_of(self.options),
            self.options.rows_per_block,
            Pool(self.hosts, self.options.cards_per_host, cluster_of(self.options)),
        )
        drawn = len(jobs) - len(before.failed) - len(before.missing)
        engine.draw_all(jobs, plan, store, before, _course(self.options, jobs, 0, drawn))


@dataclass
class Checked(Drawer):
    """A drawer that, once its host answers, looks whether the host knows what the jobs name, before any is drawn."""

    jobs: Sequence[Job] = ()

    def start(self) -> None:
        super().start()
        faults = unknown_to(self.host.link.json("/object_info"), self.jobs)
        if faults:
            raise Faulty(faults)


@contextmanager
def answering(drawer: Drawer) -> Iterator[Drawer]:
    """A drawer whose host answers for as long as the block lasts."""
    try:
        drawer.start()
        yield drawer
    finally:
        drawer.host.stop()


def drawn(way: Way, jobs: Sequence[Job], store: Store, settings: Mapping[str, object]) -> Report:
    """Draw a batch to its end, and what became of its rows."""
    run_file.begin(store, settings, {"command": way.options.words}, jobs)
    say(f"Drawing into {store.place}")
    way.draw(jobs, store)
    run_file.end(store)
    return report_of(store)


def tried(way: Way, jobs: Sequence[Job], store: Store) -> None:
    """Check jobs on a host and count what is drawn already. Raises Faulty, and Problem for files that cannot be read."""
    with answering(Checked(way.one(), store, limits_of(way.options), jobs)) as drawer:
        found = Counter(_state(drawer, job) for job in jobs)
    say(f"Nothing is wrong. Drawn already: {found['drawn']} of {len(jobs)}.")
    if found["unread"]:
        raise Problem(f"The files of {found['unread']} rows cannot be read.", "see their addresses in the manifest.")


def _state(drawer: Drawer, job: Job) -> str:
    try:
        return "drawn" if recorded(drawer.store, drawer.key_of(job)) else "to draw"
    except Failed as failure:
        say(f"{job.id}: {failure}")
        return "unread"


def limits_of(options: argparse.Namespace) -> Limits:
    """The limits of one row."""
    return Limits(options.timeout, options.attempts, options.recycle)


def _course(options: argparse.Namespace, jobs: Sequence[Job], hosts: int, drawn: int = 0) -> Course:
    return Course(sys.stdout, len(jobs), hosts, errors_allowed(options, len(jobs)), drawn)
