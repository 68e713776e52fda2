"""What a stretch was at whenever its host went down -> what is given up, so that the rest of it is encoded."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..batch.store import Store
from ..problems import Problem
from .stretches import ATTEMPTS

REST = ""
"""In place of a picture's name: captions, and the file."""


@dataclass
class Tries:
    """The tries of one stretch, in a file that says what it is at and outlives its host.

    Raises Problem where that file cannot be read or written: the next host could not note its try either.
    """

    store: Store
    number: int
    most: int
    seconds: float
    _died_at: list[str] = field(init=False)
    _at: str | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        with self._in_words():
            self._died_at = json.loads(self.store.get(self._name) or b"[]")

    def given_up(self, what: str) -> str:
        """Why something is given up, or nothing."""
        died = self._died_at.count(what)
        told = f"its host died {died} times while it was encoded, or it took longer than {self.seconds:g} s."
        return told if died >= self.most else ""

    def begins(self, what: str) -> str:
        """Note a try before it begins; why it is given up in place of it, or nothing."""
        told = self.given_up(what)
        if not told and what != self._at:
            self._put([*self._died_at, what])
            self._at = what
        return told

    def forgive(self) -> None:
        """Take the last try back, which was broken off for no fault of the picture."""
        if not self._died_at:
            self.end()
        elif self._at is not None:
            self._put(self._died_at)

    def end(self) -> None:
        """The stretch is encoded."""
        with self._in_words():
            self.store.remove(self._name)

    def _put(self, tries: list[str]) -> None:
        with self._in_words():
            self.store.put(self._name, json.dumps(tries).encode())

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise Problem(
                f"The file {self.store.place}/{self._name} cannot be read or written ({error}).",
                "mend that, or delete the file; then run the same command again: it goes on where it stopped.",
            ) from error

    @property
    def _name(self) -> str:
        return f"{ATTEMPTS}/{self.number:06}.json"
