"""The old packs' many apply nodes -> Apply IP-Adapter, with what it needs before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import loaders, options
from .faces import found
from .job import Job, Ref
from .layers import old_layers, old_preset
from .references import encoded, image_encoder, old_negative
from .shape import NoCounterpart

PER_FRAME = "one per frame"
_APPLY = "LikenessApplyIPAdapter"
# Without an input for it the composition's weight was 1; the second weight of 'precise' types was the first.
_COMPOSITION_AT_1 = ("style and composition", "strong style and composition")


@dataclass(frozen=True)
class Steer:
    """What is particular about an apply node: the names of its inputs, and what it always does.

    `boost` names its second weight, `tiles` the input that says how many close-ups lie along a side.
    """

    per_frame: bool = False
    layer_preset: str | None = None
    boost: str | None = None
    tiles: str = ""
    faces_alone: bool = False

    def __call__(self, job: Job) -> None:
        main = job.main(_APPLY, **_wires(job), **_branch(job, self), **_reference(job, self))
        job.outputs[0] = main


@dataclass(frozen=True)
class Tiled:
    """The apply node whose every tile acts in its own place; for a face there is nothing to take apart."""

    per_frame: bool = False

    def __call__(self, job: Job) -> None:
        how = Steer(self.per_frame)
        if loaders.reads_faces(job):
            how(job)
            return
        mask, sharpening = job.value("attn_mask"), job.value("sharpening")
        tiles = job.add("LikenessOldTiles", image=job.value("image"), mask=mask, sharpening=sharpening)
        wires = {name: value for name, value in _wires(job).items() if name != "attn_mask"}
        cut = {"tiles": tiles, "masks": tiles.output(1), "negative_embeds": _negative(job)}
        job.outputs = {0: job.main("LikenessOldApplyTiles", **wires, **_branch(job, how), **cut)}
        job.outputs |= {1: tiles, 2: tiles.output(1)}


def _wires(job: Job) -> dict[str, Any]:
    return {
        "model": job.value("model"),
        "adapter": job.value("ipadapter"),
        "clip_vision": image_encoder(job),
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
        **_strength(job, how, preset),
    }


def _strength(job: Job, how: Steer, preset: str) -> dict[str, Any]:
    """The weight; and layers, if factors were written out, there is a second weight, or the middle is left out."""
    weight, text = job.value("weight"), str(job.value("layer_weights") or "")
    if text.strip():
        return {"weight": weight, "layers": old_layers(job, preset=preset, weights=text)}
    if how.boost or preset in _COMPOSITION_AT_1:
        # The old second weight stood alone, where ours multiplies the first.
        second = job.value(how.boost) if how.boost else 1.0
        return {"weight": 1.0, "layers": old_layers(job, preset=preset, weight=weight, second=second)}
    return {"weight": weight, "layers": old_preset(job, preset)}


def _reference(job: Job, how: Steer) -> dict[str, Any]:
    for name in ("pos_embed", "embeds"):
        if job.has(name):
            return {"embeds": job.value(name), "negative_embeds": job.value("neg_embed") or old_negative(job)}
    if how.faces_alone or loaders.reads_faces(job):
        return _faces(job)
    return {**_picture(job, how), "negative_embeds": _negative(job)}


def _faces(job: Job) -> dict[str, Any]:
    if job.has("image_negative"):
        job.note("a negative picture is not used with adapters that read faces")
    faces = found(job, loaders.face_models_for(job), job.value("image"))
    if "face_image" in job.row.outputs:
        job.outputs[1] = job.add("LikenessOldFaceImage", adapter=job.value("ipadapter"), faces=faces)
    return {"faces": faces, "shortcut_scale": _shortcut(job), "negative_embeds": old_negative(job)}


def _shortcut(job: Job) -> Any:
    """Where the old node had no input for it, it was twice the weight."""
    given = job.value("weight_faceidv2")
    if given is not None:
        return given
    weight = job.number_of("weight")
    return None if weight is None else job.within("shortcut_scale", 2 * weight, -1.0, 5.0)


def _picture(job: Job, how: Steer) -> dict[str, Any]:
    image = job.value("image")
    tiles = job.value(how.tiles) if how.tiles else 0
    if not tiles:
        return {"image": image}
    if how.per_frame:
        job.note("close-ups are left out: one picture is for one frame")
        return {"image": image}
    job.note("close-ups act as further pictures everywhere, as large as the picture itself")
    if isinstance(tiles, int):
        tiles = int(job.within("tiles", tiles, 0, 8))
    return {"embeds": encoded(job, image, tiles=tiles)}


def _negative(job: Job) -> Ref | None:
    """The embeds of a negative picture; the shuffled noise of 2023 is one too."""
    if job.has("image_negative"):
        return encoded(job, job.value("image_negative"))
    noise = job.value("noise")
    if not noise:
        return old_negative(job)
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
            **_preset(job, "composition"),
        )
        job.outputs[0] = job.main(
            _APPLY,
            **{**shared, "model": first},
            image=job.value("image_style"),
            weight=job.value("weight_style"),
            **_preset(job, style),
        )


def _preset(job: Job, name: str) -> dict[str, Any]:
    return {"layer_preset": name, "layers": old_preset(job, name)}


def kolors_faces(job: Job) -> None:
    if job.number_of("weight_kolors") != 1:
        job.note("'weight_kolors' is left out: the projection acts at its full strength")
    job.note("its encoder sees the square around the face, as the authors' does; the old node turned the face upright")
    Steer(faces_alone=True)(job)


def before_2024_03(job: Job) -> None:
    """Its weight types say where the weight acts."""
    scaling = options.SCALINGS_BEFORE_2024_03.get(str(job.value("weight_type")))
    Steer(layer_preset="linear", tiles="short_side_tiles")(job)
    job.added[job.number]["inputs"]["embeds_scaling"] = scaling or "V only"
    if "weight_v2" in job.row.widgets:
        job.added[job.number]["inputs"]["shortcut_scale"] = job.value("weight_v2")
