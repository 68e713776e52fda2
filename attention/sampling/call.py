"""What one model call is given -> its rows, and which picture and which part of the canvas each row is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from einops import rearrange
from torch import Tensor

from ..branch.masks import Area, Grid
from .rows import Chunk, Conditionings, Rows

PictureArea = tuple[int, Area | None]
"""Number of a picture (or mask, or set of tokens), and the part of the canvas it is cut to."""
WHOLE = "likeness_whole"
"""The key in a call's options of the latent that the host cut its rows from."""

TILE_BY_TILE, SIDE_BY_SIDE, UNKNOWN = "tile by tile", "side by side", "unknown"
MOST_SPOTS = 64
"""Places that are compared in full; a latent in which more look alike has no noise to tell them by."""


@dataclass(frozen=True, eq=False)
class Given:
    """What one call of the model is given: `x` (rows, C, h, w), of videos (rows, C, T, h, w), its options, and the text
    (rows, L, C) of its rows; `extra` is what it is given beside them, `model` the host's object that is called, `sigma`
    (rows) their noise levels.
    """

    x: Tensor
    options: Mapping[str, Any]
    text: Tensor | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    model: Any = None
    sigma: Tensor | None = None

    @property
    def size(self) -> Grid:
        return self.x.shape[-2], self.x.shape[-1]


def rows_of_call(conditionings: Conditionings, given: Given) -> Rows:
    """The rows of a model call, from the host's `cond_or_uncond`, `uuids` and windows of frames.

    A call that holds the rows of a run several times over holds tiles of its canvas.
    """
    chunks = _chunks(conditionings, given.options)
    count = len(given.x)
    frames = _frames(conditionings, count // len(chunks), given.options)
    times, rest = divmod(count, len(chunks) * len(frames))
    if rest or not times:
        each = tuple(range(max(count // len(chunks), 1)))
        return _placed(conditionings, given, Rows(chunks, each, is_known=False))
    order = _order(given, times, len(frames)) if times > 1 else TILE_BY_TILE
    if order == SIDE_BY_SIDE and len(frames) > 1:
        beside = Rows(chunks, tuple(frame for frame in frames for _ in range(times)))
        return _unplaced(conditionings, given, beside)
    if order == SIDE_BY_SIDE:
        return _placed(conditionings, given, Rows(tuple(c for c in chunks for _ in range(times)), frames))
    return _placed(conditionings, given, Rows(chunks * times, frames, is_known=order == TILE_BY_TILE))


def _chunks(conditionings: Conditionings, options: Mapping[str, Any]) -> tuple[Chunk, ...]:
    indices: list[int] = options.get("cond_or_uncond") or [0]
    uuids: list[Any] = options.get("uuids") or []
    if len(uuids) != len(indices):
        uuids = [None] * len(indices)  # a pack has left out some conditionings, and the host's list of their names
    return tuple(conditionings.chunk(uuid, index) for uuid, index in zip(uuids, indices, strict=True))


def _frames(conditionings: Conditionings, count: int, options: Mapping[str, Any]) -> tuple[int, ...]:
    """Which pictures of the whole batch a chunk's rows are: all of them, or those of a context window."""
    frames = windowed(options, 0)
    if frames and count % len(frames) == 0:
        return frames
    animated = (options.get("ad_params") or {}).get("sub_idxs")  # AnimateDiff-Evolved's windows
    if animated and count % len(animated) == 0:
        return tuple(animated)
    return tuple(range(conditionings.pictures or max(count, 1)))


def windowed(options: Mapping[str, Any], dim: int) -> tuple[int, ...]:
    """The numbers of what a context window of the host takes from this dimension of the latent; none where there is none."""
    window = options.get("context_window")
    if window is None or getattr(window, "dim", 0) != dim:
        return ()
    # The host may put one earlier picture before a window's own, for continuity.
    anchor = getattr(window, "causal_anchor_index", None)
    return (*(() if anchor is None else (anchor,)), *window.index_list)


def _order(given: Given, times: int, frames: int) -> str:
    """How a call that holds its rows `times` over repeats them: the whole order, or each row by itself.

    The text of the rows tells, where it differs at all; else the latents, which are cut from different pictures.
    """
    if given.text is not None and len(given.text) % times == 0:
        whole = rearrange(given.text, "(tile row) l c -> tile row l c", tile=times)
        each = rearrange(given.text, "(row tile) l c -> tile row l c", tile=times)
        by_whole, by_each = (bool((part == part[:1]).all()) for part in (whole, each))
        if by_whole != by_each:
            return TILE_BY_TILE if by_whole else SIDE_BY_SIDE
    latent: Tensor | None = given.options.get(WHOLE)
    if frames == 1 or latent is None:
        return TILE_BY_TILE
    if found_in(latent[1:2], given.x[1]):
        return TILE_BY_TILE
    return SIDE_BY_SIDE if found_in(latent[:1], given.x[1]) else UNKNOWN


def _placed(conditionings: Conditionings, given: Given, rows: Rows) -> Rows:
    """The rows with the part of the canvas that each chunk is about, where it is not the one of its conditioning."""
    frames, found = len(rows.frames), list[Chunk]()
    for number, chunk in enumerate(rows.chunks):
        if _is_part(conditionings, given, chunk):
            area = found_in(given.options.get(WHOLE), given.x[number * frames])
            chunk = replace(chunk, area=area, is_placed=area is not None)
        found.append(chunk)
    return replace(rows, chunks=tuple(found))


def _unplaced(conditionings: Conditionings, given: Given, rows: Rows) -> Rows:
    """The rows where those of one chunk are about different parts of the canvas, for which it has no place."""
    parts = (_is_part(conditionings, given, chunk) for chunk in rows.chunks)
    chunks = (replace(c, area=None, is_placed=False) if p else c for c, p in zip(rows.chunks, parts, strict=True))
    return replace(rows, chunks=tuple(chunks))


def _is_part(conditionings: Conditionings, given: Given, chunk: Chunk) -> bool:
    """Whether a call's latent is another part of the canvas than its conditioning works on."""
    canvas = conditionings.canvas
    return canvas is not None and (chunk.area.size if chunk.area else canvas) != given.size


def found_in(whole: Tensor | None, part: Tensor) -> Area | None:
    """Where a latent (rows, C, H, W) has this part (C, h, w) of its first row: to the bit, and at one place only.

    Packs that work on tiles cut them out of the latent and tell nobody where; its noise is like no other.
    """
    if whole is None or whole.ndim != 4 or part.ndim != 3 or whole.shape[1] != part.shape[0]:
        return None
    (height, width), (rows, columns) = part.shape[-2:], whole.shape[-2:]
    if height > rows or width > columns:
        return None
    corners = whole[0, 0, : rows - height + 1, : columns - width + 1] == part[0, 0, 0]
    spots = corners.nonzero()
    if len(spots) > MOST_SPOTS:
        return None
    found = [
        (top, left)
        for top, left in spots.tolist()
        if bool((whole[0, :, top : top + height, left : left + width] == part).all())
    ]
    return Area(height, width, *found[0], (rows, columns)) if len(found) == 1 else None


def picture_areas(rows: Rows, count: int) -> tuple[PictureArea, ...]:
    """Each row's place among `count` pictures, the last one for all that follow; one place where all are the same."""
    found = tuple((min(frame, count - 1), chunk.area) for chunk, frame in rows.listed())
    return found[:1] if len(set(found)) == 1 else found
