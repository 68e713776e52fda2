"""Whose picture is whose reference -> examples that are shown another picture than the one they are to learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..reference.embeds import Embeds
from .dataset import Dataset, Example

Partners = Sequence[Sequence[int]]
"""For each picture the numbers of those that may be its reference; none where it is its own."""

CROPS = 3
SUBJECT, PAIR = "subject", "pair"
"""What may be said of a picture: whom or what it shows, or which picture is its reference."""


def of_subject(subjects: Sequence[str], names: Sequence[str]) -> Partners:
    """The other pictures of the same subject, the next one first; names tell a picture from itself shown twice.

    Pictures with an empty subject stand alone.
    """
    count = len(subjects)
    members: dict[str, list[int]] = {}
    for number, subject in enumerate(subjects):
        members.setdefault(subject, []).append(number)
    return [
        sorted((j for j in members[subject] if names[j] != names[i]), key=lambda j, i=i: (j - i) % count)
        if subject
        else []
        for i, subject in enumerate(subjects)
    ]


def partners_of(names: Sequence[str], refers: Sequence[Mapping[str, str]]) -> Partners:
    """By what is said of each picture: the subject that it shows, or the name of the picture that is its reference.

    A reference that is not among them is none; equal names are one picture shown several times.
    """
    if any(PAIR in each for each in refers):
        numbers = {name: number for number, name in reversed([*enumerate(names)])}
        return [[numbers[each[PAIR]]] if each.get(PAIR) in numbers else [] for each in refers]
    if not any(each.get(SUBJECT) for each in refers):
        return [()] * len(names)
    return of_subject([each.get(SUBJECT, "") for each in refers], names)


def referring(
    examples: Sequence[Example], views: Sequence[Sequence[Embeds]], partners: Partners
) -> tuple[Example, ...]:
    """Examples that are shown any of the views of any of their partners, or of themselves where they have none."""
    made: list[Example] = []
    for number, (example, others) in enumerate(zip(examples, partners, strict=True)):
        first, *more = (view for other in others or (number,) for view in views[other])
        made.append(replace(example, embeds=first, also=tuple(more)))
    return tuple(made)


def drawn(example: Example, generator: torch.Generator) -> Embeds:
    """One of the references that an example may be shown with; nothing is drawn where there is one alone."""
    if not example.also:
        return example.embeds
    number = int(torch.randint(1 + len(example.also), (1,), generator=generator))
    return example.also[number - 1] if number else example.embeds


def more_references(dataset: Dataset) -> list[Tensor]:
    """What a hash of a dataset must also tell apart: the further references of each example; nothing without them."""
    found: dict[int, Embeds] = {}
    numbers: dict[int, int] = {}
    for embeds in (each for example in dataset.examples for each in example.also):
        found[id(embeds)] = embeds
        numbers.setdefault(id(embeds), len(numbers))
    if not found:
        return []
    order = [numbers[id(each)] for example in dataset.examples for each in example.also]
    counts = [len(example.also) for example in dataset.examples]
    features = [embeds.feature(name) for embeds in found.values() for name in embeds.names]
    return [torch.tensor(counts), torch.tensor(order), *features]


def cropped(picture: Tensor, least: float, generator: torch.Generator) -> Tensor:
    """A part of a picture (1, H, W, C) whose sides are between `least` and 1 of its own, somewhere in it."""
    share = least + (1 - least) * float(torch.rand(1, generator=generator))
    height, width = (max(1, round(share * side)) for side in picture.shape[1:3])
    top = int(torch.randint(picture.shape[1] - height + 1, (1,), generator=generator))
    left = int(torch.randint(picture.shape[2] - width + 1, (1,), generator=generator))
    return picture[:, top : top + height, left : left + width]


def views_of(picture: Tensor, flip: bool, crop: float, seed: int) -> list[Tensor]:
    """A picture (1, H, W, C) and what may be shown in its place: its mirror image, and parts of either.

    `crop` is the least share of its sides that a part has, 1 for no parts.
    """
    found = [picture, *([picture.flip(2)] if flip else [])]
    if crop < 1:
        generator = torch.Generator().manual_seed(seed)
        sides = list(found)
        found += [cropped(sides[number % len(sides)], crop, generator) for number in range(CROPS)]
    return found
