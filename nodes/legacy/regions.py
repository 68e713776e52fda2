"""The old pack's regional parameters -> one Apply IP-Adapter for each region, and masked conditionings."""

from __future__ import annotations

from collections.abc import Iterator

from . import options
from .job import Job
from .layers import old_preset
from .references import encoded, image_encoder, old_negative
from .shape import NoCounterpart

_REGION = "IPAdapterRegionalConditioning"


def region(job: Job) -> None:
    """Its conditionings with the mask set; its picture is read by From Params."""
    for index, side in ((1, "positive"), (2, "negative")):
        conditioning, mask = job.value(side), job.value("mask")
        if conditioning is None or mask is None:
            job.outputs[index] = conditioning
            continue
        job.outputs[index] = job.add(
            "ConditioningSetMask",
            conditioning=conditioning,
            mask=mask,
            strength=job.value("prompt_weight"),
            set_cond_area="default",
        )


def combined(job: Job) -> None:
    """Nothing of its own: From Params reads the regions behind it."""


def apply_regions(job: Job) -> None:
    """A chain of Apply nodes, one for each region."""
    model = job.value("model")
    regions = list(_regions(job, "ipadapter_params"))
    negative = encoded(job, job.value("image_negative")) if job.has("image_negative") else old_negative(job)
    for i, one in enumerate(regions, 1):
        preset = options.layer_preset(one.value("weight_type"))
        if preset is None:
            raise NoCounterpart(f"its region {one.number} has no known weight type")
        add = job.main if i == len(regions) else job.add
        model = add(
            "LikenessApplyIPAdapter",
            model=model,
            adapter=job.value("ipadapter"),
            weight=one.value("image_weight"),
            layer_preset=preset,
            start_percent=one.value("start_at"),
            end_percent=one.value("end_at"),
            embeds_scaling=job.value("embeds_scaling"),
            combine=job.value("combine_embeds"),
            image=one.value("image"),
            attn_mask=one.value("mask"),
            negative_embeds=negative,
            layers=old_preset(job, preset),
            clip_vision=image_encoder(job),
        )
    job.outputs[0] = model


def _regions(job: Job, *names: str) -> Iterator[Job]:
    for name in names:
        if not job.has(name):
            continue
        source = job.source(job.value(name))
        if source is None:
            raise NoCounterpart(f"'{name}' comes from a node of another pack, whose regions cannot be read")
        yield from [source] if source.row.node_id == _REGION else _regions(source, *source.row.inputs)
