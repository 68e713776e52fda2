"""The nodes of the two old packs for FLUX -> ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from .becomes import Flat
from .job import Job
from .shape import AT_ONCE, VALUES, NoCounterpart

_LOAD, _APPLY = "LikenessLoadIPAdapter", "LikenessApplyIPAdapter"
_BLOCKS = 19
_HALF = _BLOCKS // 2

xlabs = Flat(_APPLY, {"model": "model", "adapter": "ip_adapter_flux", "image": "image", "weight": "ip_scale"})


def xlabs_in_file(job: Job) -> None:
    """Load IP-Adapter, which finds the encoder by itself."""
    job.outputs[0] = job.main(_LOAD, file=job.value("ipadatper"))


def instantx_in_file(job: Job) -> None:
    """Load IP-Adapter; the old picture needs values that are normalised too."""
    kind = "instantx_k_and_v" if job.repeats(VALUES) else "auto"
    job.outputs[0] = job.main(_LOAD, file=job.value("ipadapter"), kind=kind)


def instantx(job: Job) -> None:
    adapter, image = job.value("ipadapter_flux"), job.value("image")
    reference = {"image": image}
    if job.repeats(AT_ONCE):
        reference = {"embeds": job.add("LikenessEncodeReference", adapter=adapter, image=image, fit="squash")}
    job.outputs[0] = job.main(
        _APPLY,
        model=job.value("model"),
        adapter=adapter,
        weight=job.value("weight"),
        start_percent=job.value("start_percent"),
        end_percent=job.value("end_percent"),
        **reference,
    )


def _sigmoid(block: int) -> float:
    return 1 / (1 + math.exp(-(block - _BLOCKS / 2) * 8 / _BLOCKS)) - 0.5


SMOOTHING: Mapping[str, Callable[[int], float]] = MappingProxyType(
    {
        "Linear": lambda block: block / (_BLOCKS - 1),
        "First half": lambda block: min(block / (_HALF - 1), 1.0),
        "Second half": lambda block: max(block - (_BLOCKS - _HALF), 0) / (_HALF - 1),
        "Sigmoid": _sigmoid,
    }
)
"""Smoothing type -> how far block 0 to 18 is from the first strength to the last, 0 to 1; 'Sigmoid' goes by -0.5 to 0.5."""


def xlabs_between(job: Job) -> None:
    """A strength for each block: Layer Weights, and the pictures' mean."""
    first, last = (job.number_of(name) for name in ("begin_strength", "end_strength"))
    course = SMOOTHING.get(str(job.value("smothing_type")))
    if first is None or last is None:
        raise NoCounterpart("'begin_strength' or 'end_strength' is linked: Layer Weights takes written numbers")
    if course is None:
        raise NoCounterpart(f"there is no smoothing type '{job.value('smothing_type')}'")
    strengths = (first + (last - first) * course(block) for block in range(_BLOCKS))
    text = ", ".join(f"{block}:{strength:.6g}" for block, strength in enumerate(strengths))
    job.outputs[0] = job.main(
        _APPLY,
        model=job.value("model"),
        adapter=job.value("ip_adapter_flux"),
        image=job.value("image"),
        weight=1.0,
        combine="average",
        layers=job.add("LikenessLayerWeights", family="flux", weights=text),
    )
