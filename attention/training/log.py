"""The course of a training -> a file with a line of JSON for each step, and a tracker beside it where one is chosen."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

NONE = "none"
PROJECT = "likeness"
SUFFIX = ".log.jsonl"

Values = Mapping[str, float]


class Log(Protocol):
    """Takes what is known of a step, counted from 1."""

    def tell(self, step: int, values: Values) -> None: ...

    def close(self) -> None: ...


class Lines:
    """A file in which each line is a step with its values; it is there after every step, whatever comes then."""

    def __init__(self, path: Path, done: int) -> None:
        """Goes on after `done` steps: lines of later ones, from before a training was stopped, are left out."""
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [line for line in _lines_of(path) if line["step"] <= done] if done else []
        part = path.with_name(path.name + ".part")
        part.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")
        os.replace(part, path)
        self._file = path.open("a", encoding="utf-8")

    def tell(self, step: int, values: Values) -> None:
        self._file.write(json.dumps({"step": step, **values}) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _lines_of(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    found: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            break  # the machine stopped while it was written
    return found


class _TensorBoard:
    def __init__(self, folder: Path, name: str, done: int) -> None:
        writer: Any = importlib.import_module("torch.utils.tensorboard").SummaryWriter
        self._writer = writer(str(folder / f"{name}.tensorboard"), purge_step=done + 1)

    def tell(self, step: int, values: Values) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _WandB:
    def __init__(self, folder: Path, name: str, _done: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        wandb: Any = importlib.import_module("wandb")
        self._run = wandb.init(project=PROJECT, name=name, group=name, dir=str(folder))

    def tell(self, step: int, values: Values) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()


class _Trackio:
    def __init__(self, _folder: Path, name: str, _done: int) -> None:
        self._trackio: Any = importlib.import_module("trackio")
        self._trackio.init(project=PROJECT, name=name, resume="allow")

    def tell(self, step: int, values: Values) -> None:
        self._trackio.log(dict(values), step=step)

    def close(self) -> None:
        self._trackio.finish()


@dataclass(frozen=True)
class Tracker:
    """A package that shows the course of trainings: its name, and what begins one after some steps."""

    package: str
    begun: Callable[[Path, str, int], Log]


TRACKERS: Mapping[str, Tracker | None] = MappingProxyType(
    {
        NONE: None,
        "tensorboard": Tracker("tensorboard", _TensorBoard),
        "wandb": Tracker("wandb", _WandB),
        "trackio": Tracker("trackio", _Trackio),
    }
)
"""What a course can be sent to beside the file. None of these comes with the pack."""


def check_tracker(name: str) -> None:
    """Raise ValueError for a tracker that there is not, or whose package is not installed."""
    if name not in TRACKERS:
        raise ValueError(f"there is no tracker '{name}'; choose one of: {', '.join(TRACKERS)}.")
    tracker = TRACKERS[name]
    if tracker is not None and importlib.util.find_spec(tracker.package) is None:
        raise ValueError(
            f"the tracker '{name}' needs a package that is not installed. Run '{sys.executable} -m pip install "
            f"{tracker.package}', or set 'tracker' to {NONE}."
        )


@contextmanager
def closing(logs: Sequence[Log]) -> Generator[None]:
    """Within it the logs are open."""
    try:
        yield
    finally:
        for log in logs:
            log.close()


@dataclass(frozen=True)
class Logs:
    """Where the course of a training goes: the file, and a tracker under the file's name."""

    path: Path
    tracker: str = NONE

    def opened(self, done: int) -> list[Log]:
        """All of them, to go on after `done` steps."""
        check_tracker(self.tracker)
        found: list[Log] = [Lines(self.path, done)]
        tracker = TRACKERS[self.tracker]
        if tracker is not None:
            found.append(tracker.begun(self.path.parent, self.path.name.removesuffix(SUFFIX), done))
        return found
