"""A training that is not at its end -> files like those it will write, of where it stood the last few times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...attention.training.loop import Trained, Trainer
from ..files.training_files import files_on_the_way, step_file

Save = Callable[[Sequence[Path], Trainer, Trained], None]
"""Writes the files of a training to these paths."""


@dataclass(frozen=True)
class KeptFiles:
    """Writes the files of a training under names with the step, and deletes all but the last `most` (0: none)."""

    paths: Sequence[Path]
    save: Save
    most: int

    def write(self, trainer: Trainer, trained: Trained) -> None:
        """Write what has been trained so far."""
        self.save([step_file(path, len(trained.losses)) for path in self.paths], trainer, trained)
        for path in self.paths if self.most else ():
            for old in files_on_the_way(path)[: -self.most]:
                old.unlink()
