"""What is trained on: latents, text and features of every picture, encoded once, in buckets of one size."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..cache import digest
from ..reference.embeds import Embeds

Text = Any
"""One entry of the host's conditioning: [text (1, T, C), dictionary]."""


@dataclass(frozen=True, eq=False)
class Example:
    """A picture to learn from: its latent (C, h, w) as the autoencoder gives it, its text, its features.

    `embeds` (n = 1) are those of the reference, as a rule the picture itself; any of `also` may be shown instead. `hint` is its keypoint picture (3, H, W),
    0..1, for an IdentityNet, or what draws it: a drawing takes less time than its pixels take memory.
    """

    latent: Tensor
    text: Text
    embeds: Embeds
    hint: Tensor | Callable[[], Tensor] | None = None
    also: Sequence[Embeds] = ()

    @property
    def shown_hint(self) -> Tensor:
        """The keypoint picture (3, H, W), 0..1. Raises ValueError where there is none."""
        if self.hint is None:
            raise ValueError("an IdentityNet is trained on keypoints, but one of the pictures has none.")
        return self.hint if isinstance(self.hint, Tensor) else self.hint()


class Kept(Sequence[Example]):
    """Pictures that are read when they are asked for, and what is known of them before."""

    @property
    @abstractmethod
    def sizes(self) -> Sequence[tuple[int, int]]:
        """The size (h, w) of each latent."""

    @property
    @abstractmethod
    def keys(self) -> Sequence[str]:
        """A hash of each latent."""

    @property
    @abstractmethod
    def contents(self) -> str:
        """A hash of all of it."""

    @abstractmethod
    def only(self, numbers: Sequence[int]) -> Kept:
        """These pictures alone."""

    @abstractmethod
    def read(self, numbers: Sequence[int]) -> Any:
        """What is in the files of pictures of one size: it may be read in another process than the one that trains."""

    @abstractmethod
    def taken(self, numbers: Sequence[int], read: Any) -> list[Example]:
        """The pictures of which this was read."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """All pictures to learn from, and what stands for no text and for no picture."""

    examples: Sequence[Example]
    no_text: Text
    no_picture: Embeds

    def __post_init__(self) -> None:
        if not self.examples:
            raise ValueError("there are no pictures to train on.")

    def buckets(self) -> Mapping[tuple[int, int], Sequence[int]]:
        """The numbers of the pictures of each latent size (h, w)."""
        found: dict[tuple[int, int], list[int]] = {}
        for number, size in enumerate(self._sizes()):
            found.setdefault(size, []).append(number)
        return found

    def _sizes(self) -> Iterable[tuple[int, int]]:
        if isinstance(self.examples, Kept):
            return self.examples.sizes
        return ((height, width) for height, width in (example.latent.shape[-2:] for example in self.examples))

    def keys(self) -> Sequence[str]:
        """A hash of each latent, whatever the order."""
        if isinstance(self.examples, Kept):
            return self.examples.keys
        return [digest(example.latent) for example in self.examples]

    def only(self, numbers: Sequence[int]) -> Dataset:
        """These pictures alone."""
        if isinstance(self.examples, Kept):
            return replace(self, examples=self.examples.only(numbers))
        return replace(self, examples=tuple(self.examples[number] for number in numbers))


SHUFFLED = 1 << 16
"""The most pictures of one size that are shuffled whole to take a batch; of ten million it would take seconds each time."""


class Batches:
    """Chooses the pictures of each batch: all of one size, sizes as often as they have pictures."""

    def __init__(self, dataset: Dataset, batch_size: int) -> None:
        self._buckets = [torch.tensor(numbers) for numbers in dataset.buckets().values()]
        self._shares = torch.tensor([float(len(numbers)) for numbers in self._buckets])
        self._batch_size = batch_size

    def numbers(self, generator: torch.Generator) -> list[int]:
        """The numbers of one batch, of `batch_size` pictures; one that is shorter than that repeats its pictures."""
        bucket = self._buckets[int(torch.multinomial(self._shares, 1, generator=generator))]
        if len(bucket) > SHUFFLED:
            return bucket[_distinct(len(bucket), self._batch_size, generator)].tolist()
        rounds = -(-self._batch_size // len(bucket))
        order = torch.cat([torch.randperm(len(bucket), generator=generator) for _ in range(rounds)])
        return bucket[order[: self._batch_size]].tolist()


def _distinct(below: int, count: int, generator: torch.Generator) -> Tensor:
    """Different numbers, each as likely as any other, where `count` is small beside `below`."""
    found: dict[int, None] = {}
    while len(found) < count:
        found.setdefault(int(torch.randint(below, (1,), generator=generator)))
    return torch.tensor(list(found))
