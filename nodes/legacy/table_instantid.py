"""The table of ComfyUI_InstantID: every node that it had, and what each becomes."""

from __future__ import annotations

from typing import Any

from . import faces, loaders
from .shape import INSTANTID, RANGE, Row

_STEERED = ("MODEL", "positive", "negative")
_SOCKETS = ("instantid", "insightface", "control_net", "image", "model", "positive", "negative")


def _row(
    node_id: str, sockets: tuple[str, ...], widgets: dict[str, Any], outputs: tuple[str, ...], becomes: Any, *also: str
) -> Row:
    changed = node_id.startswith("ApplyInstantID") and "MODEL" in outputs
    return Row(node_id, INSTANTID, sockets, widgets, outputs, becomes, optional=also, changed=changed)


ROWS = (
    _row("InstantIDModelLoader", (), {"instantid_file": None}, ("INSTANTID",), loaders.instantid_in_file),
    _row("InstantIDFaceAnalysis", (), {"provider": "CPU"}, ("FACEANALYSIS",), loaders.antelope),
    _row("ApplyInstantID", _SOCKETS, {"weight": 0.8, **RANGE}, _STEERED, faces.apply_instantid, "image_kps", "mask"),
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
