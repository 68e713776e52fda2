"""The state of one sampling run: keys and values where the model is, and which branches act at a noise level."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any, TypeVar

import torch
from torch import Tensor

from .attachment import Attachment
from .layers import BlockKey
from .masks import Area, on_grid
from .rows import Conditionings, Polarity, Rows

T = TypeVar("T")


@dataclass(frozen=True)
class Branch:
    """An attachment in a run: the noise levels between which it acts, both included."""

    attachment: Attachment
    sigma_start: float
    sigma_end: float

    def acts_at(self, sigma: float | None) -> bool:
        return sigma is None or self.sigma_end <= sigma <= self.sigma_start


class Store:
    """Tensors of a run: each is made when a layer first asks, then kept until the run ends."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        found = self._kept.get(key)
        if found is None:
            # Several threads may make it at the same time; all get the one that was stored first.
            found = self._kept.setdefault(key, make())
        return found

    def clear(self) -> None:
        self._kept.clear()


class Run:
    """Everything the branches of one run need. Only its stores are filled while it lasts."""

    def __init__(self, attachments: Sequence[Attachment], model_sampling: Any, conditionings: Conditionings) -> None:
        acting = sorted((a for a in attachments if a.ever_acts), key=lambda a: a.order)
        self.branches = tuple(
            Branch(
                a,
                model_sampling.percent_to_sigma(a.start_percent),
                model_sampling.percent_to_sigma(a.end_percent),
            )
            for a in acting
        )
        self.conditionings = conditionings
        self.needs_sigma = not all(a.always_on for a in acting)
        self._store = Store()

    def acting(self, sigma: float | None) -> tuple[int, ...]:
        """Numbers of the branches that act at this noise level, in the order in which they are summed."""
        return tuple(i for i, branch in enumerate(self.branches) if branch.acts_at(sigma))

    def release(self) -> None:
        """Forget every tensor. Called when sampling ends, fails or is interrupted."""
        self._store.clear()
        self.branches = ()

    def key_values(self, branch: int, block: BlockKey, rows: Rows, q: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (G, T, D) for G groups of consecutive rows that share them, of the kind of `q`.

        Where a branch has the same tokens for all frames, all rows of one conditioning are one group.
        """
        attachment = self.branches[branch].attachment
        groups = _groups(attachment, rows)
        key = ("key_values", branch, block, groups, q.device, q.dtype)
        return self._store.get(key, lambda: _stacked(attachment, block, groups, q))

    def mask(self, branch: int, rows: Rows, grid: tuple[int, int], q: Tensor) -> Tensor | None:
        """The factor (rows or 1, N, 1) of each query, of the kind of `q`; None for a branch without mask."""
        mask = self.branches[branch].attachment.attn_mask
        if mask is None:
            return None
        where = tuple((min(frame, len(mask) - 1), chunk.area) for chunk, frame in rows.listed())
        if len(set(where)) == 1:
            where = where[:1]
        key = ("mask", branch, grid, where, q.device, q.dtype)
        return self._store.get(key, lambda: _masks(mask, where, grid, q))


Group = tuple[Polarity, int]  # which side, and which of its entries


def _groups(attachment: Attachment, rows: Rows) -> tuple[Group, ...]:
    per_frame = max(attachment.positive.count, attachment.negative.count) > 1
    if not per_frame and not rows.copies:
        return tuple((chunk.polarity, 0) for chunk in rows.chunks)
    counts = {"positive": attachment.positive.count, "negative": attachment.negative.count}
    return tuple((chunk.polarity, min(frame, counts[chunk.polarity] - 1)) for chunk, frame in rows.listed())


def _stacked(attachment: Attachment, block: BlockKey, groups: tuple[Group, ...], q: Tensor) -> tuple[Tensor, Tensor]:
    sides = {"positive": attachment.positive, "negative": attachment.negative}
    # Both sides in one batch need one length. A softmax over k equal copies of its tokens is the same average.
    length = lcm(*{sides[polarity].num_tokens for polarity, _ in groups})

    def stack(which: int) -> Tensor:
        parts: list[Tensor] = []
        for polarity, entry in groups:
            part = sides[polarity].layers[block][which][entry]
            parts.append(part.repeat(length // len(part), 1))
        return torch.stack(parts).to(q)

    return stack(0), stack(1)


def _masks(mask: Tensor, where: tuple[tuple[int, Area | None], ...], grid: tuple[int, int], q: Tensor) -> Tensor:
    made = {entry: on_grid(mask[entry[0] : entry[0] + 1].float(), grid, entry[1]) for entry in set(where)}
    return torch.cat([made[entry] for entry in where]).to(q)
