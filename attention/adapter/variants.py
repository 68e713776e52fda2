"""The table of adapter variants, and which of its rows fit a checkpoint's shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import nn

from ..reference.features import of_encoder
from .perceiver import FacePerceiverProjection, Resampler
from .projection import FaceProjection, HiddenStatesProjection, ImageProjection, Shapes

Condition = Callable[[Shapes], bool]


def has(*keys: str) -> Condition:
    return lambda shapes: all(key in shapes for key in keys)


def lacks(*keys: str) -> Condition:
    return lambda shapes: not any(key in shapes for key in keys)


def size(key: str, dim: int, *lengths: int) -> Condition:
    return lambda shapes: dim < len(shapes[key]) and shapes[key][dim] in lengths


def other_size(key: str, dim: int, *lengths: int) -> Condition:
    return lambda shapes: dim < len(shapes[key]) and shapes[key][dim] not in lengths


def tokens_per_face(*counts: int) -> Condition:
    return lambda shapes: shapes["proj.2.weight"][0] // shapes["norm.weight"][0] in counts


@dataclass(frozen=True)
class PublishedFile:
    """A file whose variant its keys cannot tell; its exact size in bytes and its sha256 can."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Variant:
    """One kind of adapter: how it is recognised and what its projection reads.

    It is recognised by its image projection's keys and sizes (`when`; the first condition that fails ends the
    test). `features` are the projection's inputs, in order, by their names in `FEATURES`. In the unconditional half every feature is zeros,
    but with `encodes_zero_pixels` the penultimate hidden states are those of an all-zero tensor of normalised
    pixels, as in the authors' code. `recogniser` is the network whose face embeddings it was trained with.
    """

    name: str
    label: str
    projection: type[nn.Module]
    features: tuple[str, ...]
    when: tuple[Condition, ...]
    encodes_zero_pixels: bool = False
    recogniser: str | None = None
    options: Mapping[str, bool] = field(default_factory=dict[str, bool])
    published: tuple[PublishedFile, ...] = ()

    @property
    def encoder_feature(self) -> str | None:
        """What it reads of an image encoder; None where it reads faces alone."""
        return of_encoder(self.features)

    def fits(self, shapes: Shapes) -> bool:
        return all(condition(shapes) for condition in self.when)


_FACE_MLP = has("proj.0.weight", "proj.2.weight", "norm.weight")
_PERCEIVER = "perceiver_resampler.proj_in.weight"
_RESAMPLER = has("latents", "proj_in.weight")
_READS_A_FACE = size("proj_in.weight", 1, 512)  # the width of every ArcFace embedding
_READS_A_PICTURE = other_size("proj_in.weight", 1, 512)
_KOLORS_WIDTH = ("latents", 2, 2048)  # Kolors' resampler is wider than any other
_KOLORS_CONTEXT = ("norm.weight", 0, 4096)  # before the UNet's own encoder_hid_proj

BUFFALO = "ResNet50"  # the recogniser of InsightFace's buffalo_l
ANTELOPE = "ResNet100"  # that of antelopev2; the two spaces have nothing in common

VARIANTS: tuple[Variant, ...] = (
    Variant("base", "IP-Adapter", ImageProjection, ("image_embeds",), (has("proj.weight", "norm.weight"),)),
    Variant(
        "full_face",
        "IP-Adapter full face",
        HiddenStatesProjection,
        ("penultimate",),
        (has("proj.0.weight", "proj.3.weight"),),
        encodes_zero_pixels=True,
    ),
    Variant(
        "plus",
        "IP-Adapter plus",
        Resampler,
        ("penultimate",),
        (_RESAMPLER, _READS_A_PICTURE, other_size(*_KOLORS_WIDTH)),
        encodes_zero_pixels=True,
    ),
    Variant(
        "kolors_plus",
        "Kolors IP-Adapter plus",
        Resampler,
        ("penultimate",),
        (_RESAMPLER, _READS_A_PICTURE, size(*_KOLORS_WIDTH)),
        encodes_zero_pixels=True,
    ),
    Variant(
        "faceid",
        "FaceID",
        FaceProjection,
        ("unit_face",),
        (_FACE_MLP, lacks(_PERCEIVER, "proj.3.weight"), tokens_per_face(4)),
        recogniser=BUFFALO,
    ),
    Variant(
        "portrait",
        "FaceID portrait",
        FaceProjection,
        ("unit_face",),
        (_FACE_MLP, lacks(_PERCEIVER, "proj.3.weight"), tokens_per_face(16)),
        recogniser=BUFFALO,
    ),
    Variant(
        "faceid_plus",
        "FaceID plus",
        FacePerceiverProjection,
        ("unit_face", "penultimate"),
        (_FACE_MLP, has(_PERCEIVER), other_size(*_KOLORS_CONTEXT)),
        encodes_zero_pixels=True,
        options={"shortcut": False},
        published=(PublishedFile(156_558_503, "252fb53e0d018489d9e7f9b9e2001a52ff700e491894011ada7cfb471e0fadf2"),),
        recogniser=BUFFALO,
    ),
    Variant(
        "faceid_plus_v2",
        "FaceID plus v2",
        FacePerceiverProjection,
        ("unit_face", "penultimate"),
        (_FACE_MLP, has(_PERCEIVER), other_size(*_KOLORS_CONTEXT)),
        encodes_zero_pixels=True,
        options={"shortcut": True},
        published=(
            PublishedFile(156_558_509, "26d0d86a1d60d6cc811d3b8862178b461e1eeb651e6fe2b72ba17aa95411e313"),
            PublishedFile(1_487_555_181, "c6945d82b543700cc3ccbb98d363b837e9c596281607857c74b713a876daf5fb"),
        ),
        recogniser=BUFFALO,
    ),
    Variant(
        "kolors_faceid_plus",
        "Kolors FaceID plus",
        FacePerceiverProjection,
        ("face", "penultimate"),
        (_FACE_MLP, has(_PERCEIVER), size(*_KOLORS_CONTEXT)),
        options={"shortcut": True},
        recogniser=ANTELOPE,
    ),
    Variant(
        "portrait_unnorm",
        "FaceID portrait unnorm",
        Resampler,
        ("face",),
        (_RESAMPLER, _READS_A_FACE),
        published=(PublishedFile(1_009_523_411, "220bb86e205393a3d0411631cb473caddbf35fd371be2905ca9008818170db55"),),
        recogniser=BUFFALO,
    ),
    Variant(
        "instantid",
        "InstantID",
        Resampler,
        ("face",),
        (_RESAMPLER, _READS_A_FACE),
        published=(PublishedFile(1_691_134_141, "02b3618e36d803784166660520098089a81388e61a93ef8002aa79a5b1c546e1"),),
        recogniser=ANTELOPE,
    ),
)


def variants_of(shapes: Shapes) -> tuple[Variant, ...]:
    """Every variant that an image projection of these shapes can be: one, or look-alikes.

    Raises ValueError when there is none.
    """
    found = tuple(variant for variant in VARIANTS if variant.fits(shapes))
    if not found:
        raise ValueError(
            f"its image projection is of no known kind. Its first keys: {sorted(shapes)[:6]}. "
            f"Known kinds: {', '.join(variant.label for variant in VARIANTS)}."
        )
    return found
