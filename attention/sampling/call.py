"""The options of one model call -> its rows, and which picture and which part of the canvas each row is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..branch.masks import Area
from .rows import Conditionings, Rows

Place = tuple[int, Area | None]
"""Number of a picture (or mask, or set of tokens), and the part of the canvas it is cut to."""


def rows_of_call(conditionings: Conditionings, count: int, options: Mapping[str, Any]) -> Rows:
    """The `count` rows of a model call, from the host's `cond_or_uncond`, `uuids` and windows of frames."""
    indices: list[int] = options.get("cond_or_uncond") or [0]
    uuids: list[Any] = options.get("uuids") or [None] * len(indices)
    chunks = tuple(conditionings.chunk(uuid, index) for uuid, index in zip(uuids, indices, strict=True))
    return Rows(chunks, _frames(count // len(chunks), options))


def _frames(count: int, options: Mapping[str, Any]) -> tuple[int, ...]:
    """Which pictures of the whole batch a chunk's rows are: all of them, or those of a context window."""
    window = options.get("context_window")
    if window is not None and getattr(window, "dim", 0) == 0:
        # The host may put one earlier picture before a window's own, for continuity.
        anchor = getattr(window, "causal_anchor_index", None)
        frames = (*(() if anchor is None else (anchor,)), *window.index_list)
        if len(frames) == count:
            return frames
    animated = (options.get("ad_params") or {}).get("sub_idxs")  # AnimateDiff-Evolved's windows
    if animated is not None and len(animated) == count:
        return tuple(animated)
    return tuple(range(count))


def places(rows: Rows, count: int) -> tuple[Place, ...]:
    """Each row's place among `count` pictures, the last one for all that follow; one place where all are the same."""
    found = tuple((min(frame, count - 1), chunk.area) for chunk, frame in rows.listed())
    return found[:1] if len(set(found)) == 1 else found
