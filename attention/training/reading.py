"""The plan of a training -> the pictures of each part, read ahead by other processes where they are in files."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader
from torch.utils.data import Dataset as Rows

from .dataset import Example, Kept

READERS = 2
"""Processes that read ahead, as many parts each as DataLoader has by itself (2)."""
SECONDS = 120
"""After which a reader is given up: one that was forked at a bad moment waits for ever."""

Position = tuple[int, int]
"""A step and a part of it."""
Plan = Callable[[Position], Sequence[int]]
"""The numbers of the pictures of a part."""


class Reading:
    """Gives the pictures of a part. Where these are is a function of the plan, so nothing of it is in a state."""

    def __init__(
        self, examples: Sequence[Example], plan: Plan, after: Callable[[Position], Iterable[Position]]
    ) -> None:
        """`after` are the parts from one on that this process will ask for, in their order."""
        self._examples = examples
        self._plan = plan
        self._after = after
        self._ahead: Iterator[tuple[Position, Any]] | None = None
        self._readers = READERS if "fork" in multiprocessing.get_all_start_methods() else 0

    def part(self, position: Position) -> list[Example]:
        """The pictures of a part, in order."""
        numbers = self._plan(position)
        if not isinstance(self._examples, Kept):
            return [self._examples[number] for number in numbers]
        return self._examples.taken(numbers, self._read(self._examples, position))

    def forget(self) -> None:
        """End the readers."""
        self._ahead = None

    def _read(self, kept: Kept, position: Position) -> Any:
        if not self._readers:
            return kept.read(self._plan(position))
        found = self._next()
        if found is None or found[0] != position:
            # The first part, or one that is computed again.
            self._ahead = None
            self._ahead = self._begun(kept, position)
            found = self._next()
        if found is None:
            logging.warning("The processes that read ahead do not answer; what is trained on is read without them.")
            self._readers = 0
            return self._read(kept, position)
        return found[1]

    def _next(self) -> tuple[Position, Any] | None:
        if self._ahead is None:
            return None
        try:
            return next(self._ahead, None)
        except RuntimeError as error:
            if "timed out" not in str(error):
                raise
            self._ahead = None
            return None

    def _begun(self, kept: Kept, position: Position) -> Iterator[tuple[Position, Any]]:
        loader: Any = DataLoader(
            _Parts(kept, self._plan),
            sampler=self._after(position),  # pyright: ignore[reportArgumentType]  any iterable serves
            batch_size=None,
            num_workers=self._readers,
            collate_fn=_as_it_is,
            timeout=SECONDS,
            multiprocessing_context="fork",
        )
        return iter(loader)


def _as_it_is(found: Any) -> Any:
    return found


class _Parts(Rows[Any]):
    """What is in the files of a part's pictures, by its position."""

    def __init__(self, kept: Kept, plan: Plan) -> None:
        self._kept = kept
        self._plan = plan

    def __getitem__(self, position: Position) -> tuple[Position, Any]:
        return position, self._kept.read(self._plan(position))
