"""Fits the world's image encoder: the test miniature's ViT-H, which learns to tell what pictures of shapes show.

Its pooled embeds tell every attribute, and where and how large the shape is, by linear maps, on pictures drawn anew for
each step; no picture is seen twice.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from comfy.clip_model import clip_preprocess
from pack.attention.reference.encode import encode
from torch import Tensor, nn
from torch.nn import Linear

from .. import models, seeded
from .fitting import Plan, device, fit, half
from .judge import truth
from .layout import VISION, VISION_SEED
from .pictures import Drawn, as_images, draw_shapes
from .shapes import ATTRIBUTES, POSITIONS, SIDE

PROJECTION = "visual_projection.weight"
SEED = 500_000  # of the first step's pictures; what is measured has other seeds
BATCH = 32
PLAN = Plan(steps=2000, rate=1.5e-3, warmup=200)
SHAKE = 0.02  # deviation of the noise that pictures get, 0..1
MEASURED = 512  # pictures by which the embeds get the deviation 1
CIRCLE = 3  # where the centre is, and the radius, in parts of the side


class Lesson(nn.Module):
    """The encoder with what it is taught by: linear maps from its embeds to each attribute, and to the shape's circle."""

    def __init__(self) -> None:
        super().__init__()
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection  # seconds, which only fitting needs

        config = CLIPVisionConfig(**models.vision_config(VISION))
        self.encoder = CLIPVisionModelWithProjection(config)  # the host's adds in place, which cannot be trained
        self.encoder.load_state_dict(seeded.values(self.encoder, VISION_SEED), strict=False)
        self.width = config.projection_dim
        self.attributes = nn.ModuleDict({name: Linear(self.width, len(names)) for name, names in ATTRIBUTES.items()})
        self.circle = Linear(self.width, CIRCLE)

    def embeds(self, pictures: Tensor) -> Tensor:
        """The pooled embeds (n, F) of pictures (n, 64, 64, 3), 0..1."""
        return self.encoder(clip_preprocess(pictures)).image_embeds

    def loss(self, pictures: Tensor, told: dict[str, Tensor], circles: Tensor) -> Tensor:
        with half():
            seen = F.layer_norm(self.embeds(pictures), (self.width,)).float()
        rows = [F.cross_entropy(head(seen), told[name]) for name, head in self.attributes.items()]
        return torch.stack(rows).sum() + 20 * F.mse_loss(self.circle(seen), circles)


def circles(drawn: list[Drawn]) -> Tensor:
    """The circles that shapes lie in (n, 3): centre and radius, in parts of the side."""
    shapes = [each.shape for each in drawn if each.shape]
    rows = [
        (POSITIONS[shape.position][1] + shape.shift[0] / SIDE, 0.5 + shape.shift[1] / SIDE, shape.radius / SIDE)
        for shape in shapes
    ]
    return torch.tensor(rows)


def pooled(encoder: Any, pixels: Tensor) -> Tensor:
    """The pooled image embeds (n, F) of pictures (n, 64, 64, 3), 8 bit."""
    with torch.inference_mode():
        rows = [encode(encoder, part.float() / 255).feature("image_embeds") for part in pixels.split(8)]
    return torch.cat(rows).contiguous()


def make(folder: Path) -> dict[str, Tensor]:
    """Fit it, resuming from `folder`; over drawn pictures its embeds have the deviation 1."""
    torch.manual_seed(SEED)
    lesson = Lesson()

    def step_loss(step: int) -> Tensor:
        drawn = draw_shapes(SEED + step, BATCH)
        generator = torch.Generator().manual_seed(SEED + step)
        pictures = as_images(drawn)
        pictures = pictures + SHAKE * torch.randn(pictures.shape, generator=generator)
        told = {name: values.to(device()) for name, values in truth(drawn, "shape").items()}
        return lesson.loss(pictures.to(device()), told, circles(drawn).to(device()))

    kept = fit(lesson, step_loss, PLAN, folder / "encoder.state", folder / "encoder.log")
    lesson.load_state_dict(kept)
    with torch.no_grad():
        seen = torch.cat([lesson.embeds(part) for part in as_images(draw_shapes(SEED - 1, MEASURED)).split(BATCH)])
    weights = dict(lesson.encoder.state_dict())
    return weights | {PROJECTION: weights[PROJECTION] / seen.std()}
