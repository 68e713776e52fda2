"""The engine itself: Ray, started so that it tells nobody and lets nobody in, and pools of hosts in it.

Ray starts, restarts and scales the actors, runs again what was lost with one and holds back what is not wanted yet. What
is ours is what an actor does.
"""

import logging
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ..places import ROOT
from ..problems import Problem, say

OLDEST = (2, 60)
"""Older ones let anybody on the network run code in a cluster."""
ACTORS_THAT_DO_NOT_START = 2  # in a row; one more ends the run
HERE_SECONDS, SILENT_SECONDS = 5, 20
"""A host says so often that it is there, and is gone when it has not for so long."""
OURS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
"""What Ray is told before it is imported: it reports to nobody, and a stranger is refused."""
OURS_HERE = {
    "RAY_worker_niceness": "0",  # else a ComfyUI that an actor starts starves beside everything else
    "PYTHONPATH": str(ROOT),
}
"""The same for a cluster of our own on this machine."""


@dataclass(frozen=True)
class Pool:
    """How many hosts there may be, at least and at most, the cards of each, and the cluster's address if it is not ours.

    By itself a host has one card where the cluster has any.
    """

    hosts: tuple[int, int]
    cards_per_host: float | None = None
    cluster: str | None = None


class Ending:
    """Remembers why a host ends the run, and which hosts there are.

    On the engine's own way to the driver only a traceback is left of a reason.
    """

    def __init__(self) -> None:
        self.problem: Problem | None = None
        self.at_start: Problem | None = None
        self.heard: dict[str, float] = {}

    def ends(self, problem: Problem) -> None:
        """A host ends the run."""
        self.problem = problem

    def has_not_started(self, problem: Problem) -> None:
        """A host has not started, which ends the run if those in its place do not either."""
        self.at_start = problem

    def has_started(self) -> None:
        """A host has started, whatever was wrong with others before."""
        self.at_start = None

    def reason(self) -> Problem | None:
        """Why a host has ended the run, if one has."""
        return self.problem or self.at_start

    def here(self, host: str) -> None:
        """A host is there."""
        self.heard[host] = time.monotonic()

    def there(self) -> int:
        """How many hosts there are: one that was killed says nothing."""
        now = time.monotonic()
        self.heard = {host: at for host, at in self.heard.items() if now - at < SILENT_SECONDS}
        return len(self.heard)


@contextmanager
def running(pool: Pool, kind: type[Ending], *arguments: object) -> Iterator[Any]:
    """The engine for as long as the block lasts, with an Ending in it that all hosts tell.

    Raises Problem for whatever the block ends with.
    """
    ray = _imported(pool)
    say("Starting the engine")
    try:
        _begin(ray, pool)
        ending = ray.remote(kind).options(**_beside_the_driver(ray)).remote(*arguments)
        try:
            yield ending
        except Exception as error:
            raise _reason(ray, ending, error) from error
    finally:
        ray.shutdown()


def _begin(ray: Any, pool: Pool) -> None:
    try:
        ray.init(
            address=pool.cluster,
            include_dashboard=False if pool.cluster is None else None,
            num_cpus=None if pool.cluster else max(os.cpu_count() or 1, pool.hosts[1] + 2),
            log_to_driver=False,
            logging_level="WARNING",
        )
    # Ray raises its own errors, Python's of connections, values and a runtime, and those of its parts in C++.
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        if pool.cluster is None:
            raise Problem(
                f"The engine does not start on this machine ({why}).", "see the lines above, then run it again."
            ) from error
        raise Problem(
            f"There is no cluster to be reached at --address {pool.cluster}, or it has another token ({why}).",
            "start it, and give its address, on a machine of it; set RAY_AUTH_TOKEN to the token that it was started with.",
        ) from error


def _beside_the_driver(ray: Any) -> dict[str, object]:
    """How an actor is placed that must not be lost with another machine than the driver's."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": here}


def _imported(pool: Pool) -> Any:
    if os.environ.get("RAY_AUTH_MODE", "token") != "token":
        raise Problem(
            f"RAY_AUTH_MODE is {os.environ['RAY_AUTH_MODE']}: anybody on the network could run code in this cluster.",
            "unset it, or set it to token, on all machines.",
        )
    os.environ.update(OURS)
    if pool.cluster is None:
        os.environ.update(OURS_HERE)
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # of this run alone, and written nowhere
    import ray
    import ray.data

    if tuple(map(int, ray.__version__.split(".")[:2])) < OLDEST:
        raise Problem(f"This is Ray {ray.__version__}; 2.60 or newer is needed.", "update it, on all machines.")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_consecutive_actor_init_deaths = ACTORS_THAT_DO_NOT_START
    context.execution_options.preserve_order = False
    return ray


def _reason(ray: Any, ending: Any, error: Exception) -> Problem:
    """What the engine ended with, in words: a problem of ours on a host or here, or what Ray says."""
    with suppress(Exception):
        problem = ray.get(ending.reason.remote(), timeout=10)
        if problem is not None:
            return problem
    if isinstance(error, Problem):
        return error
    return Problem(f"The engine ended: {error}", "see the lines above; run the same command again, it goes on.")


def on_hosts(blocks: Any, actor: type, arguments: Sequence[object], pool: Pool) -> Any:
    """A dataset's blocks through a pool of actors, one at a time in each."""
    import ray

    cards = pool.cards_per_host
    if cards is None:
        cards = 1 if ray.cluster_resources().get("GPU") else 0
    fewest, most = pool.hosts
    return blocks.map_batches(
        actor,
        fn_constructor_args=tuple(arguments),
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(min_size=fewest, max_size=most, max_tasks_in_flight_per_actor=1),
        num_gpus=cards or None,
        num_cpus=None if cards else 1,
    )


@contextmanager
def starting(ending: Any, stop: Callable[[], None]) -> Iterator[None]:
    """In an actor: the block starts its host; a Problem of it is told, and ends the run if no other starts."""
    with _told(ending.has_not_started, stop):
        yield
    ending.has_started.remote()


def telling(ending: Any, stop: Callable[[], None]) -> AbstractContextManager[None]:
    """In an actor: a Problem of the block ends the run, with the reason told and the actor's host stopped."""
    return _told(ending.ends, stop)


@contextmanager
def _told(tell: Any, stop: Callable[[], None]) -> Iterator[None]:
    import ray

    try:
        yield
    except Problem as problem:
        ray.get(tell.remote(problem))
        stop()
        raise


def stay(ending: Any, host: str) -> None:
    """In an actor: say that its host is there, for as long as the actor's process lives."""

    def say_so() -> None:
        while True:
            ending.here.remote(host)
            time.sleep(HERE_SECONDS)

    threading.Thread(target=say_so, daemon=True).start()
