"""What will happen in a run: each branch's factor in every block at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..branch.effect import Effect
from ..models.blocks import outlines
from ..models.families import BlockKey, Layer, family_with, layers
from ..models.kinds import KINDS
from .rows import Conditionings
from .run import Run


@dataclass(frozen=True)
class Strengths:
    """One branch's factors: `factors[step][block]`, the blocks numbered in the order in which they run.

    `places` says where each block is. `swapped` are the blocks where guidance leads away from the reference.
    """

    attachment: Effect
    places: tuple[str, ...]
    factors: tuple[tuple[float, ...], ...]
    swapped: frozenset[int]

    @property
    def plain(self) -> float:
        """The factor at which the model is as it is."""
        return KINDS[self.attachment.kind].plain

    @property
    def acting_blocks(self) -> int:
        """In how many blocks it acts at any step."""
        return sum(any(factor != self.plain for factor in column) for column in zip(*self.factors, strict=True))

    @property
    def acting_steps(self) -> int:
        """At how many steps it acts in any block."""
        return sum(any(factor != self.plain for factor in step) for step in self.factors)

    @property
    def acts(self) -> bool:
        return bool(self.acting_steps)


def strengths(attached: Sequence[Effect], model_sampling: Any, sigmas: Sequence[float]) -> tuple[Strengths, ...]:
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
    return tuple(_of(attachment, [step.get(id(attachment)) for step in acting]) for attachment in attached)


def _of(attachment: Effect, course: Sequence[float | None]) -> Strengths:
    first, places = _blocks(attachment.all_blocks)
    plain = [KINDS[attachment.kind].plain] * len(first)
    factors = tuple(
        tuple(plain if factor is None else (attachment.weight_in(block, factor) for block in first))
        for factor in course
    )
    return Strengths(
        attachment, places, factors, frozenset(i for i, block in enumerate(first) if block in attachment.swapped)
    )


def _blocks(found: Sequence[BlockKey]) -> tuple[list[BlockKey], tuple[str, ...]]:
    """The first layer of every block in the order in which they run, and where each is."""
    family = family_with(found)
    if family is None:  # a model of no known size: its own numbers
        return list(found), tuple(f"{side} {number}" for side, number, _ in found)
    first: dict[int, Layer] = {layer.transformer: layer for layer in reversed(layers(family.name))}
    return [first[number].key for number in sorted(first)], tuple(outline.place for outline in outlines(family.name))
