"""The plan of a training -> the pictures of each part, read ahead by other processes where they are in files."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        self._ahead: _Ahead | None = None
        self._readers = READERS if "fork" in multiprocessing.get_all_start_methods() else 0

    def part(self, position: Position, numbers: Sequence[int]) -> list[Example]:
        """The pictures of a part, in order; `numbers` are those of the plan."""
        kept = self._examples
        if not isinstance(kept, Kept):
            return [kept[number] for number in numbers]
        if not self._readers:
            return kept.taken(numbers, kept.read(numbers))
        found = self._next()
        if found is None or found[0] != position:
            # The first part, or one that is computed again.
            self.forget()
            self._ahead = _Ahead(kept, self._plan, self._after(position), self._readers)
            found = self._next()
        if found is None:
            logging.warning("The processes that read ahead do not answer; what is trained on is read without them.")
            self._readers = 0
            return self.part(position, numbers)
        return found[1]

    def forget(self) -> None:
        """End the readers."""
        if self._ahead is not None:
            self._ahead.end()
        self._ahead = None

    def _next(self) -> tuple[Position, list[Example]] | None:
        if self._ahead is None:
            return None
        try:
            return self._ahead.next()
        except RuntimeError as error:
            if "timed out" not in str(error):
                raise
            self.forget()
            return None


class _Ahead:
    """Parts in their order, read by other processes.

    A thread receives them, one ahead: to take over what another process has read takes milliseconds, more where the
    processors are busy, and no step waits for it.
    """

    def __init__(self, kept: Kept, plan: Plan, positions: Iterable[Position], readers: int) -> None:
        self._kept = kept
        self._plan = plan
        loader: Any = DataLoader(
            _Parts(kept, plan),
            sampler=positions,  # pyright: ignore[reportArgumentType]  any iterable serves
            batch_size=None,
            num_workers=readers,
            collate_fn=_as_it_is,
            timeout=SECONDS,
            multiprocessing_context="fork",
        )
        self._read: Iterator[tuple[Position, Any]] = iter(loader)  # forks, before there is a thread
        self._thread = ThreadPoolExecutor(1, "likeness-reading")
        self._coming = self._thread.submit(self._received)

    def next(self) -> tuple[Position, list[Example]] | None:
        """The next part, while the one after it is received."""
        found = self._coming.result()
        self._coming = self._thread.submit(self._received)
        return found

    def end(self) -> None:
        """Wait for what is being received, and let go of it."""
        self._thread.shutdown(cancel_futures=True)

    def _received(self) -> tuple[Position, list[Example]] | None:
        read = next(self._read, None)
        return None if read is None else (read[0], self._kept.taken(self._plan(read[0]), read[1]))


def _as_it_is(found: Any) -> Any:
    return found


class _Parts(Rows[Any]):
    """What is in the files of a part's pictures, by its position."""

    def __init__(self, kept: Kept, plan: Plan) -> None:
        self._kept = kept
        self._plan = plan

    def __getitem__(self, position: Position) -> tuple[Position, Any]:
        return position, self._kept.read(self._plan(position))
