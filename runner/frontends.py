"""A version of ComfyUI's page from the package registry, in a folder of its own beside the pinned one."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .downloads import CURE
from .environment import index_settings
from .places import Places, program_in
from .problems import Problem, say
from .processes import run

PACKAGE = "comfyui-frontend-package"
NEWEST = "newest"


@dataclass(frozen=True)
class Frontend:
    """An installed page; `folder` goes before the environment's packages on Python's path."""

    version: str
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What programs are told, so that ComfyUI serves this page and tests know its version."""
        others = os.environ.get("PYTHONPATH")
        path = os.pathsep.join([str(self.folder), *([others] if others else [])])
        return {"PYTHONPATH": path, "LIKENESS_FRONTEND": self.version}


def frontend(places: Places, wanted: str) -> Frontend:
    """The page of version `wanted`, or the newest that the registry has now; after `environment.bootstrap`.

    Raises Problem when the registry does not give it.
    """
    folder = places.frontends / wanted
    if wanted != NEWEST and _version_in(folder) == wanted:
        return Frontend(wanted, folder)
    fetched = places.frontends / "being-fetched"
    shutil.rmtree(fetched, ignore_errors=True)
    _fetch(places, PACKAGE if wanted == NEWEST else f"{PACKAGE}=={wanted}", fetched)
    version = _version_in(fetched)
    if version is None:
        raise Problem(f"The registry gave no {PACKAGE} in {fetched}.", CURE)
    folder = places.frontends / version
    if _version_in(folder) != version:
        shutil.rmtree(folder, ignore_errors=True)
        fetched.rename(folder)
    say(f"ComfyUI's page is {version} ({wanted})")
    return Frontend(version, folder)


def _fetch(places: Places, requirement: str, folder: Path) -> None:
    # Refreshed, because uv remembers for minutes which versions there are.
    uv = [program_in(places.bootstrap, "uv"), "pip", "install", "--quiet", "--refresh-package", PACKAGE, "--no-deps"]
    python = program_in(places.bootstrap, "python")
    command = [*uv, "--target", folder, "--python", python, requirement]
    run(command, f"Fetching {requirement}", CURE, env=index_settings(places))


def _version_in(folder: Path) -> str | None:
    name = PACKAGE.replace("-", "_")
    found = [path.name for path in folder.glob(f"{name}-*.dist-info")]
    return found[0].removeprefix(f"{name}-").removesuffix(".dist-info") if found else None
