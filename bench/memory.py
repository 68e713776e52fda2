"""The most memory that a piece of work held at once."""

from __future__ import annotations

import contextlib
import sys
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
        self.mib = _resident()
        if torch.cuda.is_available():
            self.device_mib = torch.cuda.max_memory_allocated() / 2**20


def _resident() -> float:
    if STATUS.is_file():
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**20
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
