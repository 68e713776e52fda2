"""Their side: insightface, transformers and diffusers on the same files, the same photograph and the same noise."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from oracles.adapters import Use
from oracles.controlnets import ControlTwin, diffusers_controlled_step, diffusers_residuals
from oracles.references import diffusers_loaded
from oracles.steps import Halves, Inputs, diffusers_step
from oracles.unets import Twin
from torch import Tensor

from . import published
from .job import WEIGHT, Job, Photo

CROP = 224  # what FaceID plus was trained with
CONFIGS = {1280: "h", 1664: "g", 1024: "vitl"}  # width of an encoder -> the host's file of its published configuration

Features = dict[str, Tensor]


@dataclass(frozen=True)
class FromFile:
    """An adapter's file in the nested form that diffusers loads."""

    variant: str
    checkpoint: Mapping[str, Mapping[str, Tensor]]


@dataclass(frozen=True)
class Theirs:
    """Features of both halves, tokens (2, T, C) with the negative half first, and a step."""

    positive: Features
    negative: Features
    tokens: Tensor
    step: Halves


def theirs(job: Job, twin: Twin, given: Inputs, photo: Photo) -> Theirs:
    """Encode the photograph for this adapter and take a step of diffusers' UNet with it."""
    use = _use(job, photo)
    with diffusers_loaded(twin, [use]) as embeds:
        (tokens,) = twin.unet.encoder_hid_proj(embeds)
        return Theirs(use.positive, use.negative, tokens.flatten(1, 2), diffusers_step(twin, given, embeds))


def instantid(job: Job, twin: Twin, given: Inputs, photo: Photo, net: Path, keypoints: Tensor) -> Halves:
    """A step with adapter and IdentityNet, put together as InstantID's pipeline does."""
    control = ControlTwin(published.diffusers_net(net, given.latent.device), None)
    with diffusers_loaded(twin, [_use(job, photo)]) as embeds:
        (tokens,) = twin.unet.encoder_hid_proj(embeds)
        residuals = diffusers_residuals(control, given, tokens.flatten(1, 2), keypoints.to(given.latent), WEIGHT)
        negative, positive = diffusers_controlled_step(twin, given, embeds, residuals)
    return Halves(positive, negative)


def _use(job: Job, photo: Photo) -> Use:
    positive, negative = _features(job, photo)
    return Use(FromFile(job.variant, _nested(job.file.path)), positive, negative, WEIGHT)


def _nested(path: Path) -> Mapping[str, Mapping[str, Tensor]]:
    """Part -> name within it -> weight, whichever of the two containers the file is."""
    from comfy.utils import load_torch_file

    nested: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for key, value in load_torch_file(str(path), safe_load=True).items():
        if isinstance(value, Mapping):
            nested[key] = dict(value)
        else:
            part, _, name = key.partition(".")
            nested[part][name] = value
    return nested


def _features(job: Job, photo: Photo) -> tuple[Features, Features]:
    """What the adapter reads, of the photograph and of 'no reference'."""
    variant = job.adapter.identity.variant
    made: Features = {}
    shown = job.shown(photo)
    if job.pack:
        assert job.pack.detector
        face = face_of(photo, job.pack.detector.parent)  # it looks into this folder, and into none in it
        raw = torch.from_numpy(face.embedding)[None]
        made = {"face": raw, "unit_face": torch.from_numpy(face.normed_embedding)[None]}
        shown = _crop(photo, face)
    encoder = Encoder(*job.encoder) if job.encoder else None
    if encoder:
        made |= encoder.features(shown)
    positive = {name: made[name] for name in variant.features}
    negative = {name: torch.zeros_like(tensor) for name, tensor in positive.items()}
    if encoder and variant.encodes_zero_pixels:
        negative["penultimate"] = encoder.zero_pixels()
    return positive, negative


@cache
def _analysis(pack: Path) -> Any:
    from insightface.app import FaceAnalysis

    found = FaceAnalysis(str(pack), allowed_modules=["detection", "recognition"])
    found.prepare(ctx_id=-1, det_size=(640, 640))
    return found


def face_of(photo: Photo, pack: Path) -> Any:
    """insightface's largest face of a photograph."""
    faces = _analysis(pack).get(np.ascontiguousarray(photo[..., ::-1]))
    return max(faces, key=lambda face: (face.bbox[2] - face.bbox[0]) * (face.bbox[3] - face.bbox[1]))


def _crop(photo: Photo, face: Any) -> Photo:
    from insightface.utils.face_align import norm_crop

    return norm_crop(photo, face.kps, CROP)


class Encoder:
    """transformers' image encoder, in float32 with the weights of a file as the host keeps them: rounded to float16."""

    def __init__(self, path: Path, outline: Any) -> None:
        from comfy import clip_vision
        from comfy.utils import load_torch_file
        from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

        name = CONFIGS[outline.penultimate] + ("_336" if outline.tokens == 577 else "")
        config = json.loads((Path(clip_vision.__file__).parent / f"clip_vision_config_{name}.json").read_text("utf-8"))
        weights = load_torch_file(str(path), safe_load=True)
        if "visual.proj" in weights:
            weights = clip_vision.convert_to_transformers(weights, "visual.")
        with torch.device("meta"):
            self.model = CLIPVisionModelWithProjection(CLIPVisionConfig(**config | _sizes(weights)))
        wanted = self.model.state_dict()
        self.model.load_state_dict({key: weights[key].half().float() for key in wanted}, strict=True, assign=True)
        self.model.vision_model.embeddings.position_ids = torch.arange(outline.tokens)[None]
        self.model.eval().requires_grad_(False)
        self.side = config["image_size"]
        self.processor = CLIPImageProcessor(size={"shortest_edge": self.side}, crop_size=self.side)

    def features(self, photo: Photo) -> Features:
        """Pooled and hidden, (1, F) and (1, T, F)."""
        return self._of(self.processor([photo], return_tensors="pt").pixel_values)

    def zero_pixels(self) -> Tensor:
        """The hidden states of an all-zero tensor of normalised pixels."""
        return self._of(torch.zeros(1, 3, self.side, self.side))["penultimate"]

    def _of(self, pixels: Tensor) -> Features:
        out = self.model(pixels, output_hidden_states=True)
        return {"image_embeds": out.image_embeds, "penultimate": out.hidden_states[-2]}


def _sizes(weights: Mapping[str, Tensor]) -> dict[str, int]:
    """What a file itself says of its encoder."""
    layers = {key.split(".")[3] for key in weights if key.startswith("vision_model.encoder.layers.")}
    inner = weights["vision_model.encoder.layers.0.mlp.fc1.weight"].shape[0]
    return {"num_hidden_layers": len(layers), "intermediate_size": inner}
