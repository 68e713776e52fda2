"""A prompt -> its links whose two ends do not fit together, as the host judges them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from typing import Any

from comfy_execution.validation import validate_node_input

from .job import is_link

_OURS = "LIKENESS_"


@dataclass(frozen=True)
class Misfit:
    """A link from the node `source`, which gives the wire `given`, to `target`, which takes `taken`."""

    source: str
    target: str
    given: str
    taken: str


def another_packs_wire(source: str, given: str) -> str:
    """Why a node of ours cannot take what a node of another pack gives."""
    return (
        f"{source} gives {given}, which only its own pack reads: put a loader of this pack in its place, or install the "
        "pack that this node is of"
    )


def misfits(prompt: Mapping[str, Any], ours: Set[str], installed: Mapping[str, Any]) -> Iterator[Misfit]:
    """Every link between a node of `ours` and another that is installed, on a wire of ours that the other does not have.

    `installed` is the host's classes by id.
    """

    @cache
    def wires_of(class_type: str) -> dict[str, Any]:
        types = installed[class_type].INPUT_TYPES()
        return {name: spec[0] for kind in ("required", "optional") for name, spec in types.get(kind, {}).items()}

    for target, node in prompt.items():
        class_type = _class_of(node)
        if class_type not in installed:
            continue
        for name, link in node["inputs"].items():
            source = prompt.get(link[0]) if is_link(link) else None
            if _class_of(source) not in installed or (link[0] in ours) == (target in ours):
                continue
            given = installed[_class_of(source)].RETURN_TYPES
            taken = wires_of(class_type).get(name)
            if taken is None or link[1] >= len(given):
                continue
            if is_misfit(given[link[1]], taken):
                yield Misfit(link[0], target, str(given[link[1]]), str(taken))


def is_misfit(given: Any, taken: Any) -> bool:
    """Whether an output of a wire cannot go into an input, because one of them is a wire of this pack."""
    return _OURS in f"{given},{taken}" and not validate_node_input(given, taken)


def _class_of(node: Any) -> str:
    """The class of a node; empty for what is none."""
    if not isinstance(node, dict) or not isinstance(node.get("inputs"), dict):
        return ""
    return str(node.get("class_type"))
