"""Parts of the pack -> those that this ComfyUI can load; what it lacks costs the parts that need it, and is said once."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterable
from types import ModuleType

from comfy_api.v0_0_2 import io

log = logging.getLogger(__name__)

# What a renamed or changed part of the host shows as; anything else is a fault of ours, and stops us.
_LACKING = (ImportError, AttributeError, TypeError)


def available(names: Iterable[str], package: str) -> tuple[ModuleType, ...]:
    """The modules of these relative names that can be imported."""
    found: list[ModuleType] = []
    missing: dict[str, list[str]] = {}
    for name in names:
        try:
            found.append(importlib.import_module(f".{name}", package))
        except _LACKING as error:
            missing.setdefault(str(error), []).append(name.rpartition(".")[2])
            log.debug("likeness: %s", name, exc_info=True)
    _say(missing)
    return tuple(found)


def usable(nodes: Iterable[type[io.ComfyNode]]) -> list[type[io.ComfyNode]]:
    """The nodes whose form the host takes; one that it does not take would keep all others from it."""
    found: list[type[io.ComfyNode]] = []
    missing: dict[str, list[str]] = {}
    for node in nodes:
        try:
            node.GET_SCHEMA()
        except _LACKING as error:
            missing.setdefault(str(error), []).append(node.__name__)
            log.debug("likeness: %s", node.__name__, exc_info=True)
        else:
            found.append(node)
    _say(missing)
    return found


def _say(missing: dict[str, list[str]]) -> None:
    for reason, names in missing.items():
        log.error(
            "likeness: left out, because this ComfyUI lacks something that is needed there (%s): %s. Everything else works. "
            "Update Likeness or ComfyUI, whichever is older.",
            reason,
            ", ".join(names),
        )
