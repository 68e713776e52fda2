"""Where a training writes: the files it makes, and the state from which it goes on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import folder_paths

from ...attention.training.log import SUFFIX as LOG_SUFFIX
from .names import check_length

SUFFIX = ".safetensors"
STATE_SUFFIX = ".state"


def file_to_write(category: str, name: str) -> Path:
    """The path of a model file to write in a folder of the host's. Raises ValueError for a name that leads elsewhere."""
    folder = Path(folder_paths.get_folder_paths(category)[0]).resolve()
    bare = name.strip().removesuffix(SUFFIX)
    check_length(bare, "my-adapter", len("-step-000001") + len(SUFFIX))
    path = folder / (bare + SUFFIX)
    if not bare or not path.resolve().is_relative_to(folder) or path.name.startswith("."):
        raise ValueError(f"'{name}' is not the name of a file in {folder}. Set 'name' to one, such as 'my-adapter'.")
    return path


def state_file(category: str, name: str) -> Path:
    """Where the state of a training is kept: with the pictures that are made, not among the models."""
    bare = name.strip().removesuffix(SUFFIX)
    return Path(folder_paths.get_output_directory(), "likeness-training", category, bare + STATE_SUFFIX)


def log_file(state: Path) -> Path:
    """Where the course of a training is written, beside its state."""
    return state.with_name(state.name.removesuffix(STATE_SUFFIX) + LOG_SUFFIX)


def check_targets(paths: Sequence[Path], state: Path, resume: bool) -> None:
    """Raise ValueError when a file to write is there and is not an earlier result of this training."""
    if resume and state.is_file():
        return
    taken = [each for path in paths for each in (path, *files_on_the_way(path)) if each.exists()]
    if taken:
        raise ValueError(f"'{taken[0]}' already exists. Set 'name' to another one, or move the file away.")


def step_file(path: Path, done: int) -> Path:
    """The name of a file that a training leaves on its way after so many steps."""
    return path.with_name(f"{path.stem}-step-{done:06}{path.suffix}")


def files_on_the_way(path: Path) -> list[Path]:
    """The files that trainings of this name left on their way, earlier steps first."""
    name = re.compile(re.escape(path.stem) + r"-step-(\d{6,})" + re.escape(path.suffix))
    found = [(int(match[1]), each) for each in path.parent.glob("*") if (match := name.fullmatch(each.name))]
    return [each for _, each in sorted(found)]
