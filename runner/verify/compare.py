"""Everything that was found, ours against theirs, one base model after the other: the rows of the table."""

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from oracles.steps import Halves, Inputs, diffusers_step, host_step, inputs
from oracles.unets import Twin
from pack.attention.memory_full import is_full
from pack.attention.models.families import FAMILIES
from torch import Tensor

from . import ours, published, theirs
from .found import Found
from .job import SIZE, Job, Photo, jobs_for
from .row import Row

LIMIT = 1e-4
"""Of the largest difference, in standard deviations of what the reference computes; both sides compute in float32."""


@dataclass(frozen=True)
class On:
    """One base model: its checkpoint, its jobs, the IdentityNets for it, and what a step begins with."""

    family: str
    checkpoint: Path
    jobs: tuple[Job, ...]
    nets: tuple[Path, ...]
    given: Inputs


def compared(found: Found, photo: Photo, device: torch.device) -> Iterator[Row]:
    """A row for each comparison, and for each file that none can be made of."""
    yield from (Row(found.name(path), why=fault, is_damaged=True) for path, fault in found.odd.items())
    yield from (Row(found.name(path), why=what) for path, what in found.others.items())
    jobs, without = _jobs(found)
    yield from without
    for family, checkpoint in found.checkpoints.items():
        spec = published.SPECS[family]
        of_it = tuple(job for job in jobs if job.file.family.name == family)
        nets = tuple(found.control_nets) if family == "sdxl" else ()
        on = On(family, checkpoint, of_it, nets, inputs(Twin(spec, None, None), SIZE))
        try:
            yield from _on(found, on, photo, device)
        except RuntimeError as error:  # a smaller base model may still fit
            if not is_full(error):
                raise
            yield Row(
                found.name(checkpoint),
                why="the card's memory was full: what stands above is all that was compared with this checkpoint. "
                "Without --device the processor compares the rest.",
            )
            _free()
    if not found.checkpoints:
        yield Row(".", why=f"{found.folder} holds no SD1.5 or SDXL checkpoint; without one nothing is compared.")


def _jobs(found: Found) -> tuple[list[Job], list[Row]]:
    jobs, without = [], []
    for file in found.adapters:
        try:
            if file.family.name not in published.SPECS:
                known = " and ".join(FAMILIES[name].label for name in published.SPECS)
                raise ValueError(f"it is for {file.family.label}, and adapters for {known} are compared.")
            if file.family.name not in found.checkpoints:
                there = ", ".join(found.checkpoints) or "none"
                raise ValueError(f"it is for {file.family.label}, of which there is no checkpoint. Found: {there}.")
            jobs += jobs_for(found, file)
        except ValueError as error:
            without.append(Row(file.name, why=" ".join(str(error).split())))
    return jobs, without


def _on(found: Found, on: On, photo: Photo, device: torch.device) -> Iterator[Row]:
    """Our side first, then theirs: a large model is in memory once."""
    mine: dict[str, ours.Ours] = {}
    with_nets: dict[Path, tuple[Job, Halves, Tensor]] = {}
    model = published.hosts(on.checkpoint)
    plain = host_step(model, on.given)
    for job in on.jobs:
        try:
            mine[job.name] = ours.ours(job, model, on.given, photo)
        except ValueError as refused:  # Kolors' files on a plain SDXL, a photograph without a face
            yield Row(job.name, why=" ".join(str(refused).split()))
    jobs = [job for job in on.jobs if job.name in mine]
    for net, job in _with_nets(on, jobs):
        step, keypoints = ours.instantid(job, model, on.given, photo, net)
        with_nets[net] = (job, step, keypoints)
    del model
    _free()

    spec = published.SPECS[on.family]
    given = _moved(on.given, device)
    twin = Twin(spec, published.diffusers(on.checkpoint, spec, device), None)
    with torch.no_grad():
        bare = diffusers_step(twin, given)
        left_out = ", ".join(found.name(path) for path in found.left_out.get(on.family, ()))
        also = f"; not with {left_out}: one checkpoint of a base model is enough" if left_out else ""
        yield _row(found.name(on.checkpoint), f"a plain step, both halves{also}", plain, bare)
        for job in jobs:
            yield from _rows(job, mine[job.name], theirs.theirs(job, twin, given, photo), bare)
        for net, (job, step, keypoints) in with_nets.items():
            reference = theirs.instantid(job, twin, given, photo, net, keypoints)
            what = f"a step with this IdentityNet and {job.name}, both halves"
            yield _row(found.name(net), what, step, reference, bare)
    del twin
    _free()


def _with_nets(on: On, jobs: Sequence[Job]) -> list[tuple[Path, Job]]:
    job = next((job for job in jobs if job.variant == "instantid"), None)
    return [(net, job) for net in on.nets] if job else []


def _rows(job: Job, mine: ours.Ours, reference: theirs.Theirs, bare: Halves) -> Iterator[Row]:
    what = "of the largest face" if job.pack else "of a photograph"
    for name in job.adapter.features:
        pairs = ((mine.positive, reference.positive), (mine.negative, reference.negative))
        apart = [_apart(a.feature(name), b[name]) for a, b in pairs if b[name].any()]
        yield Row(job.name, f"{name} {what}", max(apart), LIMIT)
    yield Row(job.name, "image tokens, both halves", _apart(mine.tokens, reference.tokens), LIMIT)
    yield _row(job.name, "a step at weight 0.8, both halves", mine.step, reference.step, bare)


def _row(file: str, what: str, mine: Halves, reference: Halves, bare: Halves | None = None) -> Row:
    halves = [(getattr(mine, half.name), getattr(reference, half.name)) for half in fields(Halves)]
    effect = None if bare is None else _apart(bare.positive, reference.positive)
    return Row(file, what, max(_apart(*pair) for pair in halves), LIMIT, effect)


def _apart(found: Tensor, reference: Tensor) -> float:
    """The largest difference, in standard deviations of the reference."""
    a, b = found.float().cpu(), reference.float().cpu()
    return ((a - b).abs().max() / b.std()).item()


def _moved(given: Inputs, device: torch.device) -> Inputs:
    values: Mapping[str, Any] = {one.name: getattr(given, one.name).to(device) for one in fields(given)}
    return replace(given, **values)


def _free() -> None:
    import comfy.model_management as management

    management.unload_all_models()
    gc.collect()
    management.soft_empty_cache()
