"""The old packs' pictures, embeds and faces -> the nodes of ours that make them."""

from __future__ import annotations

from typing import Any

from . import loaders
from .becomes import Flat
from .job import Job, Ref, is_link
from .shape import BLACK, NoCounterpart

_COMBINE = "LikenessCombineEmbeds"

combine_embeds = Flat(_COMBINE, {"method": "method", **{f"embeds_{i}": f"embed{i}" for i in range(1, 6)}})
combine_two = Flat(_COMBINE, {"embeds_1": "embed1", "embeds_2": "embed2"}, {"method": "concat"})
noise = Flat(
    "LikenessNoisePicture", {"kind": "type", "strength": "strength", "blur": "blur", "image": "image_optional"}
)
load_embeds = Flat("LikenessLoadEmbeds", {"file": "embeds"})
save_embeds = Flat("LikenessSaveEmbeds", {"embeds": "embeds", "filename_prefix": "filename_prefix"})


def encoded(job: Job, image: Any, **inputs: Any) -> Ref:
    """An Encode Reference with the encoder that the old node has."""
    inputs.setdefault("adapter", job.value("ipadapter"))
    return job.add("LikenessEncodeReference", image=image, clip_vision=image_encoder(job), **inputs)


def old_negative(job: Job) -> Ref | None:
    """The black picture that was 'no reference', where the old picture is wanted."""
    if not job.repeats(BLACK):
        return None
    return job.add("LikenessOldNegative", adapter=job.value("ipadapter"), clip_vision=image_encoder(job))


def image_encoder(job: Job) -> Any:
    """The image encoder of an old node: its own, else that of the node which encoded its embeds."""
    if job.has("clip_vision"):
        return None if loaders.gives_face_models(job, "clip_vision") else job.value("clip_vision")
    sources = (job.source(job.value(name)) for name in ("pos_embed", "embeds", "embed1") if job.has(name))
    return next((image_encoder(source) for source in sources if source), None)


def encoder(job: Job) -> None:
    """Encode Reference; a weight other than 1 goes through Combine Embeds. The id meant another node in 2023."""
    if job.has("image_1"):
        _encoder_of_2023(job)
        return
    black = old_negative(job)
    both = job.main(
        "LikenessEncodeReference",
        adapter=job.value("ipadapter"),
        image=job.value("image"),
        mask=job.value("mask"),
        clip_vision=image_encoder(job),
    )
    negative = both.output(1) if black is None else black
    job.outputs = {0: _weighted(job, [both], [job.value("weight")]), 1: negative}


def _encoder_of_2023(job: Job) -> None:
    readers: list[Any] = [node for node in job.prompt.values() if _reads(node, job.number)]
    if not readers:
        raise NoCounterpart("no IPAdapterApplyEncoded says for which adapter it encodes")
    given = [i for i in range(1, 5) if job.has(f"image_{i}")]
    adapter = readers[0]["inputs"]["ipadapter"]
    parts = [encoded(job, job.value(f"image_{i}"), adapter=adapter) for i in given]
    if job.number_of("noise"):
        job.note("its noise is left out: it steers away from the adapter's own 'no reference'")
    weights = [job.value(f"weight_{i}") for i in given]
    # That node multiplied twice.
    job.outputs[0] = _weighted(job, parts, weights, power=2)


def _reads(node: Any, number: str) -> bool:
    inputs: Any = (node.get("inputs") or {}) if isinstance(node, dict) else {}
    link: Any = inputs.get("embeds")
    return is_link(link) and link[0] == number and "ipadapter" in inputs


def _weighted(job: Job, parts: list[Ref], weights: list[Any], power: int = 1) -> Ref:
    """Embeds times their weights, one after the other; a weight that is linked is only known when the graph runs."""
    text = ""
    if any(is_link(weight) for weight in weights):
        both = zip(parts, weights, strict=True)
        parts = [job.add("LikenessOldWeight", embeds=part, weight=weight, power=power) for part, weight in both]
    elif set(weights) != {1}:
        text = ", ".join(f"{weight**power:.12g}" for weight in weights)
    if len(parts) == 1 and not text:
        return parts[0]
    named: dict[str, Any] = {f"embeds_{i}": part for i, part in enumerate(parts, 1)}
    return job.add(_COMBINE, weights=text or None, **named)


def same_picture(job: Job) -> None:
    """A picture that was padded for the detector, which looks for faces at several sizes by itself here."""
    job.outputs[0] = job.value("image")
