"""Which conditioning each row of a batched model call belongs to, and so which keys, values and mask it gets.

Two pictures, guided, the negative prompt first; the third prompt is the positive one of an area:

    row     0    1    2    3    4    5
    chunk   negative  positive  positive, area     one for each conditioning, as `uuids` has them
    frame   0    1    0    1    0    1             the picture of the batch, or of a window of it

So a row's keys and values are those of its chunk's polarity and, where each picture has a reference of its own, of its
frame; its mask is that of its frame, cut to its chunk's area.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal
from uuid import UUID, uuid4

from ..branch.masks import Area, Grid
from ..branch.redux import Marked, marked_in

Polarity = Literal["positive", "negative"]


@dataclass(frozen=True)
class Chunk:
    """The rows of one conditioning in a model call: one row for each picture (or frame) of the batch.

    `area` is the part of the canvas they are about, None for all of it. `is_placed` is False where they are about a part
    and nobody can tell which. `by_place` is the side that its place in the call gives it, where that is another. `redux`
    are the Redux pictures in its text.
    """

    polarity: Polarity
    area: Area | None = None
    is_placed: bool = True
    by_place: Polarity | None = None
    redux: Marked | None = None

    def side(self, by_place: bool) -> Polarity:
        """Whose keys and values its rows get: by what it is, or `by_place` in the call as the old packs went."""
        return (self.by_place if by_place else None) or self.polarity


@dataclass(frozen=True)
class Conditionings:
    """What a run knows of its conditionings: names of the lists each uuid is in, and its area.

    `canvas` is the height and width of the run's latent and `pictures` its batch; None and 0 where there is no run.
    `redux` are the Redux pictures in those that have any.
    """

    names: Mapping[UUID, frozenset[str]]
    areas: Mapping[UUID, Area]
    canvas: Grid | None = None
    pictures: int = 0
    redux: Mapping[UUID, Marked] = field(default_factory=dict[UUID, Marked])

    @classmethod
    def of(cls, conds: Mapping[str, Sequence[Mapping[str, Any]]], canvas: Grid, pictures: int = 0) -> Conditionings:
        """Read them from a guider's processed conditionings; `canvas` is the latent's height and width."""
        names: dict[UUID, frozenset[str]] = {}
        areas: dict[UUID, Area] = {}
        redux: dict[UUID, Marked] = {}
        for name, entries in conds.items():
            for entry in entries or ():
                uuid = entry.get("uuid")
                if uuid is None:
                    continue
                names[uuid] = names.get(uuid, frozenset()) | {name}
                found = marked_in(entry)
                if found is not None:
                    redux[uuid] = found
                area = entry.get("area")
                if area is not None and len(area) == 4:
                    height, width, top, left = area
                    # The host lets an area that reaches over the edge end there.
                    fitted = (min(height, canvas[0] - top), min(width, canvas[1] - left))
                    areas[uuid] = Area(*fitted, top, left, canvas)
        return cls(names, areas, canvas, pictures, redux)

    def chunk(self, uuid: UUID | None, index: int) -> Chunk:
        """The chunk of a conditioning, `index` being its place in `cond_or_uncond` (0 = positive).

        The index alone does not tell: DualCFG gives the negative the index 0, SAG runs the negative as 0. So
        the name of the list decides; only one that is in lists of both polarities is told by its index.
        """
        by_index: Polarity = "positive" if index == 0 else "negative"
        polarities: set[Polarity] = {_polarity(name) for name in self.names.get(uuid, ())} if uuid else set()
        polarity = by_index if len(polarities) != 1 else polarities.pop()
        by_place: Polarity = "negative" if index == 1 else "positive"
        area = self.areas.get(uuid) if uuid else None
        redux = self.redux.get(uuid) if uuid else None
        return Chunk(polarity, area, by_place=None if by_place == polarity else by_place, redux=redux)


def tell_apart(conds: Mapping[str, list[dict[str, Any]]]) -> None:
    """Give every conditioning that is in several lists of a guider, in place, a uuid of its own in each.

    The host copies one with an area to the lists that have none like it, uuid and all. Its uuid would then say
    nothing of its polarity, and its index cannot be relied on.
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

    Three prompts (n negative, p positive), two pictures, nothing repeated; `listed` reads it from left to right:

        chunks   n     p     p          frames (0, 1)
        row      n0 n1 p0 p1 p0 p1      chunk and frame of each

    Tiles that a pack runs in one call repeat the whole order, so they are chunks too: n p n p for two tiles. `copies`
    says how often a chunk's rows are repeated, which is more than once only where another pack expands rows before
    a cross-attention. `is_known` is False where the number of rows fits no known scheme: then the frames are a guess.
    """

    chunks: tuple[Chunk, ...]
    frames: tuple[int, ...]
    copies: tuple[int, ...] = ()
    is_known: bool = True

    @cached_property
    def count(self) -> int:
        return len(self.frames) * (sum(self.copies) if self.copies else len(self.chunks))

    @property
    def is_placed(self) -> bool:
        """Whether it is known which part of the canvas every row is about."""
        return all(chunk.is_placed for chunk in self.chunks)

    def coupled(self, count: int) -> Rows | None:
        """These rows where a patch has made `count` of them by repeating every positive chunk for its regions and
        leaving negative ones; None when the number does not fit that."""
        chunks, rest = divmod(count, len(self.frames))
        negatives = sum(chunk.polarity == "negative" for chunk in self.chunks)
        positives = len(self.chunks) - negatives
        if rest or not positives or chunks <= negatives or (chunks - negatives) % positives:
            return None
        each = (chunks - negatives) // positives
        return replace(self, copies=tuple(1 if c.polarity == "negative" else each for c in self.chunks))

    def repeated(self, times: int) -> Rows:
        """These rows where a patch has repeated every chunk `times`, each chunk's copies side by side."""
        return replace(self, copies=(times,) * len(self.chunks))

    def tiled(self, times: int) -> Rows:
        """These rows where the whole order was repeated."""
        return replace(self, chunks=self.chunks * times)

    def part(self, first: int, count: int) -> Rows | None:
        """`count` of these rows from number `first` on, None where they are neither whole chunks nor within one."""
        frames = len(self.frames)
        if count % frames == 0 and first % frames == 0:
            return replace(self, chunks=self.chunks[first // frames : (first + count) // frames])
        begin = first % frames
        if begin + count > frames:
            return None
        chunk = self.chunks[first // frames]
        return replace(self, chunks=(chunk,), frames=self.frames[begin : begin + count])

    def listed(self) -> tuple[tuple[Chunk, int], ...]:
        """Each row's chunk and frame, in the order of the batch."""
        copies = self.copies or (1,) * len(self.chunks)
        return tuple(
            (chunk, frame)
            for chunk, n in zip(self.chunks, copies, strict=True)
            for _ in range(n)
            for frame in self.frames
        )
