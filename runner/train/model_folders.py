"""The files that a training is given -> where ComfyUI finds them."""

import argparse
from pathlib import Path

from ..folders import Folders
from ..links import link_folder
from ..places import Places

START_FOLDER = "start-from"
"""Where ComfyUI finds the adapter to begin from, below a folder of adapters."""


def model_folders(places: Places, options: argparse.Namespace) -> Folders:
    """Folders by ComfyUI's category, for the files on the command line."""
    given = {"checkpoints": options.base_model, "clip_vision": options.clip_vision}
    folders = {category: [file.resolve().parent] for category, file in given.items() if file}
    pack = Path(options.face_models or "")
    if pack.is_dir() and len(pack.parts) > 1:
        folders["insightface"] = [pack.resolve().parent]
    return folders | {category: [place] for category, _, place in _starts(places, options)}


def link_starts(places: Places, options: argparse.Namespace) -> None:
    """Under a name of its own: ComfyUI finds a file by its name, and another folder may have one of the same."""
    for _, file, place in _starts(places, options):
        link_folder(file.resolve().parent, place / START_FOLDER)


def _starts(places: Places, options: argparse.Namespace) -> list[tuple[str, Path, Path]]:
    """The category of each file that a training begins from, the file, and the folder that ComfyUI is offered."""
    given = {"ipadapter": options.start_from, "controlnet": options.start_control_net}
    return [(category, file, places.work / f"train-start-{category}") for category, file in given.items() if file]
