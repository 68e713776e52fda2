"""Turns the pickle at the head of a torch file into tensors without data, running none of its code."""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

# A file of model weights names its tensors in some kilobytes; one that needs more is not such a file.
MAX_PICKLE = 1 << 23
_MAX_REMEMBERED = 1 << 20
_TOO_LONG = f"its list of tensors is longer than {MAX_PICKLE:,} bytes"


def _tensor(storage: torch.dtype, _offset: int, size: tuple[int, ...], *_: Any) -> Tensor:
    return torch.empty(size, dtype=storage, device="meta")


def _small_tensor(
    _storage: None,
    _offset: int,
    size: tuple[int, ...],
    _stride: Any,
    _grad: bool,
    _hooks: Any,
    dtype: torch.dtype,
    *_: Any,
) -> Tensor:
    """A tensor of a type that has no storage of its own in torch, as fp8."""
    return torch.empty(size, dtype=dtype, device="meta")


def _parameter(data: Tensor, *_: Any) -> Tensor:
    return data


class _Rebuilds:
    """A function that a pickle may call and cannot change: pickles can set attributes of what they name."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Tensor]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Tensor:
        return self._function(*arguments)

    def __setstate__(self, _state: Any) -> None:
        raise pickle.UnpicklingError("it asks to change how tensors are made")


# All that a pickle of weights may call, and what is called instead.
_ALLOWED: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Rebuilds(_tensor),
    ("torch._utils", "_rebuild_tensor_v3"): _Rebuilds(_small_tensor),
    ("torch._utils", "_rebuild_parameter"): _Rebuilds(_parameter),
    ("torch.storage", "UntypedStorage"): None,
    ("torch", "float8_e4m3fn"): torch.float8_e4m3fn,
    ("torch", "float8_e5m2"): torch.float8_e5m2,
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


class _Head:
    """A stream for `pickletools` that keeps what is read, up to the length that a list of tensors may have."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._taken = bytearray()

    def read(self, size: int, /) -> bytes:
        if size > self._room:
            raise ValueError(_TOO_LONG)
        return self._keep(self._stream.read(size))

    def readline(self) -> bytes:
        return self._keep(self._stream.readline(self._room))

    def taken(self) -> bytes:
        """What was read since the last time."""
        found = bytes(self._taken)
        self._taken.clear()
        return found

    @property
    def _room(self) -> int:
        return MAX_PICKLE - len(self._taken)

    def _keep(self, found: bytes) -> bytes:
        self._taken += found
        return found


def _loaded(head: _Head) -> Any:
    """The next pickle of a stream, once it is seen to ask for no more room than it has bytes."""
    for opcode, argument, _ in pickletools.genops(cast(Any, head)):
        # The unpickler makes a table as long as the highest number under which something is remembered.
        if "PUT" in opcode.name and cast(int, argument) > _MAX_REMEMBERED:
            raise ValueError(f"its list of tensors asks for room for {argument:,} objects")
    return _Unpickler(io.BytesIO(head.taken())).load()


def outline(file: Path) -> Any:
    """What a torch file holds, every tensor on the meta device; the data after the pickle is not read.

    Reads torch's zip format and the older one. Raises pickle.UnpicklingError when the pickle would have to run
    code, and EOFError, zipfile.BadZipFile, KeyError, ValueError and the like when the file is not one.
    """
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            entry = next(info for info in archive.infolist() if info.filename.endswith("/data.pkl"))
            if entry.file_size > MAX_PICKLE:
                raise ValueError(_TOO_LONG)
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ValueError("its list of tensors is compressed, which torch never does")
            return _loaded(_Head(io.BytesIO(archive.read(entry))))
    with file.open("rb") as stream:
        head = _Head(stream)
        for _ in ("magic number", "protocol", "system"):
            _loaded(head)
        return _loaded(head)
