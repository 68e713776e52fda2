"""The files of embeds in ComfyUI's own folders: their names on the nodes, and where new ones go."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PureWindowsPath

import folder_paths

from ...attention.reference import ipadpt
from ...attention.reference.embeds_file import SUFFIX
from .names import file_below, stays_below

# The host's own marks for files that are not in the input folder.
_FOLDERS = {"": "input", " [output]": "output"}
_READ = (SUFFIX, ipadpt.SUFFIX)
_SETTLED = 5_000_000_000  # nanoseconds: the coarsest clocks of file systems tick every two seconds


@dataclass(frozen=True)
class NewFile:
    """Where a new file goes: its path, and its name and subfolder as the host's history has them."""

    path: Path
    subfolder: str

    @property
    def shown(self) -> dict[str, str]:
        return {"filename": self.path.name, "subfolder": self.subfolder, "type": "output"}


def listed() -> list[str]:
    """The files of embeds in the input and output folders, by the names that Load Embeds shows."""
    return [f"{name}{mark}" for mark, folder in _FOLDERS.items() for name in sorted(_files(_directory(folder)))]


def path_of(name: str) -> Path:
    """The path of a file of embeds below one of the folders. Raises ValueError for every other name."""
    mark = " [output]" if name.endswith(" [output]") else ""
    folder, plain = _directory(_FOLDERS[mark]), name.removesuffix(mark)
    path = file_below(folder, plain) if plain.endswith(_READ) else None
    if path is None:
        raise ValueError(
            f"there is no file of embeds '{plain}' in ComfyUI's {_FOLDERS[mark]} folder ({folder}). Save Embeds writes "
            f"them to the output folder, as *{SUFFIX}; copies, and *{ipadpt.SUFFIX} files of ComfyUI_IPAdapter_plus, can "
            "be put into the input folder. Links that lead out of it are not followed."
        )
    return path


def new_file(prefix: str) -> NewFile:
    """A name with a running number below the output folder. Raises ValueError for a prefix that leaves it."""
    _check_prefix(prefix)
    folder, name, number, subfolder, _ = folder_paths.get_save_image_path(prefix, folder_paths.get_output_directory())
    return NewFile(Path(folder, f"{name}_{number:05}_{SUFFIX}"), subfolder)


def _check_prefix(prefix: str) -> None:
    if not stays_below(prefix) or not PureWindowsPath(prefix).name or prefix.endswith(("/", "\\")):
        raise ValueError(
            f"'{prefix}' is no name below ComfyUI's output folder. Write a name such as 'embeds/anna': no drive, no "
            "slash at an end, no '..'."
        )


def _directory(folder: str) -> Path:
    found = folder_paths.get_directory_by_type(folder)
    return Path(found or "")


def _files(folder: Path, below: str = "") -> Iterator[str]:
    """The files of embeds in a folder and all below it; a folder that has not changed is not read again."""
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return
    # A folder that changes twice within one tick of its clock looks the same after as between.
    read = _content if time.time_ns() - changed > _SETTLED else _content.__wrapped__
    folders, files = read(folder, changed)
    yield from (f"{below}{name}" for name in files)
    for name in folders:
        yield from _files(folder / name, f"{below}{name}/")


@lru_cache(maxsize=4096)
def _content(folder: Path, _mtime_ns: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the folders in a folder, without links, and of its files of embeds."""
    _, folders, files = next(os.walk(folder), ("", [], []))
    return (
        tuple(name for name in folders if not (folder / name).is_symlink()),
        tuple(name for name in files if name.endswith(_READ)),
    )
