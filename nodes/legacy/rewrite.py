"""A prompt with nodes of the old packs -> the same prompt with nodes that are installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .becomes import become, same_shape
from .job import Job, Ref, is_link
from .misfits import another_packs_wire, misfits
from .shape import NoCounterpart, Row
from .table import GONE
from .widgets import current


@dataclass(frozen=True)
class Rewritten:
    """The new prompt, how many old nodes it lost, what changed on the way, and why other old nodes stay."""

    prompt: dict[str, Any]
    count: int = 0
    notes: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


class _Stays(NoCounterpart):
    """Why an old node of this id has to stay; `as_it_is` where not even our node of its shape could take its place."""

    def __init__(self, number: str, reason: str, as_it_is: bool = False) -> None:
        super().__init__(reason)
        self.number, self.as_it_is = number, as_it_is


def rewritten(
    prompt: Mapping[str, Any],
    rows: Mapping[str, Row],
    installed: Mapping[str, Any],
    is_compatible: Callable[[object], bool] = lambda choice: choice == "on",
) -> Rewritten:
    """Rewrite every old node that is not installed and has a counterpart; the given prompt is not changed.

    `rows` are the old nodes by class, `installed` is the host's class of every node by id, `is_compatible` says what
    an old node's input 'compatible' means. A node that cannot be expressed becomes the one of ours with its shape,
    which says why; the reasons are in the result as well. A node of the same id that another pack has, and one whose
    wires lead to nodes of another pack, stay as they are.
    """
    known = {name: row for name, row in rows.items() if name not in installed or stands_in(installed[name])}
    gone = {number: GONE[_class_of(node)] for number, node in prompt.items() if _class_of(node) in GONE}
    if not any(_class_of(node) in known for node in prompt.values()):
        return Rewritten(dict(prompt), kept=gone)
    kept = gone | {number: reason for number, node in prompt.items() if (reason := _another_packs(node, known))}
    as_they_are = set(kept)
    read = {number: node for number, node in prompt.items() if number not in kept}
    old = [number for number, node in read.items() if _class_of(node) in known and _class_of(node) not in installed]
    while True:  # each turn keeps one node more, or one more as it is, so it ends
        taken = set(prompt)
        jobs = {number: Job(read, known, number, taken, is_compatible) for number in old if number not in as_they_are}
        jobs = {number: job for number, job in jobs.items() if number not in kept or job.row.thin_id in installed}
        try:
            for number, job in jobs.items():
                same_shape(job) if number in kept else _become(job)
            new = _joined(prompt, jobs, installed)
            _check_wires(new, jobs, kept, installed)
            return Rewritten(new, sum(number not in kept for number in old), _notes(jobs), dict(kept))
        except _Stays as stays:
            if stays.as_it_is or stays.number in kept:
                as_they_are.add(stays.number)
            kept.setdefault(stays.number, str(stays))


def _another_packs(node: Any, rows: Mapping[str, Row]) -> str:
    """Why a node is not the old one that its id says; empty where it is, or is none."""
    row = rows.get(_class_of(node))
    if row is None or row.thin_id == _class_of(node) or not row.is_another_packs(node["inputs"]):
        return ""
    names = ", ".join(f"'{name}'" for name in row.foreign(node["inputs"]))
    return f"with {names} it is another pack's node of that id, not {row.pack}'s: install the pack that it is of"


def stands_in(found: Any) -> bool:
    """Whether a class that the host knows is a node of ours in the shape of an old one."""
    return isinstance(getattr(found, "row", None), Row)


def _class_of(node: Any) -> Any:
    return node.get("class_type") if isinstance(node, dict) and isinstance(node.get("inputs"), dict) else None


def _become(job: Job) -> None:
    if job.row.becomes is None:
        raise _Stays(job.number, job.row.reason)
    try:
        become(job)
    except ValueError as reason:  # NoCounterpart, or a value that cannot be read
        raise _Stays(job.number, str(reason)) from reason


def _joined(prompt: Mapping[str, Any], jobs: Mapping[str, Job], installed: Mapping[str, Any]) -> dict[str, Any]:
    new: dict[str, Any] = {number: node for number, node in prompt.items() if number not in jobs}
    for job in jobs.values():
        new.update(job.added)
    for name, node in new.items():
        if not isinstance(node, dict) or not isinstance(node.get("inputs"), dict):
            continue
        inputs = {key: _resolved(value, jobs) for key, value in node["inputs"].items()}
        new[name] = {**node, "inputs": complete(node.get("class_type"), inputs, installed)}
    return new


def _check_wires(
    prompt: Mapping[str, Any], jobs: Mapping[str, Job], kept: Mapping[str, str], installed: Mapping[str, Any]
) -> None:
    """Raise _Stays for an old node one of whose new links does not fit what is at its other end, of another pack."""
    owners = {name: number for number, job in jobs.items() for name in job.added}
    for link in misfits(prompt, set(owners), installed):
        if link.source not in owners and (taker := owners[link.target]) not in kept:
            raise _Stays(taker, another_packs_wire(_called(prompt, link.source), link.given))
        if link.source in owners:
            what = f"{_called(prompt, link.target)} of another pack takes {link.taken} from it, which this pack has not"
            raise _Stays(owners[link.source], f"{what}: install the pack that this node is of", as_it_is=True)


def _called(prompt: Mapping[str, Any], number: str) -> str:
    return f"{prompt[number]['class_type']} ({number})"


def _notes(jobs: Mapping[str, Job]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(note for job in jobs.values() for note in job.notes))


def _resolved(value: Any, jobs: Mapping[str, Job]) -> Any:
    """Where an input of the new prompt comes from: old outputs may lead to others of old nodes."""
    seen: set[tuple[str, int]] = set()
    while is_link(value) and value[0] in jobs and tuple(value) not in seen:
        seen.add(tuple(value))
        job, index = jobs[value[0]], value[1]
        if index not in job.outputs:
            names = job.row.outputs
            name = names[index] if index < len(names) else str(index)
            raise _Stays(value[0], f"no node of this pack provides its output '{name}' for such a node")
        value = job.outputs[index]
    return [value.node, value.index] if isinstance(value, Ref) else value


def complete(class_type: Any, inputs: dict[str, Any], installed: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of one of our nodes as the host takes them: required widgets that are not given at their defaults, and
    choices of old nodes by their last names."""
    found = installed.get(class_type) if isinstance(class_type, str) else None
    if found is None or not (class_type.startswith("Likeness") or stands_in(found)):
        return inputs
    if stands_in(found):
        inputs = {name: current(found.row, name, value) for name, value in inputs.items()}
    required = found.INPUT_TYPES().get("required", {})
    defaults = {name: spec[1]["default"] for name, spec in required.items() if len(spec) > 1 and "default" in spec[1]}
    return {**defaults, **inputs}
