"""What bench/training.py trains: base models of published widths with seeded weights, made on the device, and pictures to learn from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from widths import WIDTHS
from widths import widen as published_widths


@dataclass(frozen=True)
class Lesson:
    """What is trained: a variant for a family, at a side in pixels, so many pictures at a time."""

    name: str
    family: str
    variant: str
    side: int
    batch: int


LESSONS = (
    Lesson("sd15", "sd15", "base", 512, 8),
    Lesson("sd15-256", "sd15", "base", 256, 4),
    Lesson("sdxl", "sdxl", "plus", 1024, 1),
    Lesson("instantid", "sdxl", "instantid", 1024, 1),
)
EXAMPLES = 8
FACE, POOLED, PATCHES = 512, 1024, (257, 1280)


class World:
    """A base model of each family, made once on the device; every training gets a copy with the same weights."""

    def __init__(self, small: bool, device: Any) -> None:
        import torch

        self.small, self.device = small, device
        self.dtype = torch.float32 if small else torch.float16
        self._weights: dict[str, dict[str, Any]] = {}

    def model(self, family: str) -> Any:
        import comfy.model_management as management
        from comfy.model_patcher import ModelPatcher
        from miniature import families, models

        network = models.host_config(families.FAMILIES[family], self.dtype).get_model({})
        weights = self._weights.get(family)
        if weights is None:
            weights = self._weights[family] = self._drawn(network, family)
        network.diffusion_model.load_state_dict({name: w.clone() for name, w in weights.items()}, assign=True)
        network.requires_grad_(False)
        patcher = ModelPatcher(network, management.get_torch_device(), management.unet_offload_device())
        # Nobody else uses this one, so the trainer may have it in place of a copy.
        patcher.cached_patcher_init = (lambda disable_dynamic=False: patcher, ())
        return patcher

    def _drawn(self, network: Any, family: str) -> dict[str, Any]:
        from miniature import models, seeded

        tensors = seeded.values(network.diffusion_model, 1)
        last = len(network.diffusion_model.output_blocks) - 1
        models.hand_the_latent_through(tensors, f"output_blocks.{last}")
        return {name: tensor.to(self.device, self.dtype) for name, tensor in tensors.items()}


def widen(device: Any) -> None:
    """Give the miniatures their published widths, and draw weights on the device: on the processor it takes a minute."""
    import torch
    from miniature import seeded

    published_widths(*WIDTHS)

    def normal(seed: int, name: str, shape: Any, std: float = 1.0, mean: float = 0.0) -> Any:
        number = hashlib.sha256(f"{seed}/{name}".encode()).digest()[:7]
        generator = torch.Generator(device).manual_seed(int.from_bytes(number, "big"))
        return torch.randn(tuple(shape), generator=generator, device=device).mul_(std).add_(mean)

    seeded.normal = normal


def dataset_of(lesson: Lesson, small: bool) -> Any:
    """Seeded latents, texts, features and, for InstantID, keypoint pictures."""
    import torch
    from miniature import families
    from pack.attention.reference.embeds import Embeds
    from pack.attention.training.dataset import Dataset, Example

    draw = torch.Generator().manual_seed(7)
    context = families.FAMILIES[lesson.family].context_dim
    pooled = families.FAMILIES[lesson.family].text.get("clip_g")
    side = 64 if small else lesson.side

    def normal(*shape: int) -> Any:
        return torch.randn(*shape, generator=draw)

    def text() -> Any:
        return [normal(1, 77, context), {"pooled_output": normal(1, pooled)} if pooled else {}]

    def features() -> Embeds:
        made = {"base": {"image_embeds": (1, POOLED)}, "plus": {"penultimate": (1, *PATCHES)}}
        shapes = made.get(lesson.variant, {"face": (1, FACE)})
        return Embeds(**{name: normal(*shape) for name, shape in shapes.items()})

    has_hint = lesson.variant == "instantid"
    examples = [
        Example(
            normal(4, side // 8, side // 8),
            text(),
            features(),
            torch.rand(3, side, side, generator=draw) if has_hint else None,
        )
        for _ in range(EXAMPLES)
    ]
    empty = features()
    (name,) = empty.names
    return Dataset(tuple(examples), text(), empty.with_features(**{name: torch.zeros_like(empty.feature(name))}))
