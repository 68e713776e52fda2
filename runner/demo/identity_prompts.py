"""Turns a cell with faces into the prompt ComfyUI's HTTP API takes: found, chosen, drawn, and held by InstantID."""

import json
from collections.abc import Mapping

from .cells import Cell, Identity
from .job import IdentityModels, Job, Node, node
from .prompts import Prompt, sampled, saved, texts

FOUND, POINTS = "found", "points"
"""The nodes whose previews are shown: the photograph with its faces marked, and the drawn keypoints."""
LARGE = 1024
"""Side in pixels of a drawing of many faces: smaller, their dots would cover each other."""
FRONTAL = ((0.34, 0.46), (0.66, 0.46), (0.50, 0.64), (0.37, 0.82), (0.63, 0.82))
"""The five points of a face that looks ahead, in a square around it."""


def identity_prompt_for(cell: Cell, job: Job, uploaded: Mapping[str, str]) -> Prompt:
    """The API prompt of a `cell` with faces; that of the plain model holds no node of the pack."""
    identity, models = cell.identity, job.identity
    assert identity and models
    if not identity.people:
        model: Prompt = {"model": models.model}
        return model | texts(cell) | sampled(cell, job, (["model", 0], ["positive", 0], ["negative", 0]))
    faces = _faces(identity, models, uploaded)
    side = job.pixels if identity.paint else LARGE
    points = {POINTS: _points(identity, side)}
    if not identity.paint:
        return faces | points | {"save": saved(cell, [POINTS, 0])}
    held = _held(identity, models, side)
    return faces | points | texts(cell) | held | sampled(cell, job, tuple(["instantid", slot] for slot in range(3)))


def _faces(identity: Identity, models: IdentityModels, uploaded: Mapping[str, str]) -> Prompt:
    """The photographs as one batch, the faces in them, and of each the one in the middle."""
    photos = {f"photo-{letter}": node("LoadImage", image=uploaded[letter]) for letter in identity.people}
    batch = {f"images.image{number}": [name, 0] for number, name in enumerate(photos)}
    return {
        **photos,
        "photos": node("BatchImagesNode", **batch),
        "face-models": models.face_models,
        FOUND: node("LikenessFindFaces", image=["photos", 0], face_models=["face-models", 0], **FIND),
        "chosen": node("LikenessChooseFace", faces=[FOUND, 0], rule="most central", index=0, missing="error"),
    }


FIND = {"size": 640, "threshold": 0.5, "margin": True, "refine": False, "embed": True}


def _points(identity: Identity, side: int) -> Node:
    """One person's points as in the photograph, moved; everybody's there; or two that look ahead, side by side."""
    shifts = {name: value * side for name, value in identity.pose.items() if name.startswith("shift")}
    moved = {"scale": 1.0, "rotation": 0.0, "shift_x": 0.0, "shift_y": 0.0, "mirror": False, **identity.pose, **shifts}
    canvas = {"width": side, "height": side, "fit": "fit", **moved}
    if len(identity.people) > 1:
        return node("LikenessRenderKeypoints", keypoints=side_by_side(len(identity.people), side), **canvas)
    return node("LikenessRenderKeypoints", faces=["chosen" if identity.paint else FOUND, 0], **canvas)


def side_by_side(count: int, pixels: int) -> str:
    """Keypoints of `count` faces beside each other, as Render Keypoints reads them."""
    side = pixels / count * 0.8
    lefts = ((number + 0.5) * pixels / count - side / 2 for number in range(count))
    top = (pixels - side) / 2
    faces = [[[round(left + x * side, 1), round(top + y * side, 1)] for x, y in FRONTAL] for left in lefts]
    return json.dumps({"width": pixels, "height": pixels, "faces": faces})


def _held(identity: Identity, models: IdentityModels, side: int) -> Prompt:
    """The model and both conditionings with InstantID; several people with a region each."""
    several = len(identity.people) > 1
    masks: Prompt = {
        "masks": node(
            "LikenessFaceMasks",
            keypoints=[POINTS, 1],
            shape="ellipse",
            dilate=side * 0.05,
            feather=side * 0.05,
            normalise=True,
            width=0,
            height=0,
            fit="fit",
        )
    }
    return {
        "model": models.model,
        "adapter": models.adapter,
        "net": models.control_net,
        **(masks if several else {}),
        "instantid": node(
            "LikenessApplyInstantID",
            model=["model", 0],
            positive=["positive", 0],
            negative=["negative", 0],
            adapter=["adapter", 0],
            faces=["chosen", 0],
            control_net=["net", 0],
            image=[POINTS, 0],
            weight=identity.strength,
            strength=identity.strength,
            any_recogniser=models.any_recogniser,
            **({"masks": ["masks", 0]} if several else {}),
        ),
    }
