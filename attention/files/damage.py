"""Turns a file that cannot be read into what it is instead: empty, cut off, a web page, a Git LFS pointer."""

from __future__ import annotations

import json
import re
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from .published import FILES

_HEAD = 1024  # bytes that tell what a file begins as
_LONGEST_HEADER = 1 << 27  # of a safetensors file; the library itself takes no longer one
_ZIP, _ZIP_END = b"PK\x03\x04", b"PK\x05\x06"
_MOST_FIELDS = 1 << 10  # of a model in an ONNX file, which has a dozen
_END = 1 << 16  # bytes at the end of an archive in which its list of contents is announced


def damage(path: Path) -> str | None:
    """What is wrong with a model file, to be read after its name; None where nothing is seen to be.

    Its beginning and its length are looked at; some kilobytes are read.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return None  # a pipe would never end
        size = found.st_size
        with path.open("rb") as file:
            head = file.read(_HEAD)
            return _of_the_head(head, size) or _cut_off(path, file, head, size)
    except (OSError, struct.error, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None  # who reads it says what is wrong


def in_words(size: float, of: float | None = None) -> str:
    """Bytes in the largest unit that `of`, or the size itself, fills."""
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if (of or size) >= length:
            return f"{size / length:.1f} {unit}" if of is None else f"{size / length:.1f} of {of / length:.1f} {unit}"
    return f"{size:.0f} bytes" if of is None else f"{size:.0f} of {of:.0f} bytes"


def _of_the_head(head: bytes, size: int) -> str | None:
    if not size:
        return "is empty"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"version https://git-lfs"):
        told = re.search(rb"^size (\d+)", start, re.MULTILINE)
        stands_for = f" of {in_words(int(told[1]))}" if told else ""
        return f"is a Git LFS pointer, a few lines that stand for a file{stands_for}"
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml")):
        return "is a web page that was saved in its place"
    if start.startswith((b'{"error', b'{"message', b"invalid username", b"access to model", b"entry not found")):
        return "is a server's answer that was saved in its place"
    return None


def _cut_off(path: Path, file: BinaryIO, head: bytes, size: int) -> str | None:
    """How much is there of a file that ends too early: of what it says itself, else of the published one of its name."""
    whole = _WHOLE.get(path.suffix.lower(), _of_an_archive)(file, head, size)
    if whole is not None and whole <= size:
        return None
    if whole is None and not _lacks_its_end(file, head, size):
        return None
    whole = whole or _published_length(path)
    there = in_words(size, whole) if whole and whole > size else in_words(size)
    return f"breaks off: {there} are there. The download did not end"


def _of_safetensors(file: BinaryIO, head: bytes, size: int) -> int | None:
    """The length that the header of a safetensors file tells."""
    (length,) = struct.unpack("<Q", head[:8])
    if length > _LONGEST_HEADER:
        return None
    if 8 + length > size:
        return None if head[8:9] != b"{" else 8 + length
    file.seek(8)
    header: Mapping[str, Any] = json.loads(file.read(length))
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return 8 + length + max(ends, default=0)


def _of_an_archive(_file: BinaryIO, _head: bytes, _size: int) -> None:
    """Torch's archives do not tell their length at the beginning."""
    return None


def _lacks_its_end(file: BinaryIO, head: bytes, size: int) -> bool:
    """Whether a file begins as torch's archives do, and does not end as one."""
    if not head.startswith(_ZIP):
        return False
    file.seek(max(0, size - _END))
    return _ZIP_END not in file.read()


def _of_onnx(file: BinaryIO, _head: bytes, size: int) -> int | None:
    """The length that the fields of a protobuf message tell; None for what has more of them than any model."""
    file.seek(0)
    for _ in range(_MOST_FIELDS):
        if file.tell() >= size:
            return size
        kind = _varint(file) & 7
        if kind == 2:
            length = _varint(file)
            if file.tell() + length > size:
                return file.tell() + length
            file.seek(length, 1)
        elif kind == 0:
            _varint(file)
        else:
            return None
    return None


def _varint(file: BinaryIO) -> int:
    return sum((byte & 127) << (7 * i) for i, byte in enumerate(_varint_bytes(file)))


def _varint_bytes(file: BinaryIO) -> Iterator[int]:
    for _ in range(10):
        (byte,) = file.read(1)
        yield byte
        if byte < 128:
            return
    raise ValueError("no number")


def _published_length(path: Path) -> int | None:
    """The length of the published file of that name, where only one has it."""
    sizes = {file.size for file in FILES.values() if Path(file.name).name == path.name}
    return next(iter(sizes)) if len(sizes) == 1 else None


_WHOLE: Mapping[str, Callable[[BinaryIO, bytes, int], int | None]] = MappingProxyType(
    {".safetensors": _of_safetensors, ".sft": _of_safetensors, ".onnx": _of_onnx}
)
