"""The old packs' loaders -> ours, and what an old loader's output is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ...face.recognisers import PACK_OF, RESNET50, RESNET100
from ..files import folders
from . import options
from .becomes import Flat
from .job import Job
from .shape import NoCounterpart

_MODELS = "LikenessLoadFaceModels"
FACE_LOADER = "IPAdapterUnifiedLoaderFaceID"

_KINDS_BY_NAME = (("plusv2", "faceid_plus_v2"), ("unnorm", "portrait_unnorm"), ("", "faceid_plus"))
"""What the old pack looked for in a file's name -> the variant that it took the file for."""
instantid_in_file = Flat("LikenessLoadIPAdapter", {"file": "instantid_file"}, {"kind": "instantid"})


def _kind(job: Job) -> Mapping[str, Any]:
    """Of look-alikes that are not byte for byte the published files the name decides, as it did in the old pack."""
    file = job.value("ipadapter_file")
    kind = _kind_by_name(file) if isinstance(file, str) else None
    if kind is None:
        return {}
    job.note(f"by its contents '{file}' can be two kinds of adapter; by its name it is taken for {kind}")
    return {"kind": kind}


def _kind_by_name(file: str) -> str | None:
    """The variant that the old pack took a look-alike for; None where the file itself decides, or is not there."""
    from ...attention.adapter.identify import identify
    from ...attention.catalogue.installed import adapter_file

    try:
        found = adapter_file(file, Path(folders.adapter_path(file)))
    except (OSError, ValueError):
        return None
    fitting = {variant.name for variant in found.variants}
    if len(fitting) == 1:
        return None
    try:
        identify(found.outline)
    except ValueError:
        return next((kind for part, kind in _KINDS_BY_NAME if part in file.lower() and kind in fitting), None)
    return None


adapter_in_file = Flat(
    # The old loader left FaceID's LoRA to a node of the host's, which the graph still has.
    "LikenessLoadIPAdapter",
    {"file": "ipadapter_file"},
    {"lora_strength": 0.0},
    _kind,
)


def adapter_by_preset(job: Job) -> None:
    """A unified loader; that for faces puts FaceID's LoRA on the model that it hands on, and Apply adds none."""
    purpose = options.purpose(job.value("preset"))
    if purpose is None:
        raise NoCounterpart(f"the preset '{job.value('preset')}' is not one of the published ones")
    lora = job.value("lora_strength")
    loader = job.main("LikenessLoadByPreset", model=job.value("model"), preset=purpose, lora_strength=lora)
    if job.row.node_id != FACE_LOADER:
        job.outputs = {0: job.value("model"), 1: loader}
        return
    both = job.add("LikenessOldLora", model=job.value("model"), adapter=loader)
    job.outputs = {0: both, 1: both.output(1)}


def face_models(job: Job, pack: str | None = None) -> None:
    job.outputs[0] = job.main(_MODELS, **_models(pack or job.value("model_name"), job.value("provider")))


def face_models_for(job: Job) -> Any:
    """The face models of a node: those connected, else those that its unified loader would have opened."""
    for name in ("insightface", "clip_vision"):
        if gives_face_models(job, name):
            return job.value(name)
    loader = job.source(job.value("ipadapter"))
    provider = loader.value("provider") if loader else None
    pack = PACK_OF[RESNET100 if "Kolors" in job.row.node_id else RESNET50]
    return job.add(_MODELS, **_models(pack, provider))


def gives_face_models(job: Job, name: str) -> bool:
    """Whether face models are connected there; for some days in December 2023 they went into `clip_vision`."""
    if name == "insightface":
        return job.has(name)
    source = job.source(job.value(name)) if job.has(name) else None
    return source is not None and source.row.outputs == ("INSIGHTFACE",)


def reads_faces(job: Job) -> bool:
    """Whether the adapter that an old node is given reads faces: by the preset, the file's contents, or its name.

    Where neither an old loader nor one of ours gives it, connected face models say so.
    """
    old, found = job.source(job.value("ipadapter")), job.at(job.value("ipadapter"))
    if old is not None and old.row.node_id == FACE_LOADER:
        return True
    inputs: Mapping[str, Any] = found.get("inputs") or {}
    file = old.value("ipadapter_file") if old else inputs.get("file")
    if isinstance(file, str):
        return _reads_faces(file)
    preset = None if old else inputs.get("preset")
    if isinstance(preset, str):
        return preset.startswith("FaceID")
    return any(gives_face_models(job, name) for name in ("insightface", "clip_vision"))


def _reads_faces(file: str) -> bool:
    from ...attention.catalogue.installed import adapter_file

    try:
        variants = adapter_file(file, Path(folders.adapter_path(file))).variants
    except (OSError, ValueError):
        return "faceid" in file.lower()
    return any(variant.recogniser for variant in variants)


def _models(pack: Any, provider: Any) -> dict[str, Any]:
    choice = options.provider(provider) if provider is not None else options.ANY_GPU
    return {"pack": pack, "provider": choice}


antelope = partial(face_models, pack=PACK_OF[RESNET100])
buffalo = partial(face_models, pack=PACK_OF[RESNET50])
