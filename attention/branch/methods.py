"""How a branch joins the text by name: the rules themselves, what an adapter's authors do, and PuLID's two methods."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .fusion import FUSION_RULES, ORTHOGONAL_WITH_MASS, Fusion

AS_AUTHORS, FIDELITY, STYLE = "as authors", "fidelity", "style"
METHODS = (AS_AUTHORS, *FUSION_RULES, FIDELITY, STYLE)
"""What a node offers."""

ID_TOKENS = 5
"""Those of PuLID's tokens whose share of attention is measured, in both of its versions."""
_FIDELITY: Mapping[str, Fusion] = MappingProxyType(
    {
        "pulid_v1": Fusion(ORTHOGONAL_WITH_MASS, zero_tokens=8, mass_tokens=ID_TOKENS),
        "pulid_v1_1": Fusion(ORTHOGONAL_WITH_MASS, zero_tokens=20, mass_tokens=ID_TOKENS),
    }
)
"""Variant -> its authors' default, which is their method for likeness."""
_OTHERS: Mapping[str, Fusion] = MappingProxyType(
    {
        AS_AUTHORS: Fusion(),
        FIDELITY: Fusion(ORTHOGONAL_WITH_MASS, zero_tokens=8),
        STYLE: Fusion("orthogonal", zero_tokens=16),
        # Without empty tokens this rule is the plain sum.
        ORTHOGONAL_WITH_MASS: Fusion(ORTHOGONAL_WITH_MASS, zero_tokens=8),
    }
)


def fusion_of(method: str, variant: str) -> Fusion:
    """The fusion that one of METHODS is for a variant of adapter."""
    if method in (AS_AUTHORS, FIDELITY) and variant in _FIDELITY:
        return _FIDELITY[variant]
    return _OTHERS.get(method) or Fusion(method)
