"""Where an old node acts -> layer weights of ours, for what layer presets do not say."""

from __future__ import annotations

from typing import Any

from .job import Job, Ref


def old_layers(job: Job, adapter: str = "ipadapter", **settings: Any) -> Ref:
    """Layers for the family of the adapter; without the middle block where the old picture is wanted."""
    return job.add("LikenessOldLayers", adapter=job.value(adapter), middle=not job.compatible, **settings)
