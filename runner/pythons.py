"""The Pythons that this machine has, beside the one that runs run.py."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from .places import program_in

VERSIONS = ("3.10", "3.11", "3.12", "3.13")
"""Those that the pack is for."""
_ASK = "import platform, sys; print(platform.python_version(), sys.executable)"


def pythons() -> Mapping[str, Path]:
    """Program of each of `VERSIONS` that is there, the oldest first; virtual environments and broken ones are left out."""
    found = {version: next(_working(version), None) for version in VERSIONS}
    return {version: path for version, path in found.items() if path is not None}


def _working(version: str) -> Iterator[Path]:
    for candidate in _candidates(version):
        try:
            done = subprocess.run([candidate, "-c", _ASK], capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        given, _, path = done.stdout.strip().partition(" ")
        if done.returncode == 0 and given.startswith(f"{version}."):
            yield Path(path)


def _candidates(version: str) -> Iterator[str]:
    """pyenv's own come first: its programs on the path answer for the version that it is set to alone."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    yield from (str(program_in(folder, "python")) for folder in sorted(pyenv.glob(f"{version}.*"), reverse=True))
    on_path = shutil.which(f"python{version}")
    if on_path:
        yield on_path
