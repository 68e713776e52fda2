"""The seeded models, adapters and pictures that scenarios are made of, and how each kind of scenario steers a model."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import image_branch
import torch
from minimal import patched
from scenarios import Branch, Scenario

LATENT = {"sd15": (4, 24, 24), "sdxl": (4, 32, 32), "flux": (16, 32, 32), "wan": (16, 3, 8, 12)}
LATENT["flf2v"] = LATENT["wan"]
"""Channels, frames of a video, height and width."""
SMALL = (4, 8, 8)
"""Latent of scenarios with many frames."""
FILES = Path(tempfile.mkdtemp(prefix="likeness-bench-"))


@cache
def base(family: str) -> SimpleNamespace:
    """The plain model and two conditionings."""
    from miniature import flux, models

    if family in image_branch.KINDS:
        return image_branch.plain(family)
    model, clip = (
        (flux.model("flux dev", 1), flux.clip(1))
        if family == "flux"
        else (models.unet(family, 1), models.clip(family, 1))
    )
    positive, negative = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red cat", ""))
    return SimpleNamespace(model=model, positive=positive, negative=negative)


def adapters_of(scenario: Scenario) -> list[Any]:
    """A freshly loaded adapter for each branch; an image branch is the model's own."""
    if scenario.by == "image branch":
        return []
    return [loaded(scenario.family, branch.variant) for branch in scenario.branches]


def loaded(family: str, variant: str) -> Any:
    """A freshly loaded adapter: its memory is empty, its weights are the mapped file."""
    from miniature import adapters, flux, models
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.attention.reference.siglip_head import give_head
    from pack.nodes.wires import LoadedAdapter

    path = FILES / f"{family}-{variant}.safetensors"
    if not path.is_file() and family == "flux":
        flux.write_adapter(variant, 7, path)
    elif not path.is_file():
        adapters.write_safetensors(adapters.adapter_state_dict(family, variant, 7), path)
    kind = "instantid" if variant == "instantid" else "auto"
    sees = "siglip" if variant == "instantx" else adapters.encoder_of(family, variant)
    encoder = None if variant == "instantid" else models.clip_vision(sees, 3)
    if variant == "instantx":
        give_head(encoder, flux.siglip_head(3))
    return LoadedAdapter(Adapter(checkpoint.read(path), kind), encoder)


@cache
def picture(seed: int) -> torch.Tensor:
    coarse = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(96, 128), mode="bilinear").movedim(1, -1)


def _wires(branch: Branch) -> dict[str, Any]:
    return {"image": torch.cat([picture(seed) for seed in branch.pictures]), **_where_and_when(branch)}


def _where_and_when(branch: Branch) -> dict[str, Any]:
    from pack.nodes.forms.weight_schedule import WeightScheduleNode

    mask = torch.zeros(1, 64, 64)
    mask[..., :32] = 1
    wires: dict[str, Any] = {"attn_mask": mask} if branch.mask else {}
    if branch.schedule or branch.frames:
        course = "linear" if branch.schedule else "constant"
        wires["schedule"] = WeightScheduleNode.execute(course, frames=branch.frames).args[0]
    return wires


def _likeness(scenario: Scenario, adapters: list[Any], changes: Mapping[str, Any]) -> SimpleNamespace:
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter

    given = base(scenario.family)
    model = given.model
    for branch, adapter in zip(scenario.branches, adapters, strict=True):
        settings = {**branch.inputs, **changes} if branch.inputs.get("weight") != 0 else branch.inputs
        model = ApplyIPAdapter.execute(model, adapter, **settings, **_wires(branch)).args[0]
    return SimpleNamespace(model=model, positive=given.positive, negative=given.negative)


def _minimal(scenario: Scenario, adapters: list[Any], changes: Mapping[str, Any]) -> SimpleNamespace:
    from pack.attention.sampling.attach import attachments

    steered = _likeness(scenario, adapters, changes)
    steered.model = patched(base(scenario.family).model, attachments(steered.model)[0])
    return steered


def _instantid(scenario: Scenario, adapters: list[Any], changes: Mapping[str, Any]) -> SimpleNamespace:
    import numpy
    from pack.face.picture import pictures
    from pack.face.recognisers import RESNET100
    from pack.face.value import Face, PictureFaces, Rung, frozen
    from pack.nodes.forms.apply_instantid import ApplyInstantID

    points = numpy.array([(38, 52), (73, 52), (56, 72), (41, 92), (71, 92)], numpy.float32)
    embedding = numpy.random.default_rng(1).normal(size=512).astype(numpy.float32)
    (photo,) = pictures(torch.full((1, 256, 256, 3), 0.5))
    face = Face(photo, frozen(numpy.array([20, 30, 95, 110], numpy.float32)), frozen(points), 0.9, Rung())
    face = dataclasses.replace(face, embedding=frozen(embedding), recogniser=RESNET100)
    given = base(scenario.family)
    out = ApplyInstantID.execute(
        given.model, given.positive, given.negative, adapters[0], (PictureFaces(photo, (face,)),), _net(), **changes
    )
    return SimpleNamespace(**dict(zip(("model", "positive", "negative"), out.args, strict=True)))


@cache
def _net() -> Any:
    from miniature import models

    return models.controlnet(4, "sdxl")


def _peer(scenario: Scenario, adapters: list[Any], changes: Mapping[str, Any]) -> SimpleNamespace:
    given = base(scenario.family)
    model = given.model
    for branch, adapter in zip(scenario.branches, adapters, strict=True):
        wires = _wires(branch)
        model = PEER.steer(
            model=model,
            file=adapter.adapter.path,
            clip_vision=adapter.clip_vision,
            image=wires["image"],
            weight=changes.get("weight", 1.0),
            attn_mask=wires.get("attn_mask"),
        )
    return SimpleNamespace(model=model, positive=given.positive, negative=given.negative)


PEER = SimpleNamespace()


def take_peer(path: Path) -> None:
    """Load a driver: a Python file with `steer(model, file, clip_vision, image, weight, attn_mask) -> model`."""
    spec = importlib.util.spec_from_file_location("peer_driver", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    PEER.steer = module.steer


def _image_branch(scenario: Scenario, adapters: list[Any], changes: Mapping[str, Any]) -> SimpleNamespace:
    given = base(scenario.family)
    model = given.model
    for branch in scenario.branches:
        model = image_branch.scaled(model, branch, _where_and_when(branch), changes)
    return SimpleNamespace(model=model, positive=given.positive, negative=given.negative)


KINDS: Mapping[str, Callable[[Scenario, list[Any], Mapping[str, Any]], SimpleNamespace]] = {
    "likeness": _likeness,
    "minimal": _minimal,
    "instantid": _instantid,
    "peer": _peer,
    "image branch": _image_branch,
}


def steered(scenario: Scenario, adapters: list[Any], **changes: Any) -> SimpleNamespace:
    """The model and conditionings of a scenario; `changes` are other settings than its own."""
    return KINDS[scenario.by](scenario, adapters, changes)
