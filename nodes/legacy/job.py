"""One old node while it is rewritten: reads its inputs, adds new nodes, says where its outputs now come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .shape import COMPATIBLE, NoCounterpart, Row

Prompt = Mapping[str, Any]


@dataclass(frozen=True)
class Ref:
    """An output of a new node; old outputs stay the host's own [id, index] until the end."""

    node: str
    index: int = 0

    def output(self, index: int) -> Ref:
        return replace(self, index=index)


def is_link(value: Any) -> bool:
    """Whether an input of a prompt is a link, as the host tells them: [id, index]."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def as_read(name: str, value: Any, default: Any) -> Any:
    """A widget's value as the host reads it: a number or a switch may come as text. Raises NoCounterpart."""
    if isinstance(default, bool):
        return bool(value)
    if not isinstance(default, (int, float)) or not isinstance(value, str):
        return value
    try:
        return type(default)(value)
    except ValueError:
        raise NoCounterpart(f"'{name}' is '{value}', which is not a number: write a number there") from None


@dataclass
class Job:
    """An old node of a prompt, with what it has become so far."""

    prompt: Prompt
    rows: Mapping[str, Row]
    number: str
    taken: set[str]  # every id of the prompt and of all new nodes
    is_compatible: Callable[[object], bool] = lambda choice: choice == "on"  # what a node's 'compatible' means
    added: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[int, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def node(self) -> Mapping[str, Any]:
        return self.prompt[self.number]

    @property
    def row(self) -> Row:
        return self.rows[self.node["class_type"]]

    def value(self, name: str) -> Any:
        """An input: a link, a value as the host reads it, the old default where it is absent, None for a socket with
        nothing on it and for what the old node did not have, whatever a program has left there."""
        default = self.row.widgets.get(name)
        if not self.has(name):
            return default
        value = self.node["inputs"][name]
        return value if is_link(value) else as_read(name, value, default)

    def number_of(self, name: str) -> float | None:
        """A widget that holds a number; None where it is linked."""
        value = self.value(name)
        return float(value) if isinstance(value, (int, float)) else None

    def repeats(self, fault: str) -> bool:
        """Whether the old node did this otherwise than ours, and the picture is to be as it made it."""
        return fault in self.row.faults and self.is_compatible(self.node["inputs"].get(COMPATIBLE))

    def has(self, name: str) -> bool:
        """Whether something is connected: a link, or in a running graph what came over one."""
        return name in self.row.inputs and self.node["inputs"].get(name) is not None

    def at(self, value: Any) -> Mapping[str, Any]:
        """The node at the other end of a link, whatever it is; empty where there is none."""
        return (self.prompt.get(value[0]) if is_link(value) else None) or {}

    def source(self, value: Any) -> Job | None:
        """The old node at the other end of a link, to read from; None where none of the old packs is there."""
        node = self.prompt.get(value[0]) if is_link(value) else None
        if node is None or node.get("class_type") not in self.rows:
            return None
        return replace(self, number=value[0], added={}, outputs={}, notes=self.notes)

    def main(self, class_type: str, **inputs: Any) -> Ref:
        """The new node that keeps the old one's id and title; inputs that are None are left out."""
        return self._add(self.number, class_type, inputs, dict(self.node.get("_meta") or {}))

    def add(self, class_type: str, **inputs: Any) -> Ref:
        """A further new node, with an id of its own."""
        return self._add(self._fresh(class_type), class_type, inputs, {})

    def _add(self, name: str, class_type: str, inputs: Mapping[str, Any], meta: dict[str, Any]) -> Ref:
        given = {key: value for key, value in inputs.items() if value is not None}
        self.added[name] = {"class_type": class_type, "inputs": given, "_meta": meta}
        return Ref(name)

    def note(self, text: str) -> None:
        self.notes.append(f"{self.node['class_type']} ({self.number}): {text}")

    def within(self, name: str, value: float, low: float, high: float) -> float:
        """A number inside our node's range, with a note where it had to change."""
        kept = min(max(value, low), high)
        if kept != value:
            self.note(f"{name} {value:g} became {kept:g}")
        return kept

    def _fresh(self, class_type: str) -> str:
        stem, count = f"{self.number}_{class_type.removeprefix('Likeness')}", 1
        while f"{stem}_{count}" in self.taken:
            count += 1
        self.taken.add(f"{stem}_{count}")
        return f"{stem}_{count}"
