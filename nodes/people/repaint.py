"""A face in a picture -> the picture with that face painted anew, large and by itself, and put back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import comfy.sample
import torch
from comfy.model_patcher import ModelPatcher
from torch import Tensor

from ...attention.identitynet.apply import Conditioning
from ...attention.regions.crop import Crop, conditioning_for, model_for
from ...face.draw import draw_keypoints
from ...face.patch import Square, pasted, resized, soft_edge, square_around
from ...face.picture import to_image
from ...face.value import Face, Pixels

SEEDS = 2**64
Paint: TypeAlias = "Callable[[Tensor, Crop, Tensor], Tensor]"
"""A square picture (S, S, 3), what crop it is of which picture, its keypoints (1, S, S, 3) -> the square, repainted."""


@dataclass(frozen=True, eq=False)
class Painter:
    """Image-to-image by the host's sampler: what to paint with, and how."""

    model: ModelPatcher
    positive: Conditioning
    negative: Conditioning
    vae: Any
    steps: int
    cfg: float
    sampler_name: str
    scheduler: str
    denoise: float

    def seeded(self, seed: int, progress: Callable[[int], None]) -> Paint:
        """Paints with the noise of a seed; `progress` is told each step."""

        def paint(image: Tensor, crop: Crop, keypoints: Tensor) -> Tensor:
            model, done = model_for(self.model, crop), dict[int, Any]()
            latent = comfy.sample.fix_empty_latent_channels(model, self.vae.encode(image[None]))
            samples = comfy.sample.sample(
                model,
                comfy.sample.prepare_noise(latent, seed % SEEDS),
                self.steps,
                self.cfg,
                self.sampler_name,
                self.scheduler,
                conditioning_for(self.positive, crop, keypoints, done),
                conditioning_for(self.negative, crop, keypoints, done),
                latent,
                denoise=self.denoise,
                callback=lambda step, *_: progress(step + 1),
                disable_pbar=True,
                seed=seed % SEEDS,
            )
            return self.vae.decode(samples)[0]

        return paint


@dataclass(frozen=True, eq=False)
class Repainted:
    """The picture (H, W, 3), where it was repainted (H, W), and the square before and after, side by side."""

    picture: Tensor
    mask: Tensor
    compared: Pixels


@dataclass(frozen=True)
class Repaint:
    """How a square is cut: its side when painted, how much there is around the face, its soft edge."""

    resolution: int
    context: float
    feather: float

    def face(self, picture: Tensor, index: int, face: Face, paint: Paint) -> Repainted:
        """Picture `index` of its batch, (H, W, 3), with one of its faces repainted; outside of the square bit for bit."""
        square = square_around(face, self.context)
        before = resized(square.of(picture), self.resolution)
        points = square.points(face.keypoints, self.resolution)
        keypoints = to_image([draw_keypoints([points], (self.resolution, self.resolution))])
        after = paint(before, _crop(square, index), keypoints).to(before)
        edge = soft_edge(square, self.feather)
        mask = torch.zeros(picture.shape[:2])
        square.of(mask).copy_(edge)
        return Repainted(
            pasted(picture, resized(after, square.side), square, edge), mask, _pixels(torch.cat([before, after], dim=1))
        )


def _crop(square: Square, index: int) -> Crop:
    width, height = square.size
    right, bottom = square.left + square.side, square.top + square.side
    return Crop(index, square.left / width, square.top / height, right / width, bottom / height)


def _pixels(image: Tensor) -> Pixels:
    return image.clamp(0, 1).mul(255).round().to(torch.uint8).cpu().numpy()
