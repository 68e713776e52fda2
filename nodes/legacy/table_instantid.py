"""The table of ComfyUI_InstantID: every node that it had, and what each becomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import faces, loaders
from .shape import INSTANTID, NO_MIDDLE, NOISE, PHOTO_SIZE, RANGE, SIDES, Row

_STEERED = ("MODEL", "positive", "negative")
# InstantID Patch Attention reached the middle block, as the authors do.
_FAULTS = {
    "ApplyInstantID": (NO_MIDDLE, NOISE, PHOTO_SIZE, SIDES),
    "ApplyInstantIDAdvanced": (NO_MIDDLE, PHOTO_SIZE, SIDES),
    "InstantIDAttentionPatch": (SIDES,),
}
_SOCKETS = ("instantid", "insightface", "control_net", "image", "model", "positive", "negative")


_APPLY_OPTIONAL = ("image_kps", "mask", "image_features", "attn_mask")


def _row(
    node_id: str, sockets: tuple[str, ...], widgets: dict[str, Any], outputs: tuple[str, ...], becomes: Any, *also: str
) -> Row:
    return Row(node_id, INSTANTID, sockets, widgets, outputs, becomes, optional=also, faults=_FAULTS.get(node_id, ()))


ROWS = (
    _row("InstantIDModelLoader", (), {"instantid_file": None}, ("INSTANTID",), loaders.instantid_in_file),
    _row("InstantIDFaceAnalysis", (), {"provider": "CPU"}, ("FACEANALYSIS",), loaders.antelope),
    replace(
        _row("ApplyInstantID", _SOCKETS, {"weight": 0.8, **RANGE}, _STEERED, faces.apply_instantid, *_APPLY_OPTIONAL),
        # For some days in February 2024 it had no ControlNet, and other names.
        earlier=frozenset({"image_features", "attn_mask"}),
    ),
    _row(
        "ApplyInstantIDAdvanced",
        _SOCKETS,
        {"ip_weight": 0.8, "cn_strength": 0.8, **RANGE, "noise": 0.0, "combine_embeds": "average"},
        _STEERED,
        faces.apply_instantid_advanced,
        "image_kps",
        "mask",
    ),
    _row("FaceKeypointsPreprocessor", ("faceanalysis", "image"), {}, ("IMAGE",), faces.keypoints_of_photo),
    _row(
        "InstantIDAttentionPatch",
        ("instantid", "insightface", "image", "model"),
        {"weight": 1.0, **RANGE, "noise": 0.0},
        ("MODEL", "FACE_EMBEDS"),
        faces.instantid_branch,
        "mask",
    ),
    _row(
        "ApplyInstantIDControlNet",
        ("face_embeds", "control_net", "image_kps", "positive", "negative"),
        {"strength": 1.0, **RANGE},
        ("positive", "negative"),
        faces.instantid_net,
        "mask",
    ),
)
