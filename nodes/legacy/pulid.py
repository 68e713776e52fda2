"""The nodes of PuLID_ComfyUI -> ours."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from ...attention.branch.fusion import ORTHOGONAL_WITH_MASS
from ...attention.branch.methods import ID_TOKENS
from . import faces
from .becomes import Flat
from .job import Job
from .shape import NoCounterpart

METHODS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"fidelity": ("ortho_v2", 8), "style": ("ortho", 16), "neutral": ("none", 0)}
)
"""Method -> its projection and how many zero tokens it had."""
PROJECTIONS: Mapping[str, str] = MappingProxyType(
    {"ortho_v2": ORTHOGONAL_WITH_MASS, "ortho": "orthogonal", "none": "add"}
)
"""Projection -> our rule."""

in_file = Flat("LikenessLoadIPAdapter", {"file": "pulid_file"})
tower = Flat("LikenessOldFaceTower", {})


def apply(job: Job) -> None:
    """Apply PuLID: a method by name."""
    method = job.value("method")
    if method not in METHODS:
        raise NoCounterpart(f"there is no method '{method}'")
    _apply(job, *METHODS[method])


def apply_advanced(job: Job) -> None:
    """Apply PuLID Advanced: the projection, and its own number of zero tokens."""
    if job.value("noise"):
        job.note("its 'noise' is left out: it was drawn anew in each run, and the authors have zeros there")
    _apply(job, job.value("projection"), job.value("fidelity"))


def _apply(job: Job, projection: Any, zeros: Any) -> None:
    if projection not in PROJECTIONS:
        raise NoCounterpart(f"there is no projection '{projection}'")
    rule = PROJECTIONS[projection]
    if rule == ORTHOGONAL_WITH_MASS and zeros == 0:
        job.note(
            "'ortho_v2' without zero tokens weighs the share of attention of the first five tokens, as the authors do"
        )
    person = faces.found(job, job.value("face_analysis"), job.value("image"))
    job.outputs[0] = job.main(
        "LikenessApplyIPAdapter",
        model=job.value("model"),
        adapter=job.value("pulid"),
        clip_vision=job.value("eva_clip"),
        faces=person,
        weight=job.value("weight"),
        start_percent=job.value("start_at"),
        end_percent=job.value("end_at"),
        attn_mask=job.value("attn_mask"),
        fusion_settings=job.add("LikenessFusion", rule=rule, zero_tokens=zeros, mass_tokens=ID_TOKENS),
    )
