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
    if options.start_from:
        folders["ipadapter"] = [_place_of_start(places)]
    return folders


def link_start(places: Places, start: Path | None) -> None:
    """Under a name of its own: ComfyUI finds a file by its name, and another folder may have one of the same."""
    if start:
        link_folder(start.resolve().parent, _place_of_start(places) / START_FOLDER)


def _place_of_start(places: Places) -> Path:
    return places.work / "train-start"
