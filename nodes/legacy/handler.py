"""Makes the host rewrite prompts for the old packs before it looks at them, and offer replacements in the editor."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import comfy_api.v0_0_2
from comfy_api.v0_0_2 import io
from server import PromptServer

from . import as_before, face_tower, faces_as_before, setting, sides, thin, tiled, told_apart
from .becomes import Flat
from .shape import Row
from .table import ROWS

if TYPE_CHECKING:
    from .rewrite import Rewritten

log = logging.getLogger(__name__)

# Prompts come from anywhere; whatever they hold, they must reach the host's own checks.
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, RecursionError)


async def register() -> None:
    """Add the handler to ComfyUI's server, where one runs, and the replacements, where that host knows them."""
    server = getattr(PromptServer, "instance", None)
    if server is None:
        return
    server.add_on_prompt_handler(on_prompt)
    told_apart.add_routes(server.routes)
    facility = getattr(comfy_api.v0_0_2.ComfyAPI(), "node_replacement", None)
    if facility is not None and hasattr(io, "NodeReplace"):
        for row in ROWS.values():
            await facility.register(replacement(row))


def nodes() -> list[type[io.ComfyNode]]:
    """The hidden nodes for old graphs: in the shape of old ones under ids of ours, and what those need; and under the
    old ids where the user wants that and no other pack has them."""
    ours = [*as_before.NODES, *faces_as_before.NODES, *face_tower.NODES, *sides.NODES, *tiled.NODES, *thin.NODES]
    if not setting.registers_ids():
        return ours
    installed = importlib.import_module("nodes").NODE_CLASS_MAPPINGS
    free = [row for row in ROWS.values() if row.node_id not in installed]
    log.info("likeness: %d old nodes are registered under their own ids", len(free))
    return [*ours, *(thin.node(row, row.node_id) for row in free)]


def on_prompt(request: dict[str, Any]) -> dict[str, Any]:
    """The request with its prompt rewritten; as it is where that fails, for the host to judge.

    What stays comes back under a name that nobody has, with the reason in it: under its own the host would put in its
    place what the page is offered, whose inputs it need not have.
    """
    from .rewrite import rewritten

    prompt = request.get("prompt")
    if not isinstance(prompt, dict):
        return request
    try:
        # By name, for our own package is called so too.
        installed = importlib.import_module("nodes").NODE_CLASS_MAPPINGS
        result = rewritten(prompt, thin.BY_CLASS, installed, setting.is_compatible)
    except _UNREADABLE as error:
        log.error("likeness: nodes of the old packs stay as they are, because the prompt cannot be read: %r", error)
        return request
    _say(prompt, result)
    new = result.prompt | {number: _refused(prompt[number], why) for number, why in _missing(result, installed)}
    return request if new == prompt else {**request, "prompt": new}


def _missing(result: Rewritten, installed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number, reason in result.kept.items():
        if result.prompt[number]["class_type"] not in installed:
            yield number, reason


def _refused(node: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """A node that the host refuses as missing, with the reason in its words: it says the title, or else the class."""
    name = f"{node['class_type']} ({reason})"
    return {**node, "class_type": name, "_meta": {**(node.get("_meta") or {}), "title": name}}


def replacement(row: Row) -> Any:
    """What the host's editor puts in an old node's place: one of ours, or the hidden one with its shape."""
    flat = row.becomes if isinstance(row.becomes, Flat) else Flat(row.thin_id, {name: name for name in row.inputs})
    given: list[Any] = [{"new_id": new, "old_id": old} for new, old in flat.inputs.items()]
    fixed: list[Any] = [{"new_id": new, "set_value": value} for new, value in flat.constants.items()]
    return io.NodeReplace(
        new_node_id=flat.node_id,
        old_node_id=row.node_id,
        old_widget_ids=list(row.widgets),
        input_mapping=[*given, *fixed],
        output_mapping=[{"new_idx": i, "old_idx": i} for i in range(len(row.outputs))],
    )


def _say(prompt: dict[str, Any], result: Rewritten) -> None:
    if result.count:
        notes = f" ({'; '.join(result.notes)})" if result.notes else ""
        log.info("likeness: %d nodes of the old packs became ours%s", result.count, notes)
    if result.kept:
        reasons = "; ".join(f"{prompt[n]['class_type']} ({n}): {reason}" for n, reason in result.kept.items())
        log.warning("likeness: no counterpart for %s", reasons)
