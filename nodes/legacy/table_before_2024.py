"""The table of what ComfyUI_IPAdapter_plus had before March 2024, when it renamed its nodes."""

from __future__ import annotations

from typing import Any

from . import loaders, references
from .shape import BEFORE_2024_03, BLACK, RANGE, SIDES, Row
from .steer import before_2024_03

_WIDGETS = {"weight": 1.0, "noise": 0.0, "weight_type": "original", **RANGE}
_IMAGE = ("ipadapter", "clip_vision", "image", "model")


def _row(node_id: str, sockets: tuple[str, ...], widgets: dict[str, Any], out: str, becomes: Any, **more: Any) -> Row:
    return Row(node_id, BEFORE_2024_03, sockets, widgets, (out,), becomes, **more)


def _steers(node_id: str, sockets: tuple[str, ...], widgets: dict[str, Any], *also: str) -> Row:
    """An apply node: those of that time reached the middle block."""
    optional = ("attn_mask", *also)
    return _row(node_id, sockets, widgets, "MODEL", before_2024_03, optional=optional, faults=(BLACK, SIDES))


ROWS = (
    # For some days in December 2023 it read faces too.
    _steers("IPAdapterApply", _IMAGE, {**_WIDGETS, "unfold_batch": False}, "insightface"),
    _steers(
        "IPAdapterApplyFaceID",
        ("ipadapter", "clip_vision", "insightface", "image", "model"),
        {**_WIDGETS, "faceid_v2": False, "weight_v2": 1.0, "unfold_batch": False},
    ),
    _steers(
        "IPAdapterApplyEncoded",
        ("ipadapter", "embeds", "model"),
        {"weight": 1.0, "weight_type": "original", **RANGE, "unfold_batch": False},
    ),
    _steers("IPAdapterTilesMasked", _IMAGE, {**_WIDGETS, "weight": 0.7, "short_side_tiles": 1, "tile_weight": 0.6}),
    _row("IPAdapterBatchEmbeds", ("embed1", "embed2"), {}, "EMBEDS", references.combine_two),
    _row("InsightFaceLoader", (), {"provider": "CPU"}, "INSIGHTFACE", loaders.buffalo),
    _row(
        "PrepImageForInsightFace",
        ("image",),
        {"crop_position": "center", "sharpening": 0.0, "pad_around": True},
        "IMAGE",
        references.same_picture,
    ),
)
