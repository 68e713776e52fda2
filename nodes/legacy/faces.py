"""Pictures of people in old graphs -> faces and keypoint pictures by our nodes."""

from __future__ import annotations

from functools import partial
from typing import Any

from .job import Job, Ref
from .layers import old_layers
from .shape import NoCounterpart

HIDDEN_NOISE = 0.35


def found(job: Job, models: Any, image: Any, embed: bool = True) -> Ref:
    """The largest face of every picture, as the old InstantID nodes chose it."""
    faces = job.add("LikenessFindFaces", image=image, face_models=models, embed=embed)
    return job.add("LikenessChooseFace", faces=faces, rule="largest", missing="error" if embed else "skip")


def person(job: Job) -> Ref:
    """One face of all reference pictures of an InstantID node."""
    combine = job.value("combine_embeds")
    if combine not in (None, "average"):
        job.note(f"several photos of a person are averaged, not combined by '{combine}'")
    faces = found(job, job.value("insightface"), job.value("image"))
    return job.add("LikenessEmbedFaces", faces=faces, combine="mean")


def keypoints(job: Job, models: Any, image: Any) -> Any:
    """The keypoint picture of a photo at its own size; a picture that is one already stays as it is."""
    drawn = job.source(image)
    if drawn is not None and drawn.row.node_id == "FaceKeypointsPreprocessor":
        return image
    faces = found(job, models, image, embed=False)
    return job.add("LikenessRenderKeypoints", faces=faces, width=0, height=0)


def keypoints_of_photo(job: Job) -> None:
    job.outputs[0] = keypoints(job, job.value("faceanalysis"), job.value("image"))


def apply_instantid(job: Job, weight: str = "weight", strength: str = "weight") -> None:
    """Apply InstantID for one person, with the settings that the old node spread over branch and ControlNet."""
    faces, noise = person(job), job.value("noise")
    if job.row.node_id == "ApplyInstantID":
        noise = HIDDEN_NOISE if job.compatible else 0.0
        if not job.compatible:
            job.note("the noise of 0.35 that it hid is off; 'compatible' brings it back")
    pictures = job.value("image_kps")
    image = keypoints(job, job.value("insightface"), pictures) if pictures else None
    main = job.main(
        "LikenessApplyInstantID",
        **{name: job.value(name) for name in ("model", "positive", "negative", "control_net")},
        adapter=job.value("instantid"),
        faces=faces,
        weight=job.value(weight),
        strength=_strength(job, strength),
        noise=noise,
        noise_seed=old_noise(job, faces, noise).output(0) if noise else None,
        layers=old_layers(job, "instantid") if job.compatible else None,
        image=image,
        attn_mask=job.value("mask"),
        **_range(job),
        identitynet_start=job.value("start_at"),
        identitynet_end=job.value("end_at"),
    )
    job.outputs = {index: main.output(index) for index in range(3)}
    # The old nodes drew keypoints in the photo's shape, and the host cut them to that of the picture.
    job.outputs[0] = job.add("LikenessOldHints", model=main)


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
