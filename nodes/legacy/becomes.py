"""How an old node becomes ours: as its row says, or in one of two plain ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .job import Job, Prompt
from .shape import SIDES

# The host's guidance in whose calls the second conditioning is not the negative one, or not the only one.
_PLACES_MISLEAD = frozenset({"DualCFGGuider", "PerpNegGuider", "PerpNeg", "SelfAttentionGuidance"})
_BY_WHAT_THEY_ARE = (
    "all prompts but negative ones have the picture; the old packs went by their places, and 'compatible' does so too"
)


def become(job: Job) -> None:
    """The nodes of ours for an old one that has a counterpart. Raises ValueError where they cannot express it."""
    assert job.row.becomes is not None
    job.row.becomes(job)
    if SIDES not in job.row.faults:
        return
    if not job.repeats(SIDES):
        job.notes += [f"{kind} ({number}): {_BY_WHAT_THEY_ARE}" for number, kind in _places_mislead(job.prompt)]
    else:
        model = job.row.outputs.index("MODEL")
        steered = {"model": job.outputs[model], "before": job.value("model")}
        job.outputs[model] = job.add("LikenessOldSides", **steered)


def _places_mislead(prompt: Prompt) -> Iterator[tuple[str, str]]:
    kinds = ((number, node.get("class_type")) for number, node in prompt.items() if isinstance(node, dict))
    return ((number, kind) for number, kind in kinds if isinstance(kind, str) and kind in _PLACES_MISLEAD)


@dataclass(frozen=True)
class Flat:
    """One old node as one of ours, without looking around: new input -> old input, and new input -> constant.

    Outputs keep their order. `found` gives inputs that nobody is there to set where a prompt comes from a program: on the
    page they stay at their defaults, and the node asks.
    """

    node_id: str
    inputs: Mapping[str, str]
    constants: Mapping[str, Any] = field(default_factory=dict)
    found: Callable[[Job], Mapping[str, Any]] | None = None

    def __call__(self, job: Job) -> None:
        given = {new: job.value(old) for new, old in self.inputs.items()}
        ref = job.main(self.node_id, **given, **self.constants, **(self.found(job) if self.found else {}))
        for index in range(len(job.row.outputs)):
            job.outputs[index] = ref.output(index)


def same_shape(job: Job) -> None:
    """The node of ours that has the old one's shape, with the inputs that are given."""
    ref = job.main(job.row.thin_id, **{name: job.node["inputs"].get(name) for name in job.row.inputs})
    job.outputs = {index: ref.output(index) for index in range(len(job.row.outputs))}
