"""Turns a model file into its tensors' names, shapes and types, without reading the tensors."""

from __future__ import annotations

import os
import pickle
import stat
import struct
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from . import pickle_header
from .damage import damage

SAFETENSORS = (".safetensors", ".sft")
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


# What the libraries raise for a file that is not what its name says.
DAMAGED = (
    safetensors.SafetensorError,
    zipfile.BadZipFile,
    struct.error,
    StopIteration,
    RuntimeError,
    OSError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    ValueError,
    MemoryError,
)
MAX_TENSORS = 1 << 16
"""More than any published model has; a file with more was made to exhaust whoever lists them."""
_LONGEST = 200  # characters of a library's message that are passed on


def tensors(file: Path) -> Mapping[str, Any]:
    """Every tensor of a file on the meta device: flat for `.safetensors`, nested as they are in a torch file.

    Some kilobytes of the file are read, whatever its size, once for each (path, size, time of change).
    Raises ValueError with the reason when the file is missing, damaged or would have to run code.
    """
    found = state(file)
    return _tensors(file, found.st_size, found.st_mtime_ns)


def metadata(file: Path) -> Mapping[str, str]:
    """The metadata in a safetensors file's header; empty for another file. Raises ValueError when it is damaged."""
    if file.suffix.lower() not in SAFETENSORS:
        return {}
    try:
        with safetensors.safe_open(str(file), framework="pt") as opened:
            said: Mapping[str, str] = opened.metadata() or {}
    except DAMAGED as error:
        raise damaged(error, file) from error
    return said


def state(file: Path) -> os.stat_result:
    """Size and times of a file. Raises ValueError when it is missing, cannot be looked at or is something else."""
    try:
        found = file.stat()
    except FileNotFoundError:
        raise ValueError("there is no such file.") from None
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror or error}).") from error
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("it is not a file.")
    return found


def damaged(error: BaseException, file: Path) -> ValueError:
    """The error for a file that a library could not read: what it is instead, where that is seen, else the reason."""
    found = None if isinstance(error, PermissionError) else damage(file)
    if found is not None:
        return ValueError(f"it {found}. Download it again from its publisher.")
    if isinstance(error, pickle.UnpicklingError):
        return ValueError(
            f"it is a pickle that would have to run code to load, or it is damaged ({reason(error)}). Download it again from "
            "its publisher, or use the .safetensors form."
        )
    if isinstance(error, PermissionError):
        return ValueError("this user is not allowed to read it.")
    return ValueError(
        f"it is damaged, incomplete or in another format ({reason(error)}). Download it again from its publisher."
    )


def reason(error: BaseException) -> str:
    """The first line of an error, cut to a length that can be read."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


@lru_cache(maxsize=512)
def _tensors(file: Path, _size: int, _mtime_ns: int) -> Mapping[str, Any]:
    try:
        return _safetensors(file) if file.suffix.lower() in SAFETENSORS else _unwrapped(pickle_header.outline(file))
    except (pickle.UnpicklingError, *DAMAGED) as error:
        raise damaged(error, file) from error


def _safetensors(file: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    # The library checks that the file is as long as its header says.
    with safetensors.safe_open(str(file), framework="pt") as opened:
        keys: list[str] = opened.keys()
        if len(keys) > MAX_TENSORS:
            raise ValueError(f"it lists {len(keys):,} tensors")
        for key in keys:
            entry = opened.get_slice(key)
            found[key] = torch.empty(entry.get_shape(), dtype=_DTYPES[entry.get_dtype()], device="meta")
    return found


def _unwrapped(content: Any) -> Mapping[str, Any]:
    """The state dict where a training script wrapped it, as the host's own loader does."""
    if not isinstance(content, Mapping):
        raise ValueError(f"it contains a {type(content).__name__}, not named tensors")
    if "state_dict" in content:
        content = content["state_dict"]
    if len(content) == 1:
        (only,) = content.values()
        content = only if isinstance(only, Mapping) else content
    return content
