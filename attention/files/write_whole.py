"""Bytes, or named tensors and a few words as safetensors -> a file that another process sees whole or not at all."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import safetensors.torch
from torch import Tensor

_ALIGNED = 8  # bytes: where the tensors of a safetensors file may begin


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Write a safetensors file; the same tensors and words give the same bytes.

    An OSError (no space left) leaves what was there before, and nothing else.
    """
    write_bytes(path, _in_order(safetensors.torch.save(dict(tensors), dict(header))))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file. An OSError leaves what was there before, and nothing else."""
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


def _in_order(content: bytes) -> bytes:
    """The same file with its header in the order of its names: the library writes it in another one each time."""
    (length,) = struct.unpack("<Q", content[:8])
    words = json.loads(content[8 : 8 + length])
    head = json.dumps(words, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    head += b" " * (-len(head) % _ALIGNED)
    return struct.pack("<Q", len(head)) + head + content[8 + length :]
