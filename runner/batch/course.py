"""How far a batch has come: rows, rate, time left, errors and hosts, as a line that moves or one now and then."""

import threading
import time
from dataclasses import dataclass, field
from typing import TextIO

from ..problems import Problem
from ..progress import bar

EVERY = 10  # seconds between two lines where the output is no terminal


class TooManyErrors(Problem):
    """The end of a run in which more rows have errors than were allowed."""


@dataclass
class Course:
    """Counts results of all hosts, and shows them.

    `allowed` is how many errors end the run, None for any number; `before` is how many rows were done when it began;
    `kind` is what they are.
    """

    out: TextIO
    rows: int
    hosts: int
    allowed: int | None = None
    before: int = 0
    kind: str = "rows"
    done: int = field(default=0, init=False)
    errors: int = 0
    _began: float = field(default_factory=time.monotonic, repr=False)
    _shown: float = field(default=0.0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.done = self.before

    def result(self, name: str, error: str = "") -> None:
        """Count one, with what is wrong with it. Raises TooManyErrors."""
        with self._lock:
            self.done += 1
            self.errors += bool(error)
            self._show()
            if error:
                self._say(f"  {name}: {error}")
            if self.allowed is not None and self.errors > self.allowed:
                raise TooManyErrors(
                    f"{self.errors} rows have errors, more than --max-errors allows. What was drawn is kept.",
                    "`run.py batch report --out ...` lists them; mend their cause, then run the same command again.",
                )

    def line(self) -> str:
        """Everything in one line."""
        passed = max(time.monotonic() - self._began, 1e-6)
        rate = (self.done - self.before) / passed
        left = _clock((self.rows - self.done) / rate) if rate else "?"
        counted = f"{self.errors} {'error' if self.errors == 1 else 'errors'}, {self.hosts} {'host' if self.hosts == 1 else 'hosts'}"
        return f"{bar(self.done, self.rows)} {self.done} of {self.rows} {self.kind}, {60 * rate:.1f} a minute, {left} left, {counted}"

    def _show(self) -> None:
        is_last = self.done == self.rows
        if self.out.isatty():
            self.out.write("\r\x1b[K" + self.line() + ("\n" if is_last else ""))
        elif is_last or time.monotonic() - self._shown >= EVERY:
            self._shown = time.monotonic()
            self.out.write(self.line() + "\n")
        self.out.flush()

    def _say(self, text: str) -> None:
        self.out.write(("\n" if self.out.isatty() and self.done < self.rows else "") + text + "\n")
        self.out.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
