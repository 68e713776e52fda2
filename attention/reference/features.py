"""The table of features: what adapters read of a reference, who makes each, and which weight of a projection reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

ENCODER = "image encoder"
RECOGNISER = "face recogniser"


@dataclass(frozen=True)
class Feature:
    """One kind of features of n pictures, F wide.

    `dimensions` counts those of its tensor (n, ..., F). `made_by` is ENCODER or RECOGNISER. `read_by` names the weights
    (rows, F) of image projections that read it: the first of them that a projection has tells F.
    """

    name: str
    dimensions: int
    made_by: str
    read_by: tuple[str, ...]

    def width(self, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
        """F, for a projection whose weights have these shapes; None where it does not read the feature."""
        return next((shapes[key][1] for key in self.read_by if key in shapes), None)


FEATURES: Mapping[str, Feature] = MappingProxyType(
    {
        row.name: row
        for row in (
            # Pooled, and projected where the encoder does so.
            Feature("image_embeds", 2, ENCODER, ("proj.weight", "proj.0.weight")),
            # Hidden states (n, L, F) before the last layer.
            Feature(
                "penultimate", 3, ENCODER, ("perceiver_resampler.proj_in.weight", "proj_in.weight", "proj.0.weight")
            ),
            # As the recogniser gives it, 512 wide.
            Feature("face", 2, RECOGNISER, ("proj_in.weight", "proj.0.weight")),
            # The same of length 1.
            Feature("unit_face", 2, RECOGNISER, ("proj.0.weight",)),
        )
    }
)


def of_encoder(names: Iterable[str]) -> str | None:
    """The feature among these that an image encoder makes, None where there is none: every adapter reads one at most."""
    return next((name for name in names if FEATURES[name].made_by == ENCODER), None)
