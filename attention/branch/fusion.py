"""How a branch's attention joins the text's: the rules, each reading the same base."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from einops import rearrange
from torch import Tensor

from ..inputs import check_number

Strength = float | Tensor
"""The branch's factor in a layer: one number, or one for each row (rows, 1, 1)."""


@dataclass(frozen=True)
class Fusion:
    """A rule and its settings.

    `cap` bounds 'norm cap'. `zero_tokens` are appended to the keys and values as zeros: they take attention
    from the real tokens. `mass_tokens` are the first tokens whose share of attention 'orthogonal v2' keeps;
    0 means all real ones.
    """

    rule: str = "add"
    cap: float = 1.0
    zero_tokens: int = 0
    mass_tokens: int = 0

    def __post_init__(self) -> None:
        if self.rule not in FUSION_RULES:
            raise ValueError(f"there is no fusion rule '{self.rule}'; choose one of: {', '.join(FUSION_RULES)}.")
        check_number(self.cap, "cap")
        if self.weighs_mass and self.zero_tokens < 1 and not self.mass_tokens:
            raise ValueError(
                f"fusion '{ORTHOGONAL_WITH_MASS}' needs zero_tokens of 1 or more (PuLID uses 8), or mass_tokens below the "
                "number of the reference's tokens: without them the share of attention is always 1 and the rule does the "
                "same as 'add'."
            )

    @property
    def adds(self) -> bool:
        """Whether the delta is just strength times the image attention."""
        return self.rule == "add"

    @property
    def weighs_mass(self) -> bool:
        return self.rule == ORTHOGONAL_WITH_MASS


ORTHOGONAL_WITH_MASS = "orthogonal v2"
Rule = Callable[[Tensor, Tensor, Strength, Tensor | None, Fusion], Tensor]


def delta(base: Tensor, image: Tensor, strength: Strength, mass: Tensor | None, fusion: Fusion) -> Tensor:
    """What to add to the text's attention `base` (rows, N, D) for the image's attention `image`, same shape."""
    exact = FUSION_RULES[fusion.rule](base.float(), image.float(), strength, mass, fusion)
    return exact.to(base.dtype)


def _add(_base: Tensor, image: Tensor, strength: Strength, _mass: Tensor | None, _fusion: Fusion) -> Tensor:
    return strength * image


def _orthogonal(base: Tensor, image: Tensor, strength: Strength, _mass: Tensor | None, _fusion: Fusion) -> Tensor:
    return strength * (image - _along(base, image))


def _orthogonal_with_mass(
    base: Tensor, image: Tensor, strength: Strength, mass: Tensor | None, _fusion: Fusion
) -> Tensor:
    assert mass is not None
    return strength * (image + (mass.float() - 1) * _along(base, image))


def _norm_cap(base: Tensor, image: Tensor, strength: Strength, _mass: Tensor | None, fusion: Fusion) -> Tensor:
    scaled = strength * image
    limit = fusion.cap * base.norm(dim=-1, keepdim=True)
    return scaled * (limit / scaled.norm(dim=-1, keepdim=True).clamp_min(1e-12)).clamp_max(1)


def _along(base: Tensor, image: Tensor) -> Tensor:
    """The part of `image` that lies along `base`, each channel over all positions (PuLID, 2404.16022)."""
    share = (base * image).sum(dim=-2, keepdim=True) / (base * base).sum(dim=-2, keepdim=True).clamp_min(1e-12)
    return share * base


FUSION_RULES: Mapping[str, Rule] = {
    "add": _add,
    "orthogonal": _orthogonal,
    ORTHOGONAL_WITH_MASS: _orthogonal_with_mass,
    "norm cap": _norm_cap,
}


def mass_on_first(q: Tensor, key: Tensor, heads: int, tokens: int, bias: Tensor | None = None) -> Tensor:
    """The share of attention that queries (G, N, D) give the first `tokens` of keys (G, T, D): (G, N, 1).

    The product is not divided by the root of the head width, as in PuLID's source, and heads are averaged.
    `bias` (G, 1, T) is added to it.
    """
    q, key = (rearrange(x, "g t (h d) -> g h t d", h=heads).float() for x in (q, key))
    logits = q @ key.mT
    if bias is not None:
        logits = logits + bias[:, None]
    return torch.softmax(logits, dim=-1)[..., :tokens].sum(-1).mean(1)[..., None]
