"""A batch on many hosts by Ray Data: rows of a Parquet file through a pool of actors, each with a ComfyUI, into results.

Ray starts, restarts and scales the actors, runs again what was lost with one, holds back what is not wanted yet and
remembers which rows are finished. What is ours is the order of the rows and what an actor does with one.
"""

import io
import json
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..comfyui import Host
from ..places import ROOT
from ..problems import Problem, say
from .course import Course, TooManyErrors
from .draw import Drawer, Limits
from .hosts import Own
from .jobs import File, Job
from .key import row_of
from .report import Report, schema
from .result import Result
from .store import Store, store_at
from .talk import Lost

OLDEST = (2, 60)
"""Older ones let anybody on the network run code in a cluster."""
ACTORS_THAT_DO_NOT_START = 2  # in a row; one more ends the run
LOOK_SECONDS = 1
OURS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
"""What Ray is told before it is imported: it reports to nobody, and a stranger is refused."""
OURS_HERE = {
    "RAY_worker_niceness": "0",  # else a ComfyUI that an actor starts starves beside everything else
    "PYTHONPATH": str(ROOT),
}
"""The same for a cluster of our own on this machine."""


@dataclass(frozen=True)
class Plan:
    """What an actor needs to draw, and how many there may be; on other machines paths are those of that machine."""

    place: str
    tree: str
    python: str
    offered: Mapping[str, tuple[str, ...]]
    options: tuple[str, ...]
    limits: Limits
    hosts: tuple[int, int]
    rows_per_block: int
    cards_per_host: float | None = None
    cluster: str | None = None

    def host(self) -> Own:
        """The ComfyUI of an actor."""
        offered = {category: [Path(path) for path in paths] for category, paths in self.offered.items()}
        host = Host(Path(self.tree), Path(self.python), is_private=False)
        return Own(host, offered, self.options, starts=1)  # the engine tries again with another actor


def draw_all(jobs: Sequence[Job], plan: Plan, store: Store, before: Report, course: Course) -> None:
    """Draw all jobs and write their results part by part. Raises Problem when the run cannot go on."""
    if os.environ.get("RAY_AUTH_MODE", "token") != "token":
        raise Problem(
            f"RAY_AUTH_MODE is {os.environ['RAY_AUTH_MODE']}: anybody on the network could run code in this cluster.",
            "unset it, or set it to token, on all machines.",
        )
    os.environ.update(OURS)
    if plan.cluster is None:
        os.environ.update(OURS_HERE)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # of this run alone, and written nowhere
    import ray

    if tuple(map(int, ray.__version__.split(".")[:2])) < OLDEST:
        raise Problem(f"This is Ray {ray.__version__}; 2.60 or newer is needed.", "update it, on all machines.")
    say("Starting the engine")
    ray.init(
        address=plan.cluster,
        include_dashboard=False if plan.cluster is None else None,
        num_cpus=None if plan.cluster else max(os.cpu_count() or 1, plan.hosts[1] + 2),
        log_to_driver=False,
        logging_level="WARNING",
    )
    try:
        tally = ray.remote(Tally).options(num_cpus=0, max_restarts=-1).remote(course.allowed)
        with _shown(ray, tally, course):
            try:
                _run(ray, jobs, plan, store, before, tally)
            except Exception as error:
                raise _reason(ray, tally, error) from error
    finally:
        ray.shutdown()


class Tally:
    """Counts the results of all hosts, for the line that shows how far it is, and for the end by too many errors."""

    def __init__(self, allowed: int | None) -> None:
        self.allowed, self.errors = allowed, 0
        self.new: list[tuple[str, str]] = []
        self.problem: Problem | None = None
        self.hosts: set[str] = set()

    def result(self, name: str, error: str, host: str) -> bool:
        """Count one; whether there are more errors than are allowed."""
        self.new.append((name, error))
        self.hosts.add(host)
        self.errors += bool(error)
        return self.allowed is not None and self.errors > self.allowed

    def ends(self, problem: Problem) -> None:
        """Remember why a host ends the run; on the engine's own way to the driver only a traceback is left of it."""
        self.problem = problem

    def reason(self) -> Problem | None:
        """Why a host has ended the run, if one has."""
        return self.problem

    def taken(self) -> tuple[list[tuple[str, str]], int]:
        """What came since it was asked last, and how many hosts there were."""
        new, self.new = self.new, []
        return new, len(self.hosts)


@contextmanager
def _shown(ray: object, tally: object, course: Course) -> object:
    over = threading.Event()

    def look() -> None:
        is_last = False
        while not is_last:
            is_last = over.wait(LOOK_SECONDS)
            with suppress(Exception):  # a count that is lost with its machine is no reason to end
                new, course.hosts = ray.get(tally.taken.remote(), timeout=10)
                for name, error in new:
                    with suppress(TooManyErrors):  # the host that drew it ends the run
                        course.result(Result(name, "", error=error))

    shows = threading.Thread(target=look, daemon=True)
    shows.start()
    try:
        yield
    finally:
        over.set()
        shows.join()


def _run(ray: object, jobs: Sequence[Job], plan: Plan, store: Store, before: Report, tally: object) -> None:
    import ray.data
    from ray.data.checkpoint import CheckpointConfig

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_consecutive_actor_init_deaths = ACTORS_THAT_DO_NOT_START
    context.execution_options.preserve_order = False
    context.checkpoint_config = CheckpointConfig(
        id_column="try", checkpoint_path=f"{store.place}/checkpoint", delete_checkpoint_on_success=False
    )
    cards = plan.cards_per_host
    if cards is None:
        cards = 1 if ray.cluster_resources().get("GPU") else 0
    fewest, most = plan.hosts
    (
        ray.data.read_parquet(f"{store.place}/{_written(jobs, store, before)}")
        .repartition(target_num_rows_per_block=plan.rows_per_block)
        .map_batches(
            OnHost,
            fn_constructor_args=(plan, tally),
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=fewest, max_size=most, max_tasks_in_flight_per_actor=1),
            num_gpus=cards or None,
            num_cpus=None if cards else 1,
        )
        .write_parquet(f"{store.place}/results")
    )


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

    def __init__(self, plan: Plan, tally: object) -> None:
        self._drawer = Drawer(plan.host(), store_at(plan.place), plan.limits)
        self._tally = tally
        with self._telling():
            self._drawer.start()

    def __call__(self, block: object) -> object:
        import pyarrow

        columns = block.to_pydict()
        with self._telling():
            results = [self._result(unpacked(job)) for job in columns["job"]]
        lines = pyarrow.Table.from_pylist([result.line() for result in results], schema=schema())
        return lines.append_column("try", [pyarrow.array(columns["try"], pyarrow.string())])

    @contextmanager
    def _telling(self) -> Iterator[None]:
        import ray

        try:
            yield
        except Problem as problem:
            ray.get(self._tally.ends.remote(problem))
            self._drawer.host.stop()
            raise

    def _result(self, job: Job) -> Result:
        import ray

        try:
            result = self._drawer.draw(job)
        except Lost as lost:
            print(lost, file=sys.stderr, flush=True)
            os._exit(1)  # Ray begins another actor, and gives it this block
        if ray.get(self._tally.result.remote(result.id, result.error, result.host)):
            raise TooManyErrors(
                "More rows have errors than --max-errors allows. What was drawn is kept.",
                "`run.py batch report --out ...` lists them; mend their cause, then run the same command again.",
            )
        return result


def _reason(ray: object, tally: object, error: Exception) -> Problem:
    """What the engine ended with, in words: a problem of ours on a host, or what Ray says."""
    with suppress(Exception):
        problem = ray.get(tally.reason.remote(), timeout=10)
        if problem is not None:
            return problem
    return Problem(f"The engine ended: {error}", "see the lines above; run the same command again, it goes on.")
