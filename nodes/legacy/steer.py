"""The old packs' many apply nodes -> Apply IP-Adapter, with what it needs before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import loaders, options, weights
from .faces import found
from .job import Job, Ref
from .references import encoded
from .shape import NoCounterpart

PER_FRAME = "one per frame"
_APPLY = "LikenessApplyIPAdapter"


@dataclass(frozen=True)
class Steer:
    """What is particular about an apply node: the names of its inputs, and what it always does.

    `boost` names its second weight. `tiles` is the number of close-ups, or the input that says it.
    """

    per_frame: bool = False
    layer_preset: str | None = None
    boost: str | None = None
    tiles: int | str = 0
    faces_alone: bool = False

    def __call__(self, job: Job) -> None:
        main = job.main(_APPLY, **_wires(job), **_branch(job, self), **_reference(job, self))
        job.outputs[0] = main


def _wires(job: Job) -> dict[str, Any]:
    return {
        "model": job.value("model"),
        "adapter": job.value("ipadapter"),
        "clip_vision": job.value("clip_vision"),
        "attn_mask": job.value("attn_mask"),
        "start_percent": job.value("start_at"),
        "end_percent": job.value("end_at"),
    }


def _branch(job: Job, how: Steer) -> dict[str, Any]:
    preset = how.layer_preset or options.layer_preset(job.value("weight_type") or "linear")
    if preset is None:
        raise NoCounterpart(f"there is no weight type '{job.value('weight_type')}'")
    return {
        "layer_preset": preset,
        "embeds_scaling": job.value("embeds_scaling"),
        "combine": PER_FRAME if how.per_frame or job.value("unfold_batch") is True else job.value("combine_embeds"),
        "boost": _boost(job, how, preset),
        "layers": _layers(job, preset),
        **weights.linked(job),
    }


def _boost(job: Job, how: Steer, preset: str) -> float | None:
    """Our second factor multiplies the weight, the old second weight stood alone."""
    if how.boost is None and preset not in ("style and composition", "strong style and composition"):
        return None
    second = job.number_of(how.boost) if how.boost else 1.0
    weight = job.number_of("weight")
    if second is None or weight is None:
        raise NoCounterpart("a linked weight cannot be set against its second weight before the graph runs")
    if weight == 0 and second != 0:
        raise NoCounterpart("its second weight acts alone, at a weight of 0; a layer preset multiplies the weight")
    return job.within("boost", second / weight if weight else 1.0, -5.0, 5.0)


def _layers(job: Job, preset: str) -> Ref | None:
    text = str(job.value("layer_weights") or "")
    if not text.strip() or preset.endswith("precise"):
        return None
    family = "sdxl" if weights.blocks(text) <= weights.SDXL_BLOCKS else "sd15"
    job.note(f"its layer weights are taken for {family}; 'family' of Layer Weights changes that")
    return job.add("LikenessLayerWeights", family=family, weights=text)


def _reference(job: Job, how: Steer) -> dict[str, Any]:
    if job.has("pos_embed") or job.has("embeds"):
        return {"embeds": job.value("pos_embed") or job.value("embeds"), "negative_embeds": job.value("neg_embed")}
    if how.faces_alone or loaders.reads_faces(job):
        return _faces(job)
    return {**_picture(job, how), "negative_embeds": _negative(job)}


def _faces(job: Job) -> dict[str, Any]:
    if job.has("image_negative"):
        job.note("a negative picture is not used with adapters that read faces")
    faces = found(job, loaders.face_models_for(job), job.value("image"))
    if "face_image" in job.row.outputs:
        crops = job.add("LikenessEmbedFaces", faces=faces, combine="each alone", crop_size="256")
        job.outputs[1] = crops.output(1)
    return {"faces": faces, "shortcut_scale": _shortcut(job)}


def _shortcut(job: Job) -> Any:
    """Where the old node had no input for it, it was twice the weight."""
    given = job.value("weight_faceidv2")
    if given is not None:
        return given
    weight = job.number_of("weight")
    return None if weight is None else job.within("shortcut_scale", 2 * weight, -1.0, 5.0)


def _picture(job: Job, how: Steer) -> dict[str, Any]:
    image = job.value("image")
    tiles = job.value(how.tiles) if isinstance(how.tiles, str) else how.tiles
    if not tiles:
        return {"image": image}
    if how.per_frame:
        job.note("close-ups are left out: one picture is for one frame")
        return {"image": image}
    job.note("close-ups act as further pictures everywhere, not each in its own part of the picture")
    if isinstance(tiles, int):
        tiles = int(job.within("tiles", tiles, 0, 8))
    return {"embeds": encoded(job, image, tiles=tiles)}


def _negative(job: Job) -> Ref | None:
    """The embeds of a negative picture; the shuffled noise of 2023 is one too."""
    if job.has("image_negative"):
        return encoded(job, job.value("image_negative"))
    noise = job.value("noise")
    if not noise:
        return None
    job.note("its noise is the picture shuffled, with a seed")
    return encoded(job, job.add("LikenessNoisePicture", kind="shuffle", strength=noise, image=job.value("image")))


@dataclass(frozen=True)
class StyleAndComposition:
    """One node for two pictures -> two Apply nodes, for they act in different layers."""

    per_frame: bool = False

    def __call__(self, job: Job) -> None:
        style = "strong style" if job.value("expand_style") is True else "style"
        shared = {
            **_wires(job),
            "embeds_scaling": job.value("embeds_scaling"),
            "combine": PER_FRAME if self.per_frame else job.value("combine_embeds"),
            "negative_embeds": _negative(job),
        }
        first = job.add(
            _APPLY,
            **shared,
            image=job.value("image_composition"),
            weight=job.value("weight_composition"),
            layer_preset="composition",
        )
        job.outputs[0] = job.main(
            _APPLY,
            **{**shared, "model": first},
            image=job.value("image_style"),
            weight=job.value("weight_style"),
            layer_preset=style,
        )


def kolors_faces(job: Job) -> None:
    if job.number_of("weight_kolors") != 1:
        job.note("'weight_kolors' is left out: the projection acts at its full strength")
    Steer(faces_alone=True)(job)


def before_2024_03(job: Job) -> None:
    """Its weight types say where the weight acts."""
    scaling = options.SCALINGS_BEFORE_2024_03.get(str(job.value("weight_type")))
    Steer(layer_preset="linear", tiles="short_side_tiles")(job)
    job.added[job.number]["inputs"]["embeds_scaling"] = scaling or "V only"
    if "weight_v2" in job.row.widgets:
        job.added[job.number]["inputs"]["shortcut_scale"] = job.value("weight_v2")
