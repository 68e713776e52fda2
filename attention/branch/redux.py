"""Which tokens of a prompt are Redux pictures: marked when they are put there, and found again only where they still are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

MARKS = "likeness_redux"
"""The key of a conditioning's marks among its settings."""
LATENTS = ("reference_latents", "reference_latents_method")
"""The host's keys of a conditioning's references, and of how their tokens are placed."""
Conditioning = Sequence[tuple[Tensor, Mapping[str, Any]]]
"""The host's: tokens (rows, L, C) and settings, for each part."""


@dataclass(frozen=True, eq=False)
class Mark:
    """A Redux picture in a prompt: `tokens` (rows, n, C) from token number `start` on."""

    start: int
    tokens: Tensor


class Marked(NamedTuple):
    """The Redux pictures of a prompt of `length` tokens: first token and number of tokens of each."""

    length: int
    spans: tuple[tuple[int, int], ...]


def marked(before: Conditioning, after: Conditioning) -> list[list[Any]]:
    """`after`, which has one Redux picture more at the end of its text than `before`, with that picture marked."""
    return [
        [text, {**settings, MARKS: (*earlier.get(MARKS, ()), Mark(shorter.shape[1], text[:, shorter.shape[1] :]))}]
        for (shorter, earlier), (text, settings) in zip(before, after, strict=True)
    ]


def marked_in(entry: Mapping[str, Any]) -> Marked | None:
    """The Redux pictures of one of a guider's conditionings; None where it has none, or a node has changed its text since."""
    marks: tuple[Mark, ...] = entry.get(MARKS, ())
    text: Tensor | None = entry.get("cross_attn")
    if not marks or text is None:
        return None
    spans = tuple((mark.start, mark.tokens.shape[1]) for mark in marks)
    for mark, (start, count) in zip(marks, spans, strict=True):
        found = text[:, start : start + count]
        if found.shape != mark.tokens.shape or not torch.equal(found, mark.tokens.to(found)):
            return None
    return Marked(text.shape[1], spans)


def without_references(conditioning: Conditioning) -> list[list[Any]]:
    """A conditioning as it was before it was given reference latents and Redux pictures.

    Raises ValueError where a part of it has neither, or its Redux pictures cannot be taken out.
    """
    made: list[list[Any]] = []
    for text, settings in conditioning:
        if not settings.get(LATENTS[0]) and not settings.get(MARKS):
            raise ValueError(
                "the prompt has no references, so there is nothing to guide by. Connect it through Set Reference Latent or Redux "
                "Picture."
            )
        kept = {key: value for key, value in settings.items() if key not in (*LATENTS, MARKS)}
        if settings.get(MARKS):
            found = marked_in({**settings, "cross_attn": text})
            if found is None or "attention_mask" in settings:
                raise ValueError(
                    "the Redux pictures cannot be taken out of this prompt: another node has changed it after Redux Picture. "
                    "Put that node before Redux Picture."
                )
            text = text[:, tokens_left(found, found.spans)]
        made.append([text, kept])
    return made


def tokens_left(found: Marked, cut: Sequence[tuple[int, int]]) -> list[int]:
    """The numbers of the tokens of a prompt without these spans."""
    gone = {number for start, count in cut for number in range(start, start + count)}
    return [number for number in range(found.length) if number not in gone]
