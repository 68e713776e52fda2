"""A step and a part of it -> what is trained on there: pictures, noise and levels, drawn by the seed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .dataset import Batches, Dataset
from .frozen import FrozenModel
from .loss import Noised, noised
from .processes import Processes
from .reading import Position, Reading
from .references import drawn
from .settings import Settings
from .showing import Showing
from .trainee import Batch
from .weighting import weights_of


@dataclass(frozen=True, eq=False)
class Part:
    """What one pass of the model learns from: noised latents, what is shown with them, what each level counts."""

    given: Noised
    batch: Batch
    weights: Tensor | None


class Drawing:
    """Draws the parts of each step by seed, step and part alone, and can have one ready ahead.

    `waited` are the seconds that reading has taken from the training so far.
    """

    def __init__(
        self, frozen: FrozenModel, dataset: Dataset, showing: Showing, settings: Settings, processes: Processes
    ) -> None:
        self._frozen = frozen
        self._showing = showing
        self._settings = settings
        self._processes = processes
        self._batches = Batches(dataset, settings.batch_size)
        self._reading = Reading(dataset.examples, self._plan, self._after)
        self._ready: tuple[tuple[int, int], Part] | None = None
        self.waited = 0.0

    def forget(self) -> None:
        """Let go of what is read ahead and ready."""
        self._reading.forget()
        self._ready = None

    def _plan(self, position: Position) -> list[int]:
        return self._batches.numbers(self._generator(position))

    def _generator(self, position: Position) -> torch.Generator:
        return torch.Generator().manual_seed(_seed(self._settings.seed, *position))

    def _after(self, position: Position) -> Iterator[Position]:
        """The parts of this process, from one on."""
        first, part = position
        rounds = self._processes.rounds(self._settings.accumulation)
        for step in range(first, self._settings.steps):
            for number in range(rounds):
                if step > first or self._processes.part(number) >= part:
                    yield step, self._processes.part(number)

    def part(self, step: int, part: int) -> Part:
        """What a part is trained on; the one drawn ahead if it is this."""
        ready, self._ready = self._ready, None
        return ready[1] if ready is not None and ready[0] == (step, part) else self._drawn(step, part)

    def ahead(self, step: int, part: int) -> None:
        """Draw a part that comes later, while a card is still busy with this one; nothing after the last step."""
        if step < self._settings.steps:
            self._ready = ((step, part), self._drawn(step, part))

    def _drawn(self, step: int, part: int) -> Part:
        settings, frozen = self._settings, self._frozen
        generator = self._generator((step, part))
        numbers = self._batches.numbers(generator)  # as the plan does; what follows is drawn after
        began = time.perf_counter()
        chosen = self._reading.part((step, part), numbers)
        self.waited += time.perf_counter() - began
        clean = self._showing.latents(chosen)
        given = noised(frozen.model.model_sampling, frozen.levels, clean, generator, settings.noise_offset)
        drops = dropped(len(chosen), settings.drops, generator)
        # Drawn last: nothing else is drawn otherwise where a reference is the picture itself.
        batch = self._showing.batch(chosen, clean, drops, [drawn(example, generator) for example in chosen])
        return Part(given, batch, weights_of(given.sigmas, settings.weighting, settings.snr_gamma))


def dropped(count: int, drops: tuple[float, float, float], generator: torch.Generator) -> list[tuple[bool, bool]]:
    """For each example whether it is shown without its text, and without its picture; at most one draw decides."""
    text, picture, both = drops
    found: list[tuple[bool, bool]] = []
    for chance in torch.rand(count, generator=generator, dtype=torch.float64).tolist():
        no_both = text + picture <= chance < text + picture + both
        found.append((chance < text or no_both, text <= chance < text + picture or no_both))
    return found


def _seed(seed: int, step: int, part: int) -> int:
    return (seed * 1_000_003 + step * 1009 + part) % 2**63
