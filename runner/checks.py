"""The checks that come before the tests: style, types, and what the registry and the community ask of a node pack."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .comfyui import Host
from .places import Places, program_in
from .problems import Problem, say
from .processes import status_of


@dataclass(frozen=True)
class Check:
    """A program of one of our environments and what it is asked."""

    name: str
    env: Path
    command: tuple[str, ...]


def checks(places: Places, host: Host) -> tuple[Check, ...]:
    """All of them, the quickest first."""
    return (
        Check("Style", places.env, ("ruff", "check")),
        Check("Layout of the code", places.env, ("ruff", "format", "--check")),
        Check("Rules of the registry", places.tools, ("comfy", "--skip-prompt", "node", "validate")),
        Check("Rules for node packs", places.tools, ("comfy-test", "lint", "--strict", ".")),
        Check("Types", places.env, ("basedpyright", "--pythonpath", str(host.python))),
    )


def run_all(places: Places, host: Host) -> None:
    """Run one after the other. Raises Problem at the first that finds something."""
    for check in checks(places, host):
        tool, *arguments = check.command
        say(f"{check.name}: {' '.join(check.command)}")
        command = [program_in(check.env, tool), *arguments]
        status = status_of(command, env=quiet(places) if check.env == places.tools else None, cwd=places.root)
        if status:
            raise Problem(
                f"{tool} found something (exit status {status}); the tests were not run.",
                "mend what is listed above.",
            )


def quiet(places: Places) -> Mapping[str, str]:
    """The environment for the tools: nothing is reported to anybody, and their settings stay in our folder."""
    home = str(places.work / "tools-home")
    homes = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "APPDATA"), home)
    return {**os.environ, **homes, "DO_NOT_TRACK": "1", "PYTHONUTF8": "1"}
