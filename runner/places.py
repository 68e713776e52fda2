"""Where everything run.py makes is kept, on every system."""

import os
from dataclasses import dataclass
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
    """The paths below one work folder, which git ignores."""

    root: Path = ROOT

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
        return self.work / "env"

    @property
    def tools(self) -> Path:
        """The virtual environment of the programs that judge node packs."""
        return self.work / "tools"

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
        return self.work / "stamps"

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
    def trainings(self) -> Path:
        """What `run.py train` makes, a folder for each name."""
        return self.root / "train-output"
