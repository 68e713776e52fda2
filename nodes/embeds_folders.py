"""The files of embeds in ComfyUI's own folders: their names on the nodes, and where new ones go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import folder_paths

from ..attention.embeds_file import SUFFIX

# The host's own marks for files that are not in the input folder.
_FOLDERS = {"": "input", " [output]": "output"}


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
    """The path of a listed file. Raises ValueError for every other name, wherever it points."""
    mark = " [output]" if name.endswith(" [output]") else ""
    folder, plain = _directory(_FOLDERS[mark]), name.removesuffix(mark)
    if plain not in _files(folder):
        raise ValueError(
            f"there is no file of embeds '{plain}' in ComfyUI's {_FOLDERS[mark]} folder ({folder}). Save Embeds writes "
            f"them to the output folder, as *{SUFFIX}; copies can be put into the input folder."
        )
    return folder / plain


def new_file(prefix: str) -> NewFile:
    """A name with a running number below the output folder. Raises ValueError for a prefix that leaves it."""
    _check_prefix(prefix)
    folder, name, number, subfolder, _ = folder_paths.get_save_image_path(prefix, folder_paths.get_output_directory())
    return NewFile(Path(folder, f"{name}_{number:05}_{SUFFIX}"), subfolder)


def _check_prefix(prefix: str) -> None:
    windows, posix = PureWindowsPath(prefix), PurePosixPath(prefix)
    leaves = windows.drive or windows.root or posix.is_absolute() or ".." in windows.parts or "\0" in prefix
    if leaves or not windows.name:
        raise ValueError(
            f"'{prefix}' is no name below ComfyUI's output folder. Write a name such as 'embeds/anna': no drive, no "
            "leading slash, no '..'."
        )


def _directory(folder: str) -> Path:
    found = folder_paths.get_directory_by_type(folder)
    return Path(found or "")


def _files(folder: Path) -> Iterator[str]:
    for here, _, names in os.walk(folder):
        for name in names:
            if name.endswith(SUFFIX):
                yield Path(here, name).relative_to(folder).as_posix()
