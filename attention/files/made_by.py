"""The pack's version, as pyproject.toml states it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

MAKER = "comfyui-likeness"
"""How files that the pack writes name who made them, before the version."""
_PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@cache
def pack_version() -> str:
    """The version of the pack that is installed, or "unknown" where its project file was left out."""
    if not _PROJECT.is_file():
        return "unknown"
    found = re.search(r'^version = "(.+)"$', _PROJECT.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "unknown"
