"""Whether the name of a file, as somebody wrote it, leads nowhere but below a folder, on every system."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

LONGEST = 255
"""Bytes of a name in the folders of every usual file system."""
_WHILE_WRITTEN = 39
"""Bytes that a file's name has more of until it is whole: see write_whole.py."""


def stays_below(name: str) -> bool:
    """Whether a name has no drive, no leading slash, no '..' and no NUL, read as Windows and as the others do."""
    windows, posix = PureWindowsPath(name), PurePosixPath(name)
    return not (windows.drive or windows.root or posix.is_absolute() or ".." in windows.parts or "\0" in name)


def check_length(name: str, example: str, further: int) -> None:
    """Raise ValueError where a part of a name, with `further` bytes after the last one, is too long for a file system."""
    room = LONGEST - _WHILE_WRITTEN - further
    for part in name.replace("\\", "/").split("/"):
        if (length := len(part.encode())) > room:
            raise ValueError(
                f"'{part[:40]}...' is {length} bytes long; a name of at most {room} fits. Write a shorter one, such as "
                f"'{example}'."
            )


def file_below(folder: Path, name: str) -> Path | None:
    """The file of that name in a folder or below it, None when there is none; a link out of the folder does not count."""
    if not stays_below(name):
        return None
    path = folder / name
    try:
        inside = path.resolve(strict=True).is_relative_to(folder.resolve())
        return path if inside and path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None  # a link to itself, a name that the system cannot have
