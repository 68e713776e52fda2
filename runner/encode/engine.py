"""A lesson by many hosts: the numbers of its stretches through a pool of actors, each with a ComfyUI that encodes.

What is encoded is a file of the lesson, so nobody else remembers it.
"""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..batch.cluster import Ending, Pool, on_hosts, running, starting, stay, telling
from ..batch.course import Course
from ..batch.talk import Lost
from .host import Encoder


@dataclass(frozen=True)
class Plan:
    """What an actor needs to encode; on other machines paths are those of that machine."""

    tree: str
    python: str
    words: tuple[str, ...]
    seconds: float
    pool: Pool

    def encoder(self) -> Encoder:
        """The ComfyUI of an actor."""
        return Encoder(Path(self.tree), Path(self.python), self.words, self.seconds)


def encode_all(numbers: Sequence[int], plan: Plan, course: Course) -> None:
    """Encode stretches by their numbers. Raises Problem when the run cannot go on."""
    with running(plan.pool, Ending) as ending:
        import ray
        import ray.data

        items = [{"number": number} for number in numbers]
        blocks = ray.data.from_items(items, override_num_blocks=len(items))
        made = on_hosts(blocks, OnHost, (plan, ending), plan.pool)
        for rows in made.iter_batches(batch_size=None, prefetch_batches=0, batch_format="pyarrow"):
            for row in rows.to_pylist():
                course.hosts = ray.get(ending.there.remote())
                _count(course, row["pictures"], json.loads(row["errors"]))


def _count(course: Course, pictures: int, errors: dict[str, str]) -> None:
    for _ in range(pictures - len(errors)):
        course.result("")
    for name, error in errors.items():
        course.result(name, error)


class OnHost:
    """What an actor does: one ComfyUI, and a stretch at a time."""

    def __init__(self, plan: Plan, ending: Any) -> None:
        self._encoder, self._ending = plan.encoder(), ending
        with starting(ending, self._stop):
            self._encoder.__enter__()
            self._encoder.begin()
        stay(ending, self._encoder.name)

    def __call__(self, block: Any) -> Any:
        import pyarrow

        with telling(self._ending, self._stop):
            return pyarrow.Table.from_pylist([self._made(number) for number in block.column("number").to_pylist()])

    def _made(self, number: int) -> dict[str, object]:
        try:
            made = self._encoder.stretch(number)
        except Lost as lost:
            print(lost, file=sys.stderr, flush=True)
            os._exit(1)  # Ray begins another actor, and gives it this stretch
        return {"pictures": made["pictures"], "errors": json.dumps(made["errors"])}

    def _stop(self) -> None:
        self._encoder.__exit__()
