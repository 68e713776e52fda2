"""The most memory that a piece of work held at once."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Peak:
    """`mib` of the process (resident, mapped files included) and `device_mib` of the GPU while a with-block lasted.

    Where the system cannot forget an earlier peak (not Linux), `mib` is that of the whole process so far.
    """

    mib = 0.0
    device_mib = 0.0

    def __enter__(self) -> Peak:
        with contextlib.suppress(OSError):
            CLEAR.write_text("5")
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        return self

    def __exit__(self, *_: object) -> None:
        self.mib = _peak()
        if torch.cuda.is_available():
            self.device_mib = torch.cuda.max_memory_allocated() / 2**20


@dataclass(frozen=True)
class Resident:
    """MiB of the process that are resident now: its own, and mapped files. Both are 0 where only the sum is known."""

    anonymous: float
    mapped: float


def resident() -> Resident:
    """What the process holds now; Linux says which part of it is a mapped file."""
    return Resident(_status("RssAnon"), _status("RssFile"))


def _status(field: str) -> float:
    if STATUS.is_file():
        for line in STATUS.read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _peak() -> float:
    if STATUS.is_file():
        return _status("VmHWM")
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
