"""The folder or object store that a batch is written to: whole files under names, or none."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from ..problems import Problem
from .addresses import filesystem_client, is_remote

FULL = "No space left on device"
"""What a full disk is called by the C library, in Python's errors and in those that a host's nodes pass on."""


class Store(Protocol):
    """Files by their names below one place; a name is written whole or not at all."""

    place: str

    def for_engine(self, name: str) -> tuple[str, object]:
        """The path of a file or folder for the engine, and the client that it reads and writes it with if it needs one."""
        ...

    def put(self, name: str, content: bytes) -> None:
        """Write a file. Raises Problem when there is no room."""
        ...

    def get(self, name: str) -> bytes | None:
        """A file's bytes; None where there is none."""
        ...

    def has(self, name: str) -> bool: ...

    def names(self, folder: str) -> list[str]:
        """The names of the files in a folder, with the folder."""
        ...

    def remove(self, name: str) -> None:
        """Delete a file, if it is there."""
        ...


def store_at(place: str) -> Store:
    """The store at a path or address. Raises Problem where this Python cannot write to it."""
    return Objects(place) if is_remote(place) else Folder(place)


def out_of_room(place: str) -> Problem:
    """The end of a run that cannot write."""
    return Problem(
        f"There is no space left in {place}. Nothing is half written; what was finished is kept.",
        "make room, then run the same command again: it goes on where it stopped.",
    )


class Folder:
    """A store on a disk of this machine, or one that it shares with others."""

    def __init__(self, place: str) -> None:
        self.place = str(Path(place).absolute())

    def for_engine(self, name: str) -> tuple[str, object]:
        return str(Path(self.place, name)), None

    def put(self, name: str, content: bytes) -> None:
        path = Path(self.place, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())  # else a rename may outlive the bytes when the machine goes down
            part.replace(path)
        except BaseException as error:
            with suppress(OSError):
                part.unlink()
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise out_of_room(self.place) from error
            raise

    def get(self, name: str) -> bytes | None:
        try:
            return Path(self.place, name).read_bytes()
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        return Path(self.place, name).is_file()

    def names(self, folder: str) -> list[str]:
        return sorted(_files_in(Path(self.place, folder), folder))

    def remove(self, name: str) -> None:
        Path(self.place, name).unlink(missing_ok=True)


def _files_in(path: Path, folder: str) -> Iterator[str]:
    if path.is_dir():
        yield from (f"{folder}/{file.name}" for file in path.iterdir() if not file.name.startswith("."))


class Objects:
    """A store that fsspec writes to. An object is there whole or not at all, so nothing is renamed."""

    def __init__(self, place: str) -> None:
        self.place = place.rstrip("/")
        self._files, self._root = filesystem_client().core.url_to_fs(self.place)

    def for_engine(self, name: str) -> tuple[str, object]:
        # Of its own the engine would take another client, which is configured by other means and knows fewer stores.
        from pyarrow.fs import FSSpecHandler, PyFileSystem

        return self._path(name), PyFileSystem(FSSpecHandler(self._files))

    def put(self, name: str, content: bytes) -> None:
        self._files.makedirs(self._path(name).rpartition("/")[0], exist_ok=True)
        self._files.pipe_file(self._path(name), content)

    def get(self, name: str) -> bytes | None:
        try:
            return self._files.cat_file(self._path(name))
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        self._files.invalidate_cache()
        return self._files.exists(self._path(name))

    def names(self, folder: str) -> list[str]:
        self._files.invalidate_cache()
        try:
            found = self._files.ls(self._path(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted(f"{folder}/{path.rpartition('/')[2]}" for path in found)

    def remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._files.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"
