"""The recipes of Apply InstantID: strengths, range and fusion that go together, by what the picture is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ...attention.branch.fusion import ORTHOGONAL_WITH_MASS
from ...attention.weights.schedule import WHOLE, Range

NONE = "none"


@dataclass(frozen=True)
class Recipe:
    """`weight` of the branch, `strength` of IdentityNet, the range of both, and how the branch joins the text."""

    weight: float
    strength: float
    range: Range
    fusion: str

    def inputs(self) -> dict[str, float | str]:
        """What it sets, by the names of the inputs of Apply InstantID."""
        return {
            "weight": self.weight,
            "strength": self.strength,
            "fusion": self.fusion,
            "start_percent": self.range.start,
            "end_percent": self.range.end,
            "identitynet_start": self.range.start,
            "identitynet_end": self.range.end,
        }


# The authors' own advice: likeness comes from both strengths, burned colours first from the branch, and what the text
# says is lost to the branch; 0.8 and 0.8 are theirs. An early end leaves the last steps, which make texture, to the text.
RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "portrait": Recipe(0.8, 0.8, WHOLE, "add"),
        "stylised": Recipe(0.7, 0.6, Range(0.0, 0.8), ORTHOGONAL_WITH_MASS),
        "strong likeness": Recipe(1.0, 0.9, WHOLE, "add"),
        "loose likeness": Recipe(0.5, 0.4, Range(0.0, 0.7), "orthogonal"),
    }
)
