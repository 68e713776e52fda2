"""The model folders of the pack, registered with the host."""

from __future__ import annotations

from pathlib import Path

import folder_paths

from .names import stays_below

ADAPTERS = ("ipadapter", "instantid", "pulid")
_OF_OLD_PACKS = ("ipadapter-flux", "xlabs/ipadapters")
"""Where two packs for FLUX kept their files: read where they are there."""
_EXTENSIONS = (".safetensors", ".bin", ".pt", ".pth", ".ckpt")


def register() -> None:
    """Make the host list our folders; what `extra_model_paths.yaml` put there already stays."""
    for name in ADAPTERS:
        folder_paths.add_model_folder_path(name, str(Path(folder_paths.models_dir, name)))
        # A folder that is new to the host lists every file until it has extensions.
        folder_paths.folder_names_and_paths[name][1].update(_EXTENSIONS)
    for name in _OF_OLD_PACKS:
        folder = Path(folder_paths.models_dir, name)
        if folder.is_dir():
            folder_paths.add_model_folder_path(name, str(folder))
            folder_paths.folder_names_and_paths[name][1].update(_EXTENSIONS)


def adapter_folders() -> tuple[str, ...]:
    """The host's names of the folders with adapters."""
    return (*ADAPTERS, *(name for name in _OF_OLD_PACKS if name in folder_paths.folder_names_and_paths))


def adapter_files() -> list[str]:
    """The adapter files of all our folders, by the names that the node shows."""
    return list(dict.fromkeys(file for name in adapter_folders() for file in folder_paths.get_filename_list(name)))


def adapter_path(file: str) -> str:
    """The full path of an adapter file. Raises ValueError when no folder has it."""
    for name in adapter_folders() if stays_below(file) else ():
        path = folder_paths.get_full_path(name, file)
        if path is not None:
            return path
    searched = ", ".join(folder for name in adapter_folders() for folder in folder_paths.get_folder_paths(name))
    raise ValueError(f"there is no adapter file '{file}'. Searched: {searched}.")
