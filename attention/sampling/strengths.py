"""What will happen in a run: each branch's factor in every block at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..branch.attachment import Attachment
from ..models.families import family_of, layers
from .rows import Conditionings
from .run import Run


@dataclass(frozen=True)
class Strengths:
    """One branch's factors: `factors[step][block]`, the blocks numbered in the order in which they run.

    `swapped` are the blocks where guidance leads away from the reference.
    """

    attachment: Attachment
    family: str
    factors: tuple[tuple[float, ...], ...]
    swapped: frozenset[int]

    @property
    def acts(self) -> bool:
        return any(any(step) for step in self.factors)


def strengths(attached: Sequence[Attachment], model_sampling: Any, sigmas: Sequence[float]) -> tuple[Strengths, ...]:
    """The factors of every attachment at these noise levels, as the run itself would have them.

    Without the factors of single pictures, which are the attachment's `frame_scales`.
    """
    run = Run(attached, model_sampling, Conditionings({}, {}))
    try:
        acting = [
            {id(run.branches[one.branch].attachment): one.factor for one in run.acting(sigma)} for sigma in sigmas
        ]
    finally:
        run.release()
    return tuple(_of(attachment, [step.get(id(attachment), 0.0) for step in acting]) for attachment in attached)


def _of(attachment: Attachment, course: Sequence[float]) -> Strengths:
    family = family_of(len(attachment.positive.blocks)).name
    first = {layer.transformer: layer.key for layer in reversed(layers(family))}
    scales = [attachment.scale_in(first[number]) for number in sorted(first)]
    factors = tuple(tuple(scale * factor for scale in scales) for factor in course)
    swapped = frozenset(number for number, key in first.items() if key in attachment.swapped)
    return Strengths(attachment, family, factors, swapped)
