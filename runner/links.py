"""Makes a folder of ours appear inside ComfyUI's custom_nodes: a symlink, or a junction on Windows."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from .problems import Problem

MakeLink = Callable[[Path, Path], None]


def symlink(target: Path, link: Path) -> None:
    """A symbolic link to a folder."""
    os.symlink(target, link, target_is_directory=True)


def junction(target: Path, link: Path) -> None:
    """A Windows directory junction, which needs no special right."""
    command = ["cmd", "/c", "mklink", "/J", str(link), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.strip() or done.stdout.strip())


def makers_for(system: str = os.name) -> tuple[MakeLink, ...]:
    """The ways to make a link, in the order they are tried; `system` is `os.name`."""
    return (symlink, junction) if system == "nt" else (symlink,)


def link_folder(target: Path, link: Path, makers: tuple[MakeLink, ...] | None = None) -> None:
    """Make `link` lead to `target`, unless it does already; a link that leads elsewhere is replaced.

    Raises Problem when something else than a link is in the way or no way of linking works.
    """
    if link.exists() and os.path.samefile(link, target):
        return
    if os.path.lexists(link):
        _remove_link(link)
    link.parent.mkdir(parents=True, exist_ok=True)
    reasons = []
    for make in makers or makers_for():
        try:
            return make(target, link)
        except OSError as error:
            reasons.append(f"{make.__name__}: {error}")
    raise Problem(
        f"{link} could not be linked to {target} ({'; '.join(reasons)}).",
        "keep the repository on a disk that supports links (NTFS, APFS, ext4).",
    )


def unlink_folder(link: Path) -> None:
    """Remove a link made by `link_folder`, if it is there; what it leads to stays."""
    if os.path.lexists(link):
        _remove_link(link)


def _remove_link(link: Path) -> None:
    try:
        link.unlink() if link.is_symlink() else link.rmdir()  # a junction goes like an empty folder
    except OSError as error:
        raise Problem(
            f"{link} is in the way ({error}).", "move or delete it, then run the same command again."
        ) from error
