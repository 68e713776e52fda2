"""Where everything run.py makes is kept, on every system."""

import os
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TypeVar

PathKind = TypeVar("PathKind", bound=PurePath)

ROOT = Path(__file__).resolve().parent.parent


def programs_of(env: PathKind, system: str = os.name) -> PathKind:
    """The folder of a virtual environment that holds its programs; `system` is `os.name`."""
    return env / ("Scripts" if system == "nt" else "bin")


def program_in(env: PathKind, name: str, system: str = os.name) -> PathKind:
    """The path of one program, `python` included, of a virtual environment."""
    return programs_of(env, system) / (f"{name}.exe" if system == "nt" else name)


@dataclass(frozen=True)
class Places:
    """The paths below one work folder, which git ignores.

    `python` is the program that the environment is made with, None for the one that runs run.py; an environment of
    another Python has its own name, and its own memory of what is installed.
    """

    root: Path = ROOT
    python: Path | None = None
    version: str = ""

    @property
    def work(self) -> Path:
        return self.root / ".likeness"

    @property
    def bootstrap(self) -> Path:
        """A virtual environment with nothing but pip and uv."""
        return self.work / "bootstrap"

    @property
    def env(self) -> Path:
        """The virtual environment ComfyUI and the tests run in."""
        return self.work / f"env{self._suffix}"

    @property
    def tools(self) -> Path:
        """The virtual environment of the programs that judge node packs."""
        return self.work / "tools"

    @property
    def batch(self) -> Path:
        """The virtual environment of the engine that draws on many hosts."""
        return self.work / "batch-env"

    @property
    def comfyui(self) -> Path:
        return self.work / "ComfyUI"

    @property
    def downloads(self) -> Path:
        return self.work / "downloads"

    @property
    def test_data(self) -> Path:
        return self.work / "test-data"

    @property
    def stamps(self) -> Path:
        return self.work / f"stamps{self._suffix}"

    @property
    def unfinished(self) -> Path:
        """A file that is there while packages are being installed."""
        return self.work / f"installing{self._suffix}"

    @property
    def _suffix(self) -> str:
        return f"-{self.version}" if self.version else ""

    def of_python(self, version: str, python: Path) -> "Places":
        """The same places with an environment of another Python, named by its version."""
        return replace(self, python=python, version=version)

    @property
    def frontends(self) -> Path:
        """A folder for each version of ComfyUI's page that tests were asked to use."""
        return self.work / "frontends"

    @property
    def lanes(self) -> Path:
        """What the lanes of the tests said, a file for each."""
        return self.work / "lanes"

    @property
    def hosts(self) -> Path:
        """Copies of ComfyUI that behave as other versions do."""
        return self.work / "hosts"

    @property
    def releases(self) -> Path:
        """Archives of the pack, each with its notes."""
        return self.work / "releases"

    @property
    def base(self) -> Path:
        """ComfyUI's base directory: custom_nodes, models, input, output, user; never those of another ComfyUI."""
        return self.work / "base"

    @property
    def server_log(self) -> Path:
        return self.work / "server.log"

    @property
    def pictures(self) -> Path:
        return self.root / "demo-output"

    @property
    def comparisons(self) -> Path:
        """The report of `run.py verify`, and the sheet that it was asked for."""
        return self.root / "verify-output"

    @property
    def trainings(self) -> Path:
        """What `run.py train` makes, a folder for each name."""
        return self.root / "train-output"
