"""Pictures that are not trained on -> how well they are predicted, in numbers that can be compared between trainings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..cache import digest
from .dataset import Dataset, Example
from .frozen import FrozenModel
from .loss import Noised, squared_errors
from .showing import Showing
from .trainee import Trainee

LEVELS = 10

Row = tuple[Example, int]
"""A picture and the number of a level."""


def split(dataset: Dataset, count: int) -> tuple[Dataset, Dataset | None]:
    """What is trained on, and the `count` pictures that are not (None for 0).

    Which these are depends on the pictures alone, not on their order. Raises ValueError when none is left to train on.
    """
    if not count:
        return dataset, None
    if count >= len(dataset.examples):
        raise ValueError(
            f"held_out is {count}, but there are {len(dataset.examples)} pictures: at least one must be left to train on."
        )
    keys = dataset.keys()
    held = set(sorted(range(len(keys)), key=keys.__getitem__)[:count])
    trained, apart = (
        dataset.only([number for number in range(len(keys)) if (number in held) == side]) for side in (False, True)
    )
    return trained, apart


@dataclass(frozen=True)
class Predicted:
    """The mean error of the noise, over all, and at each level for each size of latents, the clearest level first."""

    mean: float
    levels: Mapping[str, Sequence[float]]

    def told(self) -> dict[str, float]:
        """All of it by names, as a log takes it."""
        each = {f"held_out/{size}/{n}": value for size, row in self.levels.items() for n, value in enumerate(row)}
        return {"held_out": self.mean, **each}


class HeldOut:
    """Predicts the same pictures with the same noise at the same levels each time."""

    def __init__(self, dataset: Dataset, showing: Showing, frozen: FrozenModel, batch_size: int) -> None:
        self._dataset = dataset
        self._showing = showing
        self._frozen = frozen
        self._batch_size = batch_size

    @torch.no_grad()
    def predicted(self, trainee: Trainee, precision: AbstractContextManager[Any]) -> Predicted:
        """How well a trainee predicts them, with their text and reference."""
        found: dict[str, Tensor] = {}
        with precision:
            for size, rows in self._rows():
                height, width = size
                errors = torch.cat([self._errors(trainee, rows[i : i + self._batch_size]) for i in self._starts(rows)])
                found[f"{width}x{height}"] = errors.reshape(-1, LEVELS).double().cpu()
        means = {size: errors.mean(dim=0).tolist() for size, errors in found.items()}
        return Predicted(float(torch.cat([*found.values()]).mean()), means)

    def _starts(self, rows: Sequence[Row]) -> range:
        return range(0, len(rows), self._batch_size)

    def _rows(self) -> Iterator[tuple[tuple[int, int], list[Row]]]:
        for size, numbers in self._dataset.buckets().items():
            yield size, [(self._dataset.examples[number], level) for number in numbers for level in range(LEVELS)]

    def _errors(self, trainee: Trainee, rows: Sequence[Row]) -> Tensor:
        chosen = [example for example, _ in rows]
        clean = self._showing.latents(chosen)
        sampling = self._frozen.model.model_sampling
        sigmas = torch.stack([_level(sampling.sigmas, level) for _, level in rows]).to(clean)
        noise = torch.stack([_noise(example, level) for example, level in rows]).to(clean)
        noisy: Tensor = sampling.noise_scaling(sigmas[:, None, None, None], noise, clean)
        given = Noised(clean, noisy, sigmas)
        batch = self._showing.batch(chosen, clean, [(False, False)] * len(rows))
        return squared_errors(given, trainee(self._frozen, given, batch)).mean(dim=(1, 2, 3))


def _level(sigmas: Tensor, number: int) -> Tensor:
    """The middle of one of LEVELS equal parts of the model's own steps."""
    return sigmas[(2 * number + 1) * len(sigmas) // (2 * LEVELS)]


def _noise(example: Example, level: int) -> Tensor:
    """The same for the same picture and level, whatever else is held out."""
    seed = (int(digest(example.latent)[:12], 16) + level) % 2**63
    return torch.randn(example.latent.shape, generator=torch.Generator().manual_seed(seed))
