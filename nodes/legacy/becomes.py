"""The two plain ways in which an old node becomes one of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .job import Job


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
