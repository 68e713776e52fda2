"""How far a training has come -> a bar that moves in a terminal, a few lines elsewhere."""

from dataclasses import dataclass, field
from typing import TextIO

from ..progress import bar

LINES = 10  # where the output is no terminal: so many lines for each stage


@dataclass
class Course:
    """Shows how far a training has come: a bar that moves in a terminal, a few lines elsewhere."""

    out: TextIO
    steps: int
    _told: tuple[int, int] = field(default=(0, -1), repr=False)

    def step(self, done: int, of: int) -> None:
        """`done` of `of` pictures are encoded or steps trained."""
        what = "steps trained" if of == self.steps else "pictures encoded"
        line = f"{bar(done, of)} {done} of {of} {what}"
        if self.out.isatty():
            self.out.write("\r" + line.ljust(70) + ("\n" if done == of else ""))
        elif (of, LINES * done // of) != self._told:
            self._told = of, LINES * done // of
            self.out.write(line + "\n")
        self.out.flush()
