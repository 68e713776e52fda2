"""Our side: features by our nodes from the host's encoder and our face code, tokens, and a step of the host's model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from oracles.steps import Halves, Inputs, conditionings, host_step
from pack.attention.branch.build import unconditional
from pack.attention.reference.embeds import Embeds
from pack.face.draw import draw_keypoints
from pack.face.embed import embed_batch
from pack.face.models import load
from pack.face.picture import to_image
from pack.face.value import FaceBatch
from pack.nodes.forms.apply_instantid import ApplyInstantID
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.forms.choose_face import ChooseFace
from pack.nodes.forms.encode_reference import EncodeReference
from pack.nodes.forms.find_faces import FindFaces
from pack.nodes.people.face_reference import embeds_of_faces
from pack.nodes.wires import LoadedAdapter
from torch import Tensor

from . import published
from .job import WEIGHT, Job, Photo


@dataclass(frozen=True)
class Ours:
    """What came of one adapter: features of both halves, tokens (2, T, C) with the negative half first, and a step."""

    positive: Embeds
    negative: Embeds
    tokens: Tensor
    step: Halves


def faces_in(photo: Photo, pack: Path) -> FaceBatch:
    """The largest face of the photograph, embedded, by our nodes."""
    models = load(pack, "CPU")
    found = FindFaces.PREPARE_CLASS_CLONE({}).execute(image_of(photo), models).args[0]
    chosen = ChooseFace.PREPARE_CLASS_CLONE({}).execute(found, rule="largest").args[0]
    return embed_batch(models, chosen)


def ours(job: Job, model: Any, given: Inputs, photo: Photo) -> Ours:
    """Encode the photograph for this adapter and take a step of the host's model with it."""
    encoder = _encoder(job)
    loaded = LoadedAdapter(job.adapter, encoder, lora_strength=0.0)  # diffusers leaves it to another package
    if job.pack:
        positive = embeds_of_faces(job.adapter, faces_in(photo, job.pack.folder), encoder, any_recogniser=True)
        negative = unconditional(job.adapter, encoder, positive)
    else:
        node = EncodeReference.PREPARE_CLASS_CLONE({})
        positive, negative = node.execute(loaded, image_of(job.shown(photo))).args[:2]
    tokens = torch.cat([job.adapter.tokens(each) for each in (negative, positive)])
    (steered,) = ApplyIPAdapter.execute(
        model=model, adapter=loaded, weight=WEIGHT, embeds=positive, negative_embeds=negative
    ).args
    return Ours(positive, negative, tokens, host_step(steered, given))


def instantid(job: Job, model: Any, given: Inputs, photo: Photo, net: Path) -> tuple[Halves, Tensor]:
    """A step with adapter and IdentityNet, by Apply InstantID, and the keypoint picture (1, H, W, 3) that it was shown."""
    assert job.pack
    faces = faces_in(photo, job.pack.folder)
    node = ApplyInstantID.PREPARE_CLASS_CLONE({})
    keypoints = _keypoints(faces, photo, given)
    control_net = published.hosts_net(net)
    steered, *conds = node.execute(
        model,
        *conditionings(given),
        LoadedAdapter(job.adapter),
        faces,
        control_net,
        strength=WEIGHT,
        weight=WEIGHT,
        any_recogniser=True,
        image=keypoints,
    ).args
    return host_step(steered, given, conds=tuple(conds)), keypoints


def _keypoints(faces: FaceBatch, photo: Photo, given: Inputs) -> Tensor:
    """The five points of the face, drawn where they are in the photograph, as large as the step's picture."""
    height, width = (8 * side for side in given.latent.shape[-2:])
    (face,) = faces[0].faces
    scale = np.array([width / photo.shape[1], height / photo.shape[0]], np.float32)
    return to_image([draw_keypoints([face.keypoints * scale], (width, height))])


def image_of(photo: Photo) -> Tensor:
    """The photograph as it is on an IMAGE wire."""
    return torch.from_numpy(np.ascontiguousarray(photo)).float()[None] / 255


def _encoder(job: Job) -> Any | None:
    from comfy.clip_vision import load as load_encoder

    return load_encoder(str(job.encoder[0])) if job.encoder else None
