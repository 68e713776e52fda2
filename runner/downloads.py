"""Fetches one pinned file from the user's package index and proves its sha256."""

import hashlib
import shutil
from pathlib import Path

from .pinned import Pinned
from .problems import Problem, say
from .processes import run

CURE = (
    "check the network connection and pip's index settings (`pip config list`), then run the same command "
    "again; what is already there is kept."
)


def fetch(pinned: Pinned, folder: Path, python: Path) -> Path:
    """The path of the proved file in `folder`, downloaded with `python -m pip` if it is not there.

    It is downloaded into a folder of its own and moved when its hash is right, so no half file is ever taken
    for a whole one. Raises Problem when the download fails or gives another file than the pinned one.
    """
    path = folder / pinned.file
    if path.is_file():
        if sha256_of(path) == pinned.sha256:
            return path
        say(f"{path.name} is damaged; downloading it again.")
        path.unlink()
    partial = folder / f".partial-{pinned.package}"
    # pip may have kept a damaged file in its cache, so a second try goes past the cache.
    for past_cache in ((), ("--no-cache-dir",)):
        found = _download(pinned, partial, python, past_cache)
        if found == pinned.sha256:
            (partial / pinned.file).replace(path)
            shutil.rmtree(partial)
            return path
    shutil.rmtree(partial)
    raise Problem(
        f"The package index gave a {pinned.file} with sha256 {found}, but {pinned.sha256} is expected.",
        "the file was damaged or replaced on its way: try again, or point pip at an index that has the original.",
    )


def sha256_of(path: Path) -> str:
    """The sha256 of a file in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _download(pinned: Pinned, partial: Path, python: Path, options: tuple[str, ...]) -> str:
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    say(f"Downloading {pinned.file}")
    command = [python, "-m", "pip", "download", "-qq", "--no-deps", *pinned.options, *options]
    run([*command, "--dest", partial, pinned.requirement], f"Downloading {pinned.requirement}", CURE)
    if not (partial / pinned.file).is_file():
        names = ", ".join(sorted(path.name for path in partial.iterdir())) or "nothing"
        raise Problem(f"The package index gave {names} for {pinned.requirement}, but {pinned.file} is expected.", CURE)
    return sha256_of(partial / pinned.file)
