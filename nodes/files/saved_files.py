"""The files that Save nodes write into ComfyUI's own folders: their names on the Load nodes, and where new ones go."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PureWindowsPath

import folder_paths

from ...attention.reference import embeds_file, ipadpt
from .names import check_length, file_below, stays_below

# The host's own marks for files that are not in the input folder.
_FOLDERS = {"": "input", " [output]": "output"}
_EXAMPLE = "people/anna"
_SETTLED = 5_000_000_000  # nanoseconds: the coarsest clocks of file systems tick every two seconds


@dataclass(frozen=True)
class NewFile:
    """Where a new file goes: its path, and its name and subfolder as the host's history has them."""

    path: Path
    subfolder: str

    @property
    def shown(self) -> dict[str, str]:
        return {"filename": self.path.name, "subfolder": self.subfolder, "type": "output"}

    @property
    def name(self) -> str:
        """The name below the output folder, as a Load node shows it without its mark."""
        return f"{self.subfolder}/{self.path.name}".lstrip("/")


@dataclass(frozen=True)
class SavedFiles:
    """One kind of file: what it holds in words, the suffix it is written with, and what else is read."""

    what: str
    suffix: str
    saved_by: str
    also: tuple[tuple[str, str], ...] = ()
    """(suffix, whose files these are)"""

    @property
    def suffixes(self) -> tuple[str, ...]:
        return (self.suffix, *(suffix for suffix, _ in self.also))

    def listed(self) -> list[str]:
        """The files in the input and output folders, by the names that the Load node shows."""
        return [
            f"{name}{mark}"
            for mark, folder in _FOLDERS.items()
            for name in sorted(_files(_directory(folder), self.suffixes))
        ]

    def path_of(self, name: str) -> Path:
        """The path of a file below one of the folders. Raises ValueError for every other name."""
        mark = " [output]" if name.endswith(" [output]") else ""
        folder, plain = _directory(_FOLDERS[mark]), name.removesuffix(mark)
        path = file_below(folder, plain) if plain.endswith(self.suffixes) else None
        if path is None:
            others = "".join(f", and *{suffix} files of {maker}," for suffix, maker in self.also)
            raise ValueError(
                f"there is no file of {self.what} '{plain}' in ComfyUI's {_FOLDERS[mark]} folder ({folder}). "
                f"{self.saved_by} writes them to the output folder, as *{self.suffix}; copies{others} can be put into "
                "the input folder. Links that lead out of it are not followed."
            )
        return path

    def new(self, prefix: str) -> NewFile:
        """A name with a running number below the output folder. Raises ValueError for a prefix that leaves it."""
        _check_prefix(prefix)
        check_length(prefix, _EXAMPLE, len("_00001_") + len(self.suffix))
        output = folder_paths.get_output_directory()
        folder, name, number, subfolder, _ = folder_paths.get_save_image_path(prefix, output)
        return NewFile(Path(folder, f"{name}_{number:05}_{self.suffix}"), subfolder)


EMBEDS = SavedFiles("embeds", embeds_file.SUFFIX, "Save Embeds", ((ipadpt.SUFFIX, "ComfyUI_IPAdapter_plus"),))
FACES = SavedFiles("faces", ".faces.safetensors", "Save Faces")
COMPARISONS = SavedFiles("comparisons", ".csv", "Compare Methods")


def _check_prefix(prefix: str) -> None:
    if not stays_below(prefix) or not PureWindowsPath(prefix).name or prefix.endswith(("/", "\\")):
        raise ValueError(
            f"'{prefix}' is no name below ComfyUI's output folder. Write a name such as '{_EXAMPLE}': no drive, no "
            "slash at an end, no '..'."
        )


def _directory(folder: str) -> Path:
    found = folder_paths.get_directory_by_type(folder)
    return Path(found or "")


def _files(folder: Path, suffixes: tuple[str, ...], below: str = "") -> Iterator[str]:
    """The files of a kind in a folder and all below it; a folder that has not changed is not read again."""
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return
    # A folder that changes twice within one tick of its clock looks the same after as between.
    read = _content if time.time_ns() - changed > _SETTLED else _content.__wrapped__
    folders, files = read(folder, changed, suffixes)
    yield from (f"{below}{name}" for name in files)
    for name in folders:
        yield from _files(folder / name, suffixes, f"{below}{name}/")


@lru_cache(maxsize=4096)
def _content(folder: Path, _mtime_ns: int, suffixes: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the folders in a folder, without links, and of its files of a kind."""
    _, folders, files = next(os.walk(folder), ("", [], []))
    return (
        tuple(name for name in folders if not (folder / name).is_symlink()),
        tuple(name for name in files if name.endswith(suffixes)),
    )
