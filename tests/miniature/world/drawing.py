"""Draws with the world's models through the host's sampler, many references at once: picture i from reference i."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import comfy.sample
import torch
from pack.attention.adapter.adapter import Adapter
from pack.attention.adapter.checkpoint import read
from pack.attention.branch.attachment import Attachment
from pack.attention.branch.build import key_values
from pack.attention.branch.fusion import Fusion
from pack.attention.identitynet.apply import apply_identitynet
from pack.attention.identitynet.hint import Hint
from pack.attention.identitynet.net import FaceContext, IdentityNet
from pack.attention.reference.embeds import Embeds
from pack.attention.sampling.attach import attach
from pack.attention.weights.layer_presets import LINEAR, preset
from pack.attention.weights.layer_text import parse
from torch import Tensor

from . import files, models
from .shapes import SIDE

STEPS, CFG, SEED = 20, 3.0, 40


@dataclass(frozen=True)
class Branch:
    """How the reference acts; `layers` is a preset or what one writes in Layer Weights."""

    weight: float = 1.0
    layers: str = LINEAR
    fusion: str = "add"


class World:
    """The world's models, loaded once; `side` is that of the pictures their base model draws, in pixels."""

    def __init__(self, folder: Path = files.WEIGHTS, side: int = SIDE) -> None:
        self.side = side
        self.model = models.unet(folder)
        self.vae = models.vae(folder)
        self.clip = models.clip()
        self.folder = folder
        self._texts: dict[str, Any] = {}

    def adapter(self, name: str) -> Adapter:
        return Adapter(read(self.folder / name))

    def text(self, texts: Sequence[str]) -> list[list[Any]]:
        """The host's conditioning of one text for each picture."""
        for text in texts:
            if text not in self._texts:
                self._texts[text] = self.clip.encode_from_tokens_scheduled(self.clip.tokenize(text))[0]
        entries = [self._texts[text] for text in texts]
        pooled = torch.cat([entry[1]["pooled_output"] for entry in entries])
        return [[torch.cat([entry[0] for entry in entries]), {"pooled_output": pooled}]]

    def sampled(self, model: Any, positive: Any, negative: Any, count: int, seed: int = SEED) -> Tensor:
        """Pictures (n, side, side, 3)."""
        empty = torch.zeros(count, 4, self.side // 8, self.side // 8)
        noise = comfy.sample.prepare_noise(empty, seed)
        latent = comfy.sample.sample(
            model, noise, STEPS, CFG, "euler", "normal", positive, negative, empty, disable_pbar=True, seed=seed
        )
        return self.vae.decode(latent)[..., :3]

    def by_text(self, texts: Sequence[str], model: Any = None) -> Tensor:
        """Picture i from text i, by this model or the plain one."""
        return self.sampled(model or self.model, self.text(texts), self.text([""] * len(texts)), len(texts))

    def drawn(self, texts: Sequence[str], adapter: Adapter, seen: Embeds, branch: Branch) -> Tensor:
        """Picture i from text i and reference i."""
        return self.by_text(texts, attach(self.model, attachment(adapter, seen, branch)))

    def held(self, texts: Sequence[str], adapter: Adapter, seen: Embeds, hints: Tensor, weight: float) -> Tensor:
        """Picture i from text i, with face i at the keypoints of hint i (n, side, side, 3); weight 0 leaves IdentityNet
        out as well."""
        model = attach(self.model, attachment(adapter, seen, Branch(weight)))
        nothing = no_picture(seen)
        face = FaceContext(adapter.tokens(seen), adapter.tokens(nothing))
        net = IdentityNet(models.identitynet(self.folder), face)
        sides = self.text(texts), self.text([""] * len(texts))
        positive, negative = apply_identitynet(net, Hint(hints, strength=min(weight, 1.0)), *sides)
        return self.sampled(model, positive, negative, len(texts))


def no_picture(seen: Embeds) -> Embeds:
    """What stands for no reference."""
    return seen.with_features(**{name: torch.zeros_like(seen.feature(name)[:1]) for name in seen.names})


def attachment(adapter: Adapter, seen: Embeds, branch: Branch) -> Attachment:
    """The branch of n references, one for each picture."""
    family = adapter.identity.family.name
    layers = parse(branch.layers, family) if ":" in branch.layers else preset(branch.layers, family)
    return Attachment(
        key_values(adapter, seen, per_frame=True),
        key_values(adapter, no_picture(seen)),
        scale=branch.weight,
        layer_scales=layers.by_block,
        fusion=Fusion(branch.fusion),
    )
