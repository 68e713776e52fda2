"""The table of PuLID_ComfyUI: every node that it had, and what each becomes."""

from __future__ import annotations

from . import loaders, pulid
from .shape import PULID, RANGE, STEERED, Row

_SOCKETS = ("model", "pulid", "eva_clip", "face_analysis", "image")

ROWS = (
    Row("PulidModelLoader", PULID, (), {"pulid_file": None}, ("PULID",), pulid.in_file),
    Row("PulidInsightFaceLoader", PULID, (), {"provider": "CPU"}, ("FACEANALYSIS",), loaders.antelope),
    Row("PulidEvaClipLoader", PULID, (), {}, ("EVA_CLIP",), pulid.tower),
    Row(
        "ApplyPulid",
        PULID,
        _SOCKETS,
        {"method": "fidelity", "weight": 1.0, **RANGE},
        STEERED,
        pulid.apply,
        optional=("attn_mask",),
    ),
    Row(
        "ApplyPulidAdvanced",
        PULID,
        _SOCKETS,
        {"weight": 1.0, "projection": "ortho_v2", "fidelity": 8, "noise": 0.0, **RANGE},
        STEERED,
        pulid.apply_advanced,
        optional=("attn_mask",),
    ),
)
