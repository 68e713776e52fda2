"""What the references of a call count for each query of its text and canvas: put together once for calls of one kind.

softmax(q k / sqrt(d) + ln w) is an attention with more channels: one for each reference, in which a query has ln w and the
reference's keys have 1. No table of queries by keys is ever made.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ..adapter.transfer import like
from ..branch.masks import Grid, on_grid
from ..branch.redux import Marked
from ..branch.reference import ReferenceWeight
from ..inputs import at
from ..weights.reference_text import LATENT, REDUX
from .acting import Acting
from .call import picture_areas
from .rows import Rows
from .run import Run

Weight = float | Tensor
"""One number, or one for each row and query of text and canvas (rows or 1, L + T * h * w), in the processor's memory."""
Key = tuple[str, int]
"""What a reference is, and its number from 1."""

NOTHING = -1000.0
"""The logarithm that stands for that of 0: e to its power is 0, and half precision has room for it."""
ALIGNED = 8
"""Attention kernels take head widths that are multiples of this."""
ON_KEYS = 8.0
"""What a reference's keys have in its channel; exact in every precision, and so large that queries need no large numbers."""
HALVES = (torch.float16, torch.bfloat16)


class Tokens(NamedTuple):
    """The tokens of a row in order: `text`, `frames` times the `grid` of the canvas, then each of the `references`."""

    text: int
    frames: int
    grid: Grid
    references: tuple[int, ...]

    @property
    def own(self) -> int:
        """Of text and canvas."""
        return self.text + self.frames * self.grid[0] * self.grid[1]

    @property
    def total(self) -> int:
        return self.own + sum(self.references)


@dataclass(frozen=True, eq=False)
class Channels:
    """What queries and keys (rows or 1, 1, N, E) have in the added channels."""

    queries: Tensor
    keys: Tensor

    @property
    def width(self) -> int:
        return self.queries.shape[-1]


class ReferencesOnRows:
    """The weights that act in calls of one kind, on the rows and tokens of such calls.

    `latents` is how many references the conditionings of these rows have beside Redux pictures.
    """

    def __init__(self, run: Run, acting: Sequence[Acting], rows: Rows, tokens: Tokens, latents: int) -> None:
        self.run = run
        self.rows = rows
        self.redux = _redux(rows, tokens.text)
        self._tokens = tokens
        self._acting = tuple(acting)
        self._effects = tuple(cast(ReferenceWeight, run.branches[one.branch].attachment) for one in acting)
        pictures = max((len(marked.spans) for marked in self.redux if marked), default=0)
        found = [(LATENT, i + 1) for i in range(latents)] + [(REDUX, i + 1) for i in range(pictures)]
        self.weights: dict[Key, Weight] = {key: self._weight(key) for key in found if self._of(key)}
        self.acted = tuple(
            one.branch
            for one, e in zip(self._acting, self._effects, strict=True)
            if (e.source, e.number) in self.weights
        )
        self._made: dict[Hashable, Channels] = {}

    def cuts(self, source: str, count: int) -> bool:
        """Whether all `count` references of a source are to be left out everywhere."""
        return count > 0 and all(_is_nothing(self.weights.get((source, i + 1), 1.0)) for i in range(count))

    def channels(self, references: tuple[int, ...], q: Tensor) -> Channels | None:
        """The channels for all queries and keys of a block, like `q`; `references` are their numbers of tokens.

        None where every reference counts as in the plain model.
        """
        key = (references, q.dtype, q.device)
        if key not in self._made:
            changed = [k for k, weight in self.weights.items() if isinstance(weight, Tensor) or weight != 1.0]
            if not changed:
                return None
            self._made[key] = self._channels(self._tokens._replace(references=references), changed, q)
        return self._made[key]

    def _of(self, key: Key) -> list[int]:
        return [i for i, effect in enumerate(self._effects) if (effect.source, effect.number) == key]

    def _weight(self, key: Key) -> Weight:
        return prod((self._one(i) for i in self._of(key)), start=cast(Weight, 1.0))

    def _one(self, number: int) -> Weight:
        """The weight that one node gives: a number where it is the same for every row and query."""
        effect, weight = self._effects[number], self._effects[number].scale * self._acting[number].factor
        if effect.has_plain_mask and len(set(effect.frame_scales)) < 2:
            return effect.part_of(weight * (effect.frame_scales or (1.0,))[0])
        factor = torch.full((1, self._tokens.own), weight)
        if effect.frame_scales:
            frames = torch.tensor([at(effect.frame_scales, frame) for _, frame in self.rows.listed()])
            factor = factor * frames[:, None]
        if not effect.has_plain_mask:
            factor = factor * self._mask(effect)
        return effect.part_of_each(factor)

    def _mask(self, effect: ReferenceWeight) -> Tensor:
        """Of each row: for the canvas the mask, for the text, which has no place on it, the mask's mean."""
        masks = cast(Tensor, effect.attn_mask)
        where = picture_areas(self.rows, len(masks))
        canvas = torch.cat(
            [
                on_grid(masks[i][None].float().cpu(), self._tokens.grid, area, effect.mask_rule)[..., 0]
                for i, area in where
            ]
        )
        text = canvas.mean(1, keepdim=True).expand(-1, self._tokens.text)
        return torch.cat([text, canvas.repeat(1, self._tokens.frames)], 1)

    def _channels(self, tokens: Tokens, changed: Sequence[Key], q: Tensor) -> Channels:
        """One channel for each reference; two in half precision, so that its logarithm is not rounded."""
        logs = torch.stack([self._logarithms(key, tokens) for key in changed], -1)
        spots = torch.stack([self._spots(key, tokens) for key in changed], -1)
        # Kernels divide by the root of the model's own head width.
        asked = logs * (q.shape[-1] ** 0.5 / ON_KEYS)
        if q.dtype in HALVES:
            coarse = asked.to(q.dtype).float()
            asked, spots = torch.cat([coarse, asked - coarse], -1), torch.cat([spots, spots], -1)
        filled = (0, -asked.shape[-1] % ALIGNED)
        name = (tokens, tuple(changed), self._acting, self.rows, q.dtype, q.device)
        queries = self.run.store(("asked", *name), lambda: like(F.pad(asked, filled)[:, None], q))
        keys = self.run.store(("found", *name), lambda: like(F.pad(spots * ON_KEYS, filled)[:, None], q))
        return Channels(queries, keys)

    def _logarithms(self, key: Key, tokens: Tokens) -> Tensor:
        """Of a reference's weight for every query (rows, N); 0 for the references' own, which see what they always see."""
        weight, made = self.weights[key], torch.zeros(self.rows.count, tokens.total)
        log = torch.as_tensor(weight, dtype=torch.float32).log()
        made[:, : tokens.own] = log.clamp(min=NOTHING)
        if key[0] == REDUX:
            for row, marked in enumerate(self.redux):
                for start, count in marked.spans if marked else ():
                    made[row, start : start + count] = 0
        return made

    def _spots(self, key: Key, tokens: Tokens) -> Tensor:
        """1 for the reference's keys (rows, N), 0 for all others."""
        source, number = key
        made = torch.zeros(self.rows.count, tokens.total)
        if source == LATENT:
            first = tokens.own + sum(tokens.references[: number - 1])
            made[:, first : first + tokens.references[number - 1]] = 1
            return made
        for row, marked in enumerate(self.redux):
            for start, count in marked.spans[number - 1 : number] if marked else ():
                made[row, start : start + count] = 1
        return made


def _redux(rows: Rows, text: int) -> tuple[Marked | None, ...]:
    """The Redux pictures of each row, as far as the call has the text that they were marked in."""
    found = (chunk.redux for chunk, _ in rows.listed())
    return tuple(marked if marked and marked.length == text else None for marked in found)


def _is_nothing(weight: Weight) -> bool:
    return not (bool(weight.any()) if isinstance(weight, Tensor) else weight)
