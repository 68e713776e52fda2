"""Pictures of people in old graphs -> faces and keypoint pictures by our nodes."""

from __future__ import annotations

from functools import partial
from typing import Any

from .job import Job, Ref
from .layers import old_layers
from .shape import NO_MIDDLE, NOISE, PHOTO_SIZE, NoCounterpart

HIDDEN_NOISE = 0.35


def found(job: Job, models: Any, image: Any, embed: bool = True) -> Ref:
    """The largest face of every picture, as the old InstantID nodes chose it."""
    faces = job.add("LikenessFindFaces", image=image, face_models=models, embed=embed)
    return job.add("LikenessChooseFace", faces=faces, rule="largest", missing="error" if embed else "skip")


def person(job: Job, image: str = "image") -> Ref:
    """One face of all reference pictures of an InstantID node."""
    combine = job.value("combine_embeds")
    if combine not in (None, "average"):
        job.note(f"several photos of a person are averaged, not combined by '{combine}'")
    faces = found(job, job.value("insightface"), job.value(image))
    return job.add("LikenessEmbedFaces", faces=faces, combine="mean")


def drawn(job: Job, faces: Any) -> Ref:
    """The keypoint pictures of faces, each at the size of its photo."""
    return job.add("LikenessRenderKeypoints", faces=faces, width=0, height=0)


def keypoints(job: Job, models: Any, image: Any) -> Any:
    """The keypoint picture of a photo; a picture in which no face is found is one already, and stays as it is."""
    source = job.source(image)
    if source is not None and source.row.node_id == "FaceKeypointsPreprocessor":
        return image
    return job.add("LikenessOldKeypoints", image=image, drawn=drawn(job, found(job, models, image, embed=False)))


def keypoints_of_photo(job: Job) -> None:
    job.outputs[0] = drawn(job, found(job, job.value("faceanalysis"), job.value("image"), embed=False))


def apply_instantid(job: Job, weight: str = "weight", strength: str = "weight") -> None:
    """Apply InstantID for one person, with the settings that the old node spread over branch and ControlNet."""
    if job.has("image_features"):
        _before_it_had_a_net(job)
        return
    faces, noise = person(job), _noise(job)
    main = job.main(
        "LikenessApplyInstantID",
        **{name: job.value(name) for name in ("model", "positive", "negative", "control_net")},
        adapter=job.value("instantid"),
        faces=faces,
        weight=job.value(weight),
        strength=_strength(job, strength),
        noise=noise,
        noise_seed=old_noise(job, faces, noise).output(0) if noise else None,
        layers=old_layers(job, "instantid") if job.repeats(NO_MIDDLE) else None,
        image=_hint(job, faces),
        attn_mask=job.value("mask"),
        **_range(job),
        identitynet_start=job.value("start_at"),
        identitynet_end=job.value("end_at"),
    )
    job.outputs = {index: main.output(index) for index in range(3)}
    # The old nodes drew keypoints in the photo's shape, and the host cut them to that of the picture.
    job.outputs[0] = job.add("LikenessOldHints", model=main)


def _before_it_had_a_net(job: Job) -> None:
    """The node of February 2024: the branch, and prompts with the face for a ControlNet that follows."""
    faces = person(job, "image_features")
    if job.has("image_kps"):
        job.note("its 'image_kps' is left out: a node behind it gives the ControlNet its picture")
    main = job.main(
        "LikenessApplyIPAdapter",
        model=job.value("model"),
        adapter=job.value("instantid"),
        weight=job.value("weight"),
        faces=faces,
        attn_mask=job.value("attn_mask"),
        **_range(job),
    )
    prompts = {side: job.value(side) for side in ("positive", "negative")}
    text = job.add("LikenessOldFaceText", adapter=job.value("instantid"), faces=faces, **prompts)
    job.outputs = {0: main, 1: text, 2: text.output(1)}


def _noise(job: Job) -> Any:
    """The noise in the negative half; Apply InstantID had no input for its own."""
    if NOISE not in job.row.faults:
        return job.value("noise")
    if job.repeats(NOISE):
        return HIDDEN_NOISE
    job.note("the noise of 0.35 that it hid is off; 'compatible' brings it back")
    return 0.0


def _hint(job: Job, faces: Ref) -> Any:
    """The keypoint picture of `image_kps`; without it our node draws one at the size at which the authors generate."""
    if job.has("image_kps"):
        return keypoints(job, job.value("insightface"), job.value("image_kps"))
    if job.repeats(PHOTO_SIZE):
        return drawn(job, faces)
    job.note("without 'image_kps' the keypoints are drawn at the authors' size; 'compatible' draws at the photo's")
    return None


apply_instantid_advanced = partial(apply_instantid, weight="ip_weight", strength="cn_strength")


def old_noise(job: Job, faces: Ref, noise: Any) -> Ref:
    """Seeded by the face, as the old nodes seeded theirs."""
    return job.add("LikenessOldFaceNoise", faces=faces, noise=noise)


def instantid_branch(job: Job) -> None:
    """Apply IP-Adapter with InstantID's adapter; its second output is the faces, for the ControlNet's node."""
    faces, noise = person(job), job.value("noise")
    if noise:
        job.note("its noise acts in the branch; the ControlNet has the authors' empty face")
    main = job.main(
        "LikenessApplyIPAdapter",
        model=job.value("model"),
        adapter=job.value("instantid"),
        weight=job.value("weight"),
        faces=faces,
        negative_embeds=old_noise(job, faces, noise).output(1) if noise else None,
        attn_mask=job.value("mask"),
        **_range(job),
    )
    job.outputs = {0: main, 1: faces}


def instantid_net(job: Job) -> None:
    """Apply IdentityNet; model, adapter and face models are those of the node that its face comes from."""
    face = job.value("face_embeds")
    branch = job.source(face)
    if branch is None or branch.row.node_id != "InstantIDAttentionPatch":
        raise NoCounterpart("its 'face_embeds' do not come from InstantID Patch Attention, which knows the face")
    main = job.main(
        "LikenessApplyIdentityNet",
        model=[branch.number, 0],
        adapter=branch.value("instantid"),
        faces=face,
        **{name: job.value(name) for name in ("positive", "negative", "control_net", "mask")},
        image=keypoints(job, branch.value("insightface"), job.value("image_kps")),
        strength=_strength(job, "strength"),
        **_range(job),
    )
    job.outputs = {0: main.output(1), 1: main.output(2)}


def _strength(job: Job, name: str) -> Any:
    number = job.number_of(name)
    return job.value(name) if number is None else job.within(name, number, 0.0, 5.0)


def _range(job: Job) -> dict[str, Any]:
    return {"start_percent": job.value("start_at"), "end_percent": job.value("end_at")}
