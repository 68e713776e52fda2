"""The authors' projection of each variant with seeded weights, and features for it in both polarities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor, nn

from . import authors
from .seeds import fill, normal

FACE = 512
VIT_H, BIG_G, VIT_L = (257, 1280, 1024), (257, 1664, 1280), (577, 1024, 768)  # tokens, hidden width, pooled width

Features = Mapping[str, Tensor]
"""By name, one row for each picture: image_embeds (n, F), penultimate (n, T, F), face (n, 512), unit_face (n, 512)."""


@dataclass(frozen=True)
class Kind:
    """How a variant's projection is made and what it reads, in the order of its arguments."""

    make: Callable[[int], nn.Module]  # from the context width
    reads: tuple[str, ...]
    encoder: tuple[int, int, int] = VIT_H
    encodes_zero_pixels: bool = False  # the unconditional half's penultimate is that of zero pixels, not zeros


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "base": Kind(lambda c: authors.base(c, 1024), ("image_embeds",)),
        "base_vit_g": Kind(lambda c: authors.base(c, 1280), ("image_embeds",), BIG_G),
        "full_face": Kind(authors.full, ("penultimate",), encodes_zero_pixels=True),
        "plus": Kind(lambda c: authors.plus(c, 128, 2), ("penultimate",), encodes_zero_pixels=True),
        "faceid": Kind(authors.faceid, ("unit_face",)),
        "portrait": Kind(lambda c: authors.faceid(c, 16), ("unit_face",)),
        "faceid_plus": Kind(
            lambda c: authors.faceid_plus(c, shortcut=False), ("unit_face", "penultimate"), encodes_zero_pixels=True
        ),
        "faceid_plus_v2": Kind(
            lambda c: authors.faceid_plus(c, shortcut=True), ("unit_face", "penultimate"), encodes_zero_pixels=True
        ),
        "portrait_unnorm": Kind(lambda c: authors.plus(c, 128, 2, encoder=FACE), ("face",)),
        "instantid": Kind(lambda c: authors.plus(c, 128, 2, encoder=FACE), ("face",)),
        # Kolors' own proportions: fewer attention than model channels; six tokens.
        "kolors_plus": Kind(
            lambda c: authors.plus(c, 256, 2, encoder=1024), ("penultimate",), VIT_L, encodes_zero_pixels=True
        ),
        "kolors_faceid_plus": Kind(
            lambda c: authors.faceid_plus(c, shortcut=True, encoder=1024, tokens=6), ("face", "penultimate"), VIT_L
        ),
    }
)


@dataclass(frozen=True)
class Projection:
    """The authors' module of one variant, and its weights under the published names (below `image_proj.`)."""

    variant: str
    module: nn.Module

    @property
    def state(self) -> dict[str, Tensor]:
        return {key: tensor.clone() for key, tensor in self.module.state_dict().items()}

    @torch.no_grad()
    def tokens(self, features: Features, **options: float) -> Tensor:
        """Features of n pictures -> image tokens (1, n * T, C), picture after picture."""
        arguments = [features[name] for name in KINDS[self.variant].reads]
        if self.variant in ("instantid", "portrait_unnorm"):
            arguments = [face[:, None] for face in arguments]  # a sequence of one face
        return self.module(*arguments, **options).flatten(0, 1)[None]


@cache
def projection(variant: str, context_dim: int, seed: int = 0) -> Projection:
    """The authors' projection of a variant, published input width, seeded weights; made once in a process."""
    return Projection(variant, fill(KINDS[variant].make(context_dim), "projection", variant, context_dim, seed))


def positive_features(variant: str, pictures: int = 1, seed: int = 0) -> dict[str, Tensor]:
    """Seeded features of `pictures` references; raw face embeddings are about 20 long, as ArcFace's are."""
    kind = KINDS[variant]
    sequence, hidden, pooled = kind.encoder
    key = ("features", variant, seed)
    face = normal(pictures, FACE, key=(*key, "face"))
    every = {
        "image_embeds": lambda: normal(pictures, pooled, key=(*key, "image_embeds")),
        "penultimate": lambda: normal(pictures, sequence, hidden, key=(*key, "penultimate")),
        "face": lambda: face * (20 / face.norm(dim=-1, keepdim=True)),
        "unit_face": lambda: face / face.norm(dim=-1, keepdim=True),
    }
    return {name: every[name]() for name in kind.reads}


def negative_features(variant: str, pictures: int = 1) -> dict[str, Tensor]:
    """The reference's unconditional features: zeros before the projection, or the encoded zero pixels.

    What the encoder makes of an all-zero tensor of normalised pixels is here one seeded tensor for each
    encoder width, the same for every picture.
    """
    kind = KINDS[variant]
    sequence, hidden, _ = kind.encoder
    made = {name: torch.zeros_like(tensor) for name, tensor in positive_features(variant, pictures).items()}
    if kind.encodes_zero_pixels:
        made["penultimate"] = zero_pixels(sequence, hidden).expand(pictures, -1, -1).clone()
    return made


def zero_pixels(sequence: int, hidden: int) -> Tensor:
    """Stands for the penultimate states (1, T, F) of an all-zero tensor of normalised pixels."""
    return normal(1, sequence, hidden, key=("zero pixels", sequence, hidden))
