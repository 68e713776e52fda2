"""A folder below ComfyUI's input -> its pictures, read one at a time, with captions and whose picture is whose reference."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, overload

import folder_paths
import node_helpers
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...attention.training.references import PAIR, SUBJECT, Partners, partners_of

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
TABLE = "references.csv"


class Pictures(Sequence[Tensor]):
    """Pictures (1, H, W, 3) in files. Only the last one that was read is in memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._last: tuple[Path, Tensor] | None = None

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> Pictures: ...
    def __getitem__(self, index: int | slice) -> Tensor | Pictures:
        if isinstance(index, slice):
            return Pictures(self._paths[index])
        path = self._paths[index]
        if self._last is None or self._last[0] != path:
            self._last = path, read_picture(path)
        return self._last[1]


def read_picture(file: Path | BinaryIO) -> Tensor:
    """A picture (1, H, W, 3) as the host's loader of folders reads it."""
    picture: Image.Image = node_helpers.pillow(Image.open, file)
    if picture.mode == "I":
        picture = picture.point(lambda level: level * (1 / 255))
    return torch.from_numpy(np.array(picture.convert("RGB")).astype(np.float32) / 255.0)[None]


@dataclass(frozen=True, eq=False)
class Folder:
    """What is in a folder; the captions are empty where there is no text beside a picture."""

    pictures: Pictures
    captions: Sequence[str]
    partners: Partners
    paths: Sequence[Path]
    names: Sequence[str]
    refers: Sequence[Mapping[str, str]]


def folder_named(name: str) -> Path:
    """A folder below ComfyUI's input. Raises ValueError for one that is not there."""
    top = Path(folder_paths.get_input_directory(), name)
    if not name.strip() or Path(name).is_absolute() or ".." in Path(name).parts or not top.is_dir():
        raise ValueError(f"'{name}' is not a folder in {folder_paths.get_input_directory()}. Put the pictures there.")
    return top


def read_folder(name: str) -> Folder:
    """A folder below ComfyUI's input, as the host's Load Image-Text (from Folder) finds its pictures.

    Raises ValueError for a folder that is not there or has no pictures, and for a table with unknown files.
    """
    return pictures_in(folder_named(name))


def pictures_in(top: Path) -> Folder:
    """The pictures of a folder anywhere, in the host's order. Raises ValueError as read_folder does."""
    paths = _found_in(top)
    if not paths:
        raise ValueError(f"there are no pictures in '{top}' ({', '.join(SUFFIXES)}), nor in folders directly below.")
    names = [_name_of(path.relative_to(top)) for path in paths]
    refers = _refers(top, paths, names)
    captions = [_caption_of(path) for path in paths]
    return Folder(Pictures(paths), captions, partners_of(names, refers), paths, names, refers)


def stand_of(name: str) -> str:
    """What changes when a file of a folder does; nothing for no folder."""
    top = Path(folder_paths.get_input_directory(), name)
    if not name.strip() or not top.is_dir():
        return ""
    files = sorted(each for each in (*top.glob("*"), *top.glob("*/*")) if each.is_file())
    return str([(str(file.relative_to(top)), file.stat().st_size, file.stat().st_mtime_ns) for file in files])


def _found_in(top: Path) -> list[Path]:
    """In the order of the host's loader, which repeats the pictures of a folder that begins with a number."""
    found: list[Path] = []
    for item in map(top.joinpath, os.listdir(top)):
        if item.name.lower().endswith(SUFFIXES):
            found.append(item)
        elif item.is_dir():
            times = item.name.split("_")[0]
            below = [item / each for each in os.listdir(item) if each.lower().endswith(SUFFIXES)]
            found += below * (int(times) if times.isdigit() else 1)
    return found


def _caption_of(path: Path) -> str:
    text = path.with_suffix(".txt")
    return text.read_text(encoding="utf-8").strip() if text.is_file() else ""


def _name_of(path: Path) -> str:
    """Below the folder; without a link that leads to itself."""
    return "/".join(part for part in path.parts if not part.startswith("."))


def _refers(top: Path, paths: Sequence[Path], names: Sequence[str]) -> Sequence[Mapping[str, str]]:
    """By the table beside the pictures, in the folder or in one directly below; nothing without it."""
    tables = [each for each in (top / TABLE, *sorted(top.glob(f"*/{TABLE}"))) if each.is_file()]
    if not tables:
        return [{}] * len(paths)
    if len(tables) > 1:
        raise ValueError(f"there are several tables: {', '.join(map(str, tables))}. One is read; join them.")
    return _by_table(tables[0], [path.resolve() for path in paths], names)


def _by_table(table: Path, files: Sequence[Path], names: Sequence[str]) -> Sequence[Mapping[str, str]]:
    with table.open(encoding="utf-8-sig", newline="") as text:
        rows = list(csv.DictReader(text))
    columns = set(rows[0]) if rows else set[str]()
    named = columns & {"subject", "pair"}
    if "file" not in columns or len(named) != 1:
        raise ValueError(f"'{table}' needs a column 'file' and either 'subject' or 'pair'; it has: {sorted(columns)}.")
    first = {file: number for number, file in reversed([*enumerate(files)])}

    def number_of(name: str) -> int:
        file = (table.parent / name).resolve()
        if file not in first:
            raise ValueError(
                f"'{table}' names '{name}', which is not one of the pictures. Take the row out, or put it there."
            )
        return first[file]

    told: Mapping[int, str] = {number_of(row["file"]): (row[min(named)] or "").strip() for row in rows}
    each = [told.get(first[file], "") for file in files]
    if "subject" in named:
        return [{SUBJECT: subject} for subject in each]
    return [{PAIR: names[number_of(pair)]} if pair else {} for pair in each]
