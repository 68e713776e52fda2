"""Lets only one set-up work on a folder at a time; the system frees the lock however the program ends."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .problems import say

PAUSE = 0.5  # seconds between two tries


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; as long as another program holds it, wait and say so once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        if not locked(file):
            say(f"Another run.py is setting up {path.parent}; waiting until it is ready (Ctrl-C to give up)")
            while not locked(file):
                time.sleep(PAUSE)
        yield


def locked(file: IO[str]) -> bool:
    """Take the lock on an open file, until it is closed; False when another program has it."""
    try:
        _lock(file)
    except OSError:
        return False
    return True


def _lock(file: IO[str]) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
