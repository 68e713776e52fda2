"""Which conditioning each row of a batched model call belongs to, and so which keys, values and mask it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid4

from ..branch.masks import Area

Polarity = Literal["positive", "negative"]


@dataclass(frozen=True)
class Chunk:
    """The rows of one conditioning in a model call: one row for each picture (or frame) of the batch."""

    polarity: Polarity
    area: Area | None = None


@dataclass(frozen=True)
class Conditionings:
    """What a run knows of its conditionings: names of the lists each uuid is in, and its area."""

    names: Mapping[UUID, frozenset[str]]
    areas: Mapping[UUID, Area]

    @classmethod
    def of(cls, conds: Mapping[str, Sequence[Mapping[str, Any]]], canvas: tuple[int, int]) -> Conditionings:
        """Read them from a guider's processed conditionings; `canvas` is the latent's height and width."""
        names: dict[UUID, frozenset[str]] = {}
        areas: dict[UUID, Area] = {}
        for name, entries in conds.items():
            for entry in entries or ():
                uuid = entry.get("uuid")
                if uuid is None:
                    continue
                names[uuid] = names.get(uuid, frozenset()) | {name}
                area = entry.get("area")
                if area is not None and len(area) == 4:
                    height, width, top, left = area
                    # The host lets an area that reaches over the edge end there.
                    fitted = (min(height, canvas[0] - top), min(width, canvas[1] - left))
                    areas[uuid] = Area(*fitted, top, left, canvas)
        return cls(names, areas)

    def chunk(self, uuid: UUID | None, index: int) -> Chunk:
        """The chunk of a conditioning, `index` being its place in `cond_or_uncond` (0 = positive).

        The index alone does not tell: DualCFG gives the negative the index 0, SAG runs the negative as 0. So
        the name of the list decides; only one that is in lists of both polarities is told by its index.
        """
        by_index: Polarity = "positive" if index == 0 else "negative"
        if uuid is None:
            return Chunk(by_index)
        polarities: set[Polarity] = {_polarity(name) for name in self.names.get(uuid, ())}
        polarity = by_index if len(polarities) != 1 else polarities.pop()
        return Chunk(polarity, self.areas.get(uuid))


def tell_apart(conds: Mapping[str, list[dict[str, Any]]]) -> None:
    """Give every conditioning that is in several lists of a guider, in place, a uuid of its own in each.

    The host copies one with an area to the lists that have none like it, uuid and all. Its uuid would then say
    nothing of its polarity, and its index is none to rely on.
    """
    homes: dict[UUID, str] = {}
    for name, entries in conds.items():
        for i, entry in enumerate(entries or ()):
            uuid = entry.get("uuid")
            if uuid is not None and homes.setdefault(uuid, name) != name:
                entries[i] = {**entry, "uuid": uuid4()}


def _polarity(name: str) -> Polarity:
    return "negative" if "negative" in name else "positive"


@dataclass(frozen=True)
class Rows:
    """The rows of one model call: its chunks in order, and the frames that each chunk's rows are.

    `copies` says how often a chunk's rows are repeated, which is more than once only where another pack
    expands rows before a cross-attention.
    """

    chunks: tuple[Chunk, ...]
    frames: tuple[int, ...]
    copies: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        return len(self.frames) * (sum(self.copies) if self.copies else len(self.chunks))

    def expanded_to(self, count: int) -> Rows | None:
        """These rows where a patch has made `count` of them, or None when that fits no known scheme.

        Packs that couple prompts to regions repeat every positive chunk for its regions and leave negative ones.
        """
        if count == self.count:
            return self
        chunks, rest = divmod(count, len(self.frames))
        negatives = sum(chunk.polarity == "negative" for chunk in self.chunks)
        positives = len(self.chunks) - negatives
        if rest == 0 and positives and (chunks - negatives) > 0 and (chunks - negatives) % positives == 0:
            each = (chunks - negatives) // positives
            return Rows(self.chunks, self.frames, tuple(1 if c.polarity == "negative" else each for c in self.chunks))
        if rest == 0 and chunks % len(self.chunks) == 0 and chunks:
            return Rows(self.chunks, self.frames, (chunks // len(self.chunks),) * len(self.chunks))
        return None

    def listed(self) -> tuple[tuple[Chunk, int], ...]:
        """Each row's chunk and frame, in the order of the batch."""
        copies = self.copies or (1,) * len(self.chunks)
        return tuple(
            (chunk, frame)
            for chunk, n in zip(self.chunks, copies, strict=True)
            for _ in range(n)
            for frame in self.frames
        )
