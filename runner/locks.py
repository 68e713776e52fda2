"""Lets only one set-up work on a folder at a time; the system frees the lock however the program ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .problems import Problem


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock file `path`. Raises Problem when another program holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            _lock(file)
        except OSError as error:
            raise Problem(
                f"Another run.py is setting up {path.parent} right now.",
                "wait until it is ready, then run the same command again.",
            ) from error
        yield


def _lock(file: IO[str]) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
