"""A copy of the pinned ComfyUI -> a host that behaves as another version does, by small patches.

Trees of newer versions cannot be had from the package registry; what is known of them is laid over the one that can.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from .comfyui import Host
from .places import Places
from .problems import Problem, say
from .processes import run
from .stamps import contents, key_of, once

FOLDER = Path("tests", "recreated")
SINGLE = ("hints-by-size", "attention-containers", "fast-disk", "own-clones", "recorded-blocks", "missing-parts")
HOSTS: Mapping[str, tuple[str, ...]] = {
    "newer": tuple(name for name in SINGLE if name != "missing-parts"),
    **{name: (name,) for name in SINGLE},
}
"""Each host and its patches, in the order in which they are applied."""


def recreated(places: Places, pinned: Host, name: str) -> Host:
    """The host of that name, made from the tree of `pinned`; after `prepare`. Raises Problem when a patch does not fit."""
    patches = [places.root / FOLDER / f"{each}.patch" for each in HOSTS[name]]
    tree = places.hosts / name
    key = key_of(contents(patches), contents([pinned.tree / "comfyui_version.py"]), str(pinned.tree))
    once(places.stamps / f"host-{name}", key, tree / "main.py", lambda: _make(tree, pinned.tree, patches))
    return Host(tree, pinned.python, is_private=True)


def _make(tree: Path, original: Path, patches: list[Path]) -> None:
    say(f"Making the host '{tree.name}'")
    shutil.rmtree(tree, ignore_errors=True)
    shutil.copytree(original, tree, ignore=shutil.ignore_patterns("__pycache__", ".git"))
    # git would take the copy for a part of our own repository and leave it alone.
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent.resolve())}
    for patch in patches:
        command = ["git", "apply", "--whitespace=nowarn", patch]
        cure = f"make {patch.name} anew against the pinned ComfyUI."
        try:
            run(command, f"Applying {patch.name}", cure, env=environment, cwd=tree)
        except Problem:
            shutil.rmtree(tree, ignore_errors=True)
            raise
