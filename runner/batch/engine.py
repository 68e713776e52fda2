"""A batch on many hosts by Ray Data: rows of a Parquet file through a pool of actors, each with a ComfyUI, into results.

Ray starts, restarts and scales the actors, runs again what was lost with one, holds back what is not wanted yet and
remembers which rows are finished. What is ours is the order of the rows and what an actor does with one.
"""

import io
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..comfyui import Host
from .cluster import Ending, Pool, on_hosts, running, starting, stay, telling
from .course import Course, TooManyErrors
from .draw import Drawer, Limits
from .hosts import Own
from .jobs import File, Job
from .key import row_of
from .report import Report, schema
from .result import Result
from .store import Store, store_at
from .talk import Lost

LOOK_SECONDS = 1


@dataclass(frozen=True)
class Plan:
    """What an actor needs to draw; on other machines paths are those of that machine."""

    place: str
    tree: str
    python: str
    offered: Mapping[str, tuple[str, ...]]
    options: tuple[str, ...]
    limits: Limits
    rows_per_block: int
    pool: Pool

    def host(self) -> Own:
        """The ComfyUI of an actor."""
        offered = {category: [Path(path) for path in paths] for category, paths in self.offered.items()}
        host = Host(Path(self.tree), Path(self.python), is_private=False)
        return Own(host, offered, self.options, starts=1)  # the engine tries again with another actor


def draw_all(jobs: Sequence[Job], plan: Plan, store: Store, before: Report, course: Course) -> None:
    """Draw all jobs and write their results part by part. Raises Problem when the run cannot go on."""
    with running(plan.pool, Tally, course.allowed) as tally, _shown(tally, course):
        _run(jobs, plan, store, before, tally)


class Tally(Ending):
    """Counts the rows of all hosts, for the line that shows how far it is, and for the end by too many errors.

    A row of a block that another host begins again has several results; the last one counts.
    """

    def __init__(self, allowed: int | None) -> None:
        super().__init__()
        self.allowed, self.errors = allowed, 0
        self.is_error: dict[str, bool] = {}
        self.new: list[tuple[str, str]] = []

    def result(self, name: str, error: str) -> bool:
        """Count one; whether there are more errors than are allowed."""
        if name not in self.is_error:
            self.new.append((name, error))
        self.errors += bool(error) - self.is_error.get(name, False)
        self.is_error[name] = bool(error)
        return self.allowed is not None and self.errors > self.allowed

    def taken(self) -> tuple[list[tuple[str, str]], int, int]:
        """The rows that came since it was asked last, all errors, and how many hosts there are now."""
        new, self.new = self.new, []
        return new, self.errors, self.there()


@contextmanager
def _shown(tally: Any, course: Course) -> Iterator[None]:
    import ray

    over = threading.Event()

    def look() -> None:
        is_last = False
        while not is_last:
            is_last = over.wait(LOOK_SECONDS)
            with suppress(Exception):  # a count that is lost with its machine is no reason to end
                new, errors, course.hosts = ray.get(tally.taken.remote(), timeout=10)
                course.errors = errors - sum(bool(error) for _, error in new)
                for name, error in new:
                    with suppress(TooManyErrors):  # the host that drew it ends the run
                        course.result(name, error)

    shows = threading.Thread(target=look, daemon=True)
    shows.start()
    try:
        yield
    finally:
        over.set()
        shows.join()


def _run(jobs: Sequence[Job], plan: Plan, store: Store, before: Report, tally: Any) -> None:
    import ray.data
    from ray.data.checkpoint import CheckpointConfig

    checkpoint, client = store.for_engine("checkpoint")
    ray.data.DataContext.get_current().checkpoint_config = CheckpointConfig(
        id_column="try", checkpoint_path=checkpoint, override_filesystem=client, delete_checkpoint_on_success=False
    )
    written, results = _written(jobs, store, before), store.for_engine("results")[0]
    rows = ray.data.read_parquet(store.for_engine(written)[0], filesystem=client)
    blocks = rows.repartition(target_num_rows_per_block=plan.rows_per_block)
    on_hosts(blocks, OnHost, (plan, tally), plan.pool).write_parquet(results, filesystem=client)


def _written(jobs: Sequence[Job], store: Store, before: Report) -> str:
    """Write the jobs for the engine; the name. A row that has an error is another try, which no checkpoint knows."""
    import pyarrow
    from pyarrow import parquet

    failed = {str(line["id"]): line["ended"] for line in before.failed}
    lines = [{"try": f"{row_of(job)} {failed.get(job.id, '')}".strip(), "job": packed(job)} for job in jobs]
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(lines), file)
    name = f"jobs/{time.time_ns()}.parquet"
    for old in store.names("jobs"):
        store.remove(old)
    store.put(name, file.getvalue())
    return name


def packed(job: Job) -> str:
    """A job as JSON."""
    return json.dumps({"id": job.id, "prompt": job.prompt, "files": [asdict(file) for file in job.files]})


def unpacked(text: str) -> Job:
    """The job of `packed`."""
    found = json.loads(text)
    return Job(found["id"], found["prompt"], tuple(File(**file) for file in found["files"]))


class OnHost:
    """What an actor does: one ComfyUI, and a block of rows at a time."""

    def __init__(self, plan: Plan, tally: Any) -> None:
        self._drawer = Drawer(plan.host(), store_at(plan.place), plan.limits)
        self._tally = tally
        with starting(tally, self._drawer.host.stop):
            self._drawer.start()
        stay(tally, self._drawer.host.name)

    def __call__(self, block: object) -> object:
        import pyarrow

        columns = block.to_pydict()
        with telling(self._tally, self._drawer.host.stop):
            results = [self._result(unpacked(job)) for job in columns["job"]]
        lines = pyarrow.Table.from_pylist([result.line() for result in results], schema=schema())
        return lines.append_column("try", [pyarrow.array(columns["try"], pyarrow.string())])

    def _result(self, job: Job) -> Result:
        import ray

        try:
            result = self._drawer.draw(job)
        except Lost as lost:
            print(lost, file=sys.stderr, flush=True)
            os._exit(1)  # Ray begins another actor, and gives it this block
        if ray.get(self._tally.result.remote(result.id, result.error)):
            raise TooManyErrors(
                "More rows have errors than --max-errors allows. What was drawn is kept.",
                "`run.py batch report --out ...` lists them; mend their cause, then run the same command again.",
            )
        return result
