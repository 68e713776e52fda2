"""Where an old node acts -> layer weights of ours, for what layer presets do not say."""

from __future__ import annotations

from typing import Any

from .job import Job, Ref
from .shape import NO_MIDDLE


def old_preset(job: Job, preset: str) -> Ref | None:
    """Layers of a preset where the old picture is wanted; None where the preset's name says all."""
    return old_layers(job, preset=preset) if job.repeats(NO_MIDDLE) else None


def old_layers(job: Job, adapter: str = "ipadapter", **settings: Any) -> Ref:
    """Layers for the family of the adapter; without the middle block where the old picture is wanted."""
    return job.add("LikenessOldLayers", adapter=job.value(adapter), middle=not job.repeats(NO_MIDDLE), **settings)
