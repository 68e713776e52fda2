"""Turns the pickle at the head of a torch file into tensors without data, running none of its code."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

# A file of model weights names its tensors in some kilobytes; one that needs more is not such a file.
MAX_PICKLE = 1 << 26


def _tensor(storage: torch.dtype, _offset: int, size: tuple[int, ...], *_: Any) -> Tensor:
    return torch.empty(size, dtype=storage, device="meta")


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data


# All that a pickle of weights may call, and what is called instead.
_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "DoubleStorage"): torch.float64,
    ("torch", "FloatStorage"): torch.float32,
    ("torch", "HalfStorage"): torch.float16,
    ("torch", "BFloat16Storage"): torch.bfloat16,
    ("torch", "LongStorage"): torch.int64,
    ("torch", "IntStorage"): torch.int32,
    ("torch", "ShortStorage"): torch.int16,
    ("torch", "CharStorage"): torch.int8,
    ("torch", "ByteStorage"): torch.uint8,
    ("torch", "BoolStorage"): torch.bool,
}


class _Unpickler(pickle.Unpickler):
    """Builds dictionaries, numbers and tensors on the meta device; everything else is refused by name."""

    def find_class(self, module: str, name: str, /) -> Callable[..., Any]:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks to run {module}.{name}") from None

    def persistent_load(self, pid: Any, /) -> Any:
        return pid[1]  # ("storage", type, key, device, count): only the type counts here


def outline(file: Path) -> Any:
    """What a torch file holds, every tensor on the meta device; the data after the pickle is not read.

    Reads torch's zip format and the older one. Raises pickle.UnpicklingError when the pickle would have to run
    code, and EOFError, zipfile.BadZipFile, KeyError, ValueError and the like when the file is no such file.
    """
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            entry = next(info for info in archive.infolist() if info.filename.endswith("/data.pkl"))
            if entry.file_size > MAX_PICKLE:
                raise ValueError(f"its list of tensors is {entry.file_size} bytes long")
            with archive.open(entry) as stream:
                return _Unpickler(stream).load()
    with file.open("rb") as stream:
        for _ in ("magic number", "protocol", "system"):
            _Unpickler(stream).load()
        return _Unpickler(stream).load()
