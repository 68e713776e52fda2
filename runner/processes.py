"""Runs one program to its end, and turns its failure into a Problem."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .problems import Problem


def run(
    command: Sequence[str | Path],
    doing: str,
    cure: str,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run `command` with its output on the terminal; `doing` completes the sentence '... failed'.

    Raises Problem when the program cannot be started or ends with another status than 0.
    """
    try:
        done = subprocess.run([str(part) for part in command], env=dict(env or os.environ), cwd=cwd, check=False)
    except OSError as error:
        raise Problem(f"{doing} failed: {command[0]} cannot be started ({error}).", cure) from error
    if done.returncode:
        raise Problem(f"{doing} failed (exit status {done.returncode}); the reason is printed above.", cure)


def status_of(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run `command` with its output on the terminal and return its exit status."""
    return subprocess.run([str(part) for part in command], env=dict(env or os.environ), cwd=cwd, check=False).returncode
