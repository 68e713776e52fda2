"""Turns a small safetensors file into its metadata and its tensors, by reading and not by mapping it.

A process that has mapped a file is ended by the system when somebody cuts the file off meanwhile; one that reads it
gets an error. Files that come from outside, as embeds do, are therefore read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import comfy.model_management
import safetensors.torch
import torch
from torch import Tensor

from .header import DAMAGED, reason, state

MAX_HEADER = 1 << 20
"""Bytes of the list of tensors: embeds have four tensors at most."""


def metadata_of(path: Path) -> Mapping[str, str]:
    """The metadata in a file's header. Raises ValueError with the reason when it is missing or damaged."""
    size = state(path).st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > min(MAX_HEADER, size - 8):
                raise ValueError(f"its header claims to be {length:,} bytes long")
            header: Any = json.loads(file.read(length))
        said: Any = header.get("__metadata__", {})
    except DAMAGED as error:
        raise _damaged(error) from error
    if not isinstance(said, Mapping):
        raise ValueError("it is damaged or not a safetensors file: its header has no metadata.")
    return {key: str(value) for key, value in cast(Mapping[str, Any], said).items()}


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, in memory. Raises ValueError when it is damaged or larger than the memory that is free."""
    size = state(path).st_size
    free = cast(int, comfy.model_management.get_free_memory(torch.device("cpu")))
    if 2 * size > free:
        raise ValueError(
            f"it has {size:,} bytes, and reading it takes twice as much memory; only {free:,} bytes are free."
        )
    try:
        return safetensors.torch.load(path.read_bytes())
    except DAMAGED as error:
        raise _damaged(error) from error


def _damaged(error: BaseException) -> ValueError:
    return ValueError(f"it is damaged or not a safetensors file ({reason(error)}).")
