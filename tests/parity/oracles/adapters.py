"""Seeded adapters in the published layout, and what one use of an adapter on a model is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from . import authors
from .projections import Features, Projection, negative_features, positive_features, projection
from .seeds import fill
from .unets import twin

TOKENS = {"base": 4, "base_vit_g": 4, "faceid": 4, "faceid_plus": 4, "faceid_plus_v2": 4, "kolors_faceid_plus": 6}
"""Image tokens; the others make 16."""
BESIDE_THE_TEXT = ("kolors_faceid_plus",)
"""Variants whose tokens stand beside the text before the network projects it, and are as wide."""


@dataclass(frozen=True)
class Adapter:
    """One adapter for the small UNet of a family."""

    variant: str
    family: str
    projection: Projection
    attention: Mapping[str, Tensor]  # published names, below `ip_adapter.`
    lora_rank: int | None

    @property
    def checkpoint(self) -> dict[str, dict[str, Tensor]]:
        """The nested form of a published `.bin`."""
        return {
            "image_proj": self.projection.state,
            "ip_adapter": {key: tensor.clone() for key, tensor in self.attention.items()},
        }

    def save(self, path: Path) -> Path:
        """Write it as published: nested in a `.bin`, flat in a `.safetensors`."""
        if path.suffix == ".bin":
            torch.save(self.checkpoint, path)
        else:
            flat = {f"{part}.{key}": t for part, tensors in self.checkpoint.items() for key, t in tensors.items()}
            safetensors.torch.save_file(flat, path)
        return path


@cache
def adapter(variant: str, family: str, seed: int = 0, lora_rank: int | None = None) -> Adapter:
    """A seeded adapter; with `lora_rank` its attention part holds FaceID's LoRA for every layer too."""
    spec = twin(family)
    made = authors.attention_part(spec.unet, TOKENS.get(variant, 16), lora_rank)
    attention = fill(made, "attention", variant, family, seed).state_dict()
    width = spec.family.text_dim if variant in BESIDE_THE_TEXT else spec.family.context_dim
    return Adapter(variant, family, projection(variant, width, seed), attention, lora_rank)


@dataclass(frozen=True)
class Use:
    """An adapter acting on a model: features of both halves, scale, and what the references let one set.

    `scale` is a number, or one for each layer by its index in the checkpoint (1, 3, 5 ...).
    """

    adapter: Adapter
    positive: Features
    negative: Features
    scale: float | Mapping[int, float] = 1.0
    shortcut_scale: float = 1.0
    options: Mapping[str, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if self.adapter.variant == "faceid_plus_v2":
            object.__setattr__(self, "options", {"shortcut_scale": self.shortcut_scale})

    def scale_at(self, index: int) -> float:
        return self.scale[index] if isinstance(self.scale, Mapping) else self.scale

    def tokens(self) -> Tensor:
        """The authors' image tokens (2, n * T, C), negative half first."""
        halves = (self.negative, self.positive)
        return torch.cat([self.adapter.projection.tokens(half, **self.options) for half in halves])


def use(
    variant: str,
    family: str,
    pictures: int = 1,
    scale: float | Mapping[int, float] = 1.0,
    seed: int = 0,
    lora_rank: int | None = None,
    shortcut_scale: float = 1.0,
) -> Use:
    """A seeded adapter with seeded features of `pictures` references."""
    return Use(
        adapter(variant, family, seed, lora_rank),
        positive_features(variant, pictures, seed),
        negative_features(variant, pictures),
        scale,
        shortcut_scale,
    )
