"""The table of features: what adapters read of a reference, who makes each, and which weight of a projection reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

ENCODER = "image encoder"
RECOGNISER = "face recogniser"
FACE = 512
"""The width of every ArcFace embedding."""
SIDE_BY_SIDE = ("body.0.weight", "id_embedding_mapping.0.weight")
"""The weights of PuLID's encoders that read `face` and `face_pooled` as one."""


@dataclass(frozen=True)
class Feature:
    """One kind of features of n pictures, F wide.

    `dimensions` counts those of its tensor (n, ..., F). `made_by` is ENCODER or RECOGNISER. `read_by` names the weights
    (rows, F) of image projections that read it: the first of them that a projection has tells F. `share` tells F of the
    width of a weight that reads a face and its picture's pooled embedding side by side.
    """

    name: str
    dimensions: int
    made_by: str
    read_by: tuple[str, ...]
    share: Callable[[int], int] | None = None

    def width(self, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
        """F, for a projection whose weights have these shapes; None where it does not read the feature."""
        alone = next((shapes[key][1] for key in self.read_by if key in shapes), None)
        beside = next((shapes[key][1] for key in SIDE_BY_SIDE if key in shapes), None)
        return self.share(beside) if alone is None and beside is not None and self.share else alone


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
            Feature("face", 2, RECOGNISER, ("proj_in.weight", "proj.0.weight"), share=lambda _: FACE),
            # The same of length 1.
            Feature("unit_face", 2, RECOGNISER, ("proj.0.weight", "proj_in.weight")),
            # Hidden states (n, 5, L, F) of a face's picture, from five depths of the encoder.
            Feature("face_hidden", 4, ENCODER, ("mapping_0.0.weight",)),
            # Pooled, projected and of length 1, of the same picture.
            Feature("face_pooled", 2, ENCODER, (), share=lambda whole: whole - FACE),
        )
    }
)


def of_encoder(names: Iterable[str]) -> str | None:
    """The first feature among these that an image encoder makes, None where there is none: an adapter reads one encoder."""
    return next((name for name in names if FEATURES[name].made_by == ENCODER), None)
