"""Lists of weights over frames, and the pictures that go with them, as the old nodes computed them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from ...attention.weights.schedule_text import parse_numbers

# The old pack's names for the curves, whose 'in' and 'out' are the other way round elsewhere.
_TIMINGS: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "linear": lambda u: u,
        "ease_in_out": lambda u: (1 - math.cos(math.pi * u)) / 2,
        "ease_in": lambda u: math.sin(math.pi * u / 2),
        "ease_out": lambda u: 1 - math.cos(math.pi * u / 2),
    }
)


@dataclass(frozen=True)
class Strategy:
    """The settings of IPAdapter Weights, for a node with other pictures to repeat."""

    weights: str = "1.0, 0.0"
    timing: str = "linear"
    frames: int = 0
    start_frame: int = 0
    end_frame: int = 9999
    add_starting_frames: int = 0
    add_ending_frames: int = 0
    method: str = "full batch"

    def numbers(self) -> list[float]:
        """The weights of one run through the frames. Raises ValueError for what is not a number."""
        numbers = list(parse_numbers(self.weights))
        if self.timing == "custom" or not numbers:
            return numbers or [0.0]
        return self._timed(numbers[0], numbers[-1])

    def _timed(self, first: float, last: float) -> list[float]:
        """The first number to the last over frames start to end; before and after them the ends hold."""
        frames = max(self.frames, 2)
        start, end = self.start_frame, min(self.end_frame, frames)
        duration = max(end - start, 1)
        between = [first + (last - first) * share for share in self._course(duration)]
        before = [first] * (start + self.add_starting_frames)
        after = [last] * (frames - end + self.add_ending_frames)
        return before + between + after

    def _course(self, duration: int) -> list[float]:
        if self.timing == "random":
            # The old node threw other dice each time; these settings decide them here.
            dice = random.Random(repr(self))
            return [dice.random() for _ in range(duration)]
        curve = _TIMINGS[self.timing]
        return [curve(i / (duration - 1) if duration > 1 else 1.0) for i in range(duration)]


@dataclass(frozen=True)
class Frames:
    """A weight for each frame, and for each frame the numbers of its first and its second picture."""

    weights: list[float]
    first: list[int]
    second: list[int]


def _full(weights: list[float], pictures: int) -> Frames:
    numbers = [i for i in range(pictures) for _ in weights]
    return Frames(weights * pictures, numbers, numbers)


def _shifted(weights: list[float], pictures: int) -> Frames:
    """From each picture to the next."""
    numbers = [i for i in range(max(pictures - 1, 1)) for _ in weights]
    return Frames(weights * max(pictures - 1, 1), numbers, [min(i + 1, pictures - 1) for i in numbers])


def _alternating(weights: list[float], pictures: int) -> Frames:
    """To and fro: the even pictures are in the first list, the odd ones in the second."""
    turns = range(max(pictures - 1, 1))
    low, high = min(weights), max(weights)
    mirrored = [high - (weight - low) for weight in weights]
    last = pictures - 1
    return Frames(
        [weight for i in turns for weight in (mirrored if i % 2 else weights)],
        [min(i + i % 2, last) for i in turns for _ in weights],
        [min(i + 1 - i % 2, last) for i in turns for _ in weights],
    )


_METHODS: Mapping[str, Callable[[list[float], int], Frames]] = MappingProxyType(
    {"full batch": _full, "shift batches": _shifted, "alternate batches": _alternating}
)


def computed(strategy: Strategy, image: Tensor | None = None) -> tuple[Any, ...]:
    """The outputs of IPAdapter Weights: weights, their reverse, how many, two batches of pictures, the settings.

    Without pictures the batches hold a black one for each frame.
    """
    pictures = torch.zeros(1, 224, 224, 3) if image is None else image
    frames = _METHODS[strategy.method](strategy.numbers(), len(pictures))
    first, second = (pictures[numbers] for numbers in (frames.first, frames.second))
    return frames.weights, frames.weights[::-1], len(frames.weights), first, second, strategy


def weights_node(image: Tensor | None = None, **settings: Any) -> tuple[Any, ...]:
    return computed(Strategy(**settings), image)


def from_strategy(weights_strategy: Strategy, image: Tensor | None = None) -> tuple[Any, ...]:
    return computed(weights_strategy, image)


def joined(weights_1: float | Sequence[float], weights_2: float | Sequence[float]) -> tuple[list[float], int]:
    """Both lists, one after the other, and how many there are."""
    sides = ([side] if isinstance(side, (int, float)) else side for side in (weights_1, weights_2))
    numbers = [float(number) for side in sides for number in side]
    return numbers, len(numbers)
