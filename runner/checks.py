"""What is checked beside the tests' own claims: style, types, what the registry and the community ask of a node pack."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .places import Places, program_in


@dataclass(frozen=True)
class Check:
    """A program of one of our environments and what it is asked."""

    name: str
    env: Path
    command: tuple[str, ...]

    @property
    def program(self) -> Path:
        return program_in(self.env, self.command[0])


def checks(places: Places, python: Path) -> tuple[Check, ...]:
    """All of them, the quickest first; `python` is the one that has ComfyUI's packages."""
    return (
        Check("style", places.env, ("ruff", "check")),
        Check("layout of the code", places.env, ("ruff", "format", "--check")),
        Check("rules of the registry", places.tools, ("comfy", "--skip-prompt", "node", "validate")),
        Check("rules for node packs", places.tools, ("comfy-test", "lint", "--strict", ".")),
        Check("types", places.env, ("basedpyright", "--pythonpath", str(python))),
    )


def ask(check: Check, places: Places) -> "subprocess.CompletedProcess[str]":
    """Run one to its end; its exit status, and what it said on both streams as `stdout`."""
    return subprocess.run(
        [str(check.program), *check.command[1:]],
        cwd=places.root,
        env=quiet(places) if check.env == places.tools else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def quiet(places: Places) -> Mapping[str, str]:
    """The environment for the tools: nothing is reported to anybody, and their settings stay in our folder."""
    home = str(places.work / "tools-home")
    homes = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "APPDATA"), home)
    return {**os.environ, **homes, "DO_NOT_TRACK": "1", "PYTHONUTF8": "1"}
