"""Which ComfyUI to run, and with which Python: the pinned private one, or one that is there already."""

import compileall
import os
import re
from dataclasses import dataclass
from pathlib import Path

from .archives import below, extract
from .downloads import fetch
from .pinned import COMFYUI, COMFYUI_FOLDER
from .places import Places, program_in
from .problems import Problem, say
from .stamps import key_of, once

OLDEST = (0, 30)


@dataclass(frozen=True)
class Host:
    """A ComfyUI tree and the Python that has its packages."""

    tree: Path
    python: Path
    is_private: bool


def private_host(places: Places, python: Path, pip_python: Path) -> Host:
    """The pinned ComfyUI below the work folder, fetched if it is not there."""
    key = key_of(COMFYUI.sha256, COMFYUI_FOLDER)
    once(places.stamps / "comfyui", key, places.comfyui / "main.py", lambda: _fetch_tree(places, pip_python))
    return Host(places.comfyui, python, is_private=True)


def _fetch_tree(places: Places, pip_python: Path) -> None:
    archive = fetch(COMFYUI, places.downloads, pip_python)
    say("Unpacking ComfyUI")
    extract({archive: below(COMFYUI_FOLDER)}, places.comfyui)
    # Once here, or every process compiles it again where PYTHONDONTWRITEBYTECODE is set, as in many containers.
    compileall.compile_dir(places.comfyui, quiet=2)


def existing_host(path: Path, python: Path | None) -> Host:
    """An installed ComfyUI at `path` (its folder, or a portable folder around it).

    It is run by `python`, or by the one found next to it.
    Raises Problem when there is no ComfyUI, when it is too old, or when its Python is not found.
    """
    tree = next((folder for folder in (path, path / "ComfyUI") if (folder / "main.py").is_file()), None)
    if tree is None:
        raise Problem(
            f"{path} is not a ComfyUI: it has no main.py.", "give --comfyui the folder that contains main.py."
        )
    tree = tree.resolve()
    _require_version(tree)
    python = python.absolute() if python else find_python(tree)
    if not python.is_file():
        raise Problem(f"{python} does not exist.", "give --python the Python program that starts this ComfyUI.")
    say(f"Using ComfyUI in {tree} with {python}. Nothing is installed or written there.")
    return Host(tree, python, is_private=False)


def find_python(tree: Path, system: str = os.name) -> Path:
    """The Python of the virtual environment or portable Python inside or next to a ComfyUI tree."""
    places = [folder / name for folder in (tree, tree.parent) for name in ("venv", ".venv", "env")]
    candidates = [program_in(env, "python", system) for env in places]
    candidates += [folder / "python_embeded" / "python.exe" for folder in (tree.parent, tree)]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise Problem(
            f"No Python was found for the ComfyUI in {tree} (looked for venv, .venv, env and python_embeded "
            "in it and next to it).",
            "give it with --python, for example --python C:\\ComfyUI\\venv\\Scripts\\python.exe.",
        )
    return found


def _require_version(tree: Path) -> None:
    file = tree / "comfyui_version.py"
    match = re.search(r"__version__ = \"(\d+)\.(\d+)", file.read_text()) if file.is_file() else None
    if match is None or (int(match[1]), int(match[2])) < OLDEST:
        found = f"{match[1]}.{match[2]}" if match else "of an unknown version"
        raise Problem(f"The ComfyUI in {tree} is {found}; 0.30 or newer is needed.", "update that ComfyUI.")
