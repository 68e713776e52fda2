"""What the user chose for old nodes: in ComfyUI's settings, or in the environment, which comes first."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import folder_paths

log = logging.getLogger(__name__)

CHOICES = ("by setting", "off", "on")
"""What the input 'compatible' of an old node says."""

COMPATIBLE = ("Likeness.OldNodes.Compatible", "LIKENESS_COMPATIBLE")
REGISTER = ("Likeness.OldNodes.Register", "LIKENESS_OLD_IDS")
"""The setting's id, and the variable of the environment that decides instead."""

_YES, _NO = frozenset({"1", "true", "yes", "on"}), frozenset({"", "0", "false", "no", "off"})


def is_compatible(choice: object = None) -> bool:
    """Whether an old node gives the picture that the old pack made: by its own input, else by the setting."""
    if choice in (True, "on") or choice in (False, "off"):
        return choice in (True, "on")
    return _chosen(*COMPATIBLE)


def registers_ids() -> bool:
    """Whether the old ids are to be nodes of their own, where no other pack has them. Read when ComfyUI starts."""
    return _chosen(*REGISTER)


def _chosen(setting: str, variable: str) -> bool:
    said = os.environ.get(variable)
    if said is None:
        return _settings().get(setting) is True
    if said.lower() not in _YES | _NO:
        log.warning("likeness: %s is '%s', which counts as off. Set it to 1 or 0.", variable, said)
    return said.lower() in _YES


def _settings() -> dict[str, Any]:
    """The settings of ComfyUI's only user; with several users there are none that all share."""
    folder = folder_paths.get_public_user_directory("default")
    try:
        found = json.loads(Path(folder or "", "comfy.settings.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not saved yet, or half written: the host says so itself
        return {}
    return found if isinstance(found, dict) else {}
