"""A clone of the repository: what git and pyproject.toml say of it."""

import re
import subprocess
from pathlib import Path

from ..problems import Problem


def git(root: Path, *words: str) -> list[str]:
    """The lines that a git command answers. Raises Problem where there is no git repository."""
    command = ["git", "-c", "core.quotepath=off", *words]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Problem(f"git answers nothing in {root} ({error}).", "release from a clone of the repository.") from error
    return done.stdout.splitlines()


def tracked(root: Path) -> list[str]:
    """Every file that git knows and that is there, by its path."""
    return [name for name in git(root, "ls-files") if (root / name).is_file()]


def field(root: Path, key: str) -> str:
    """A text of pyproject.toml, found by its line: Python 3.10 has no reader. Raises Problem where it is not there."""
    match = re.search(rf'^{re.escape(key)} = "([^"]+)"', (root / "pyproject.toml").read_text(encoding="utf-8"), re.M)
    if match is None:
        raise Problem(f"pyproject.toml has no '{key}'.", "restore it.")
    return match[1]
