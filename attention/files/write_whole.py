"""Puts bytes into a file as a whole: another process sees all of it or what was there before."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, or replace one. An OSError (no space left) leaves what was there, and nothing else."""
    # In the same folder, so that putting it in place is one step of the file system.
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
