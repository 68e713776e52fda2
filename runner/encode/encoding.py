"""A process of several -> its stretches of the pictures, encoded by the models of the ComfyUI inside of it."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from ..places import Places
from ..problems import Problem, say
from ..progress import bar
from ..train.seats import STOPPED, Seat
from ..train.together import Work, asked_to_stop, everywhere
from .stretches import ERRORS, Stretches, ended

SOME_ERRORS = 3
LINES = 20


class _Stop(Exception):
    """Asked to, in the middle of a stretch, of which nothing is kept."""


def encoded(places: Places, options: argparse.Namespace, seat: Seat) -> int:
    """Encode this process's stretches; 0, STOPPED, or SOME_ERRORS where pictures could not be encoded."""
    import torch

    stretches = Stretches(options)
    if len(set(everywhere(seat, stretches.hash))) > 1:
        raise Problem("The processes do not see the same pictures.", "let all of them see the same folders.")
    try:
        stretches.load()
        if seat.first:
            say(f"{len(stretches.found)} pictures, in {stretches.count} files of up to {options.per_shard}")
            stretches.begin()
        torch.distributed.barrier()
        _make(stretches, range(seat.rank, stretches.count, seat.count), seat)
    except _Stop:
        if seat.first:
            say("Stopped; what is encoded is kept. The same command goes on.")
        return STOPPED
    torch.distributed.barrier()
    return told(options, *ended(options, stretches.count)) if seat.first else 0


def _make(stretches: Stretches, numbers: Sequence[int], seat: Seat) -> None:
    course = _Course(sys.stdout if seat.first else None, sum(len(stretches.part(number)) for number in numbers))
    for number in numbers:
        if stretches.has(number):
            course.skip(len(stretches.part(number)))
        else:
            stretches.make(number, course)


class _Course:
    """Shows how many of this process's pictures are encoded, and raises where it is to stop."""

    def __init__(self, out: TextIO | None, of: int) -> None:
        self._out = out
        self._done, self._of = 0, of

    def skip(self, count: int) -> None:
        self._done += count

    def begins(self, _: str) -> str:
        return ""

    def ended(self) -> None:
        self._done += 1
        if self._out is not None and (self._done == self._of or self._done % max(1, self._of // LINES) == 0):
            self._out.write(f"{bar(self._done, self._of)} {self._done} of {self._of} pictures encoded\n")
            self._out.flush()
        if asked_to_stop():
            raise _Stop


def told(options: argparse.Namespace, pictures: int, errors: Mapping[str, str]) -> int:
    """Say what a lesson holds; SOME_ERRORS where pictures are missing."""
    say(f"{pictures} pictures are in {options.out}: give it to run.py train as --pictures.")
    if not errors:
        return 0
    say(f"{len(errors)} could not be encoded: {options.out / ERRORS} says why.")
    return SOME_ERRORS


ENCODING = Work(lambda _options: (), encoded)
