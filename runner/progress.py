"""Shows how far the drawing has come: a bar that moves in a terminal, a line for each picture elsewhere."""

from dataclasses import dataclass, field
from typing import TextIO

WIDTH = 30


def bar(done: int, total: int, width: int = WIDTH) -> str:
    """A text bar; `done` beyond `total` counts as full."""
    filled = width * min(done, total) // max(total, 1)
    return "[" + "#" * filled + "-" * (width - filled) + "]"


@dataclass
class Progress:
    """Progress over several pictures of `steps` steps each."""

    out: TextIO
    pictures: int
    steps: int
    finished: int = 0
    _shown: int = field(default=0, repr=False)

    def step(self, title: str, done: int, total: int) -> None:
        """`done` of `total` steps of the current picture are drawn."""
        if self.out.isatty():
            share = self.finished * self.steps + self.steps * done // max(total, 1)
            self._show(self._line(share, f"{title}, step {done} of {total}"))

    def picture(self, title: str) -> None:
        """The current picture is finished."""
        self.finished += 1
        line = self._line(self.finished * self.steps, title)
        if self.out.isatty():
            self._show(line)
        else:
            self.out.write(line + "\n")
        if self.finished == self.pictures and self.out.isatty():
            self.out.write("\n")
        self.out.flush()

    def _line(self, share: int, text: str) -> str:
        return f"{bar(share, self.pictures * self.steps)} {self.finished}/{self.pictures} {text}"

    def _show(self, line: str) -> None:
        self.out.write("\r" + line.ljust(self._shown))
        self.out.flush()
        self._shown = len(line)
