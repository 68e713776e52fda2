"""The published files, read from the table next to this file: exact name, folder, size, hash, publisher, licence."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Repository:
    """A repository of the Hugging Face hub at one revision ("main" where none was recorded)."""

    name: str
    revision: str
    licence: str

    @property
    def page(self) -> str:
        return f"https://huggingface.co/{self.name}"


@dataclass(frozen=True)
class File:
    """One published file.

    `name` is the file's path below `folder`, which is a model folder of the host; `path` is where the repository
    keeps it. `size` is in bytes, None where only the hash is known. `sha256` is whole, or the start of it where
    the rest was never recorded.
    """

    name: str
    folder: str
    size: int | None
    sha256: str
    repository: Repository
    path: str

    @property
    def id(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def url(self) -> str:
        return f"{self.repository.page}/resolve/{self.repository.revision}/{self.path}"

    def described(self) -> str:
        """Where it goes, how large it is, who publishes it and under which licence."""
        size = f"{self.size:,} bytes" if self.size else "size not recorded"
        return (
            f"{self.name} ({size}) in models/{self.folder}, published as {self.path} at {self.repository.page}, "
            f"licence: {self.repository.licence}"
        )


@dataclass(frozen=True)
class Known:
    """A published file that is not offered, but whose use is not to be read from its contents.

    `sha256` is the start of it as far as it was recorded. `picture` is the side in pixels of the pictures that its image
    encoder saw in training.
    """

    name: str
    what: str
    page: str
    size: int
    sha256: str
    picture: int


def _rows(table: Path) -> Iterator[File]:
    """The files of the table; one without a name of its own has the last part of its path."""
    rows = _read(table)
    repositories = {name: Repository(name, **rest) for name, rest in rows["repositories"].items()}
    for row in rows["files"]:
        repository = repositories[row.pop("repository")]
        yield File(**{"name": row["path"].rpartition("/")[2], **row}, repository=repository)


def _read(table: Path) -> dict[str, Any]:
    return json.loads(table.read_text(encoding="utf-8"))


_TABLE = Path(__file__).with_suffix(".json")
KNOWN: tuple[Known, ...] = tuple(Known(**row) for row in _read(_TABLE)["known"])
FILES: Mapping[str, File] = MappingProxyType({file.id: file for file in _rows(_TABLE)})
"""Every published file by its id, `folder/name`."""
