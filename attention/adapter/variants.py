"""The table of adapter variants, and which of its rows fit a checkpoint's shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..reference.square import SQUASH, TWICE
from .conditions import (
    LAYER,
    LAYER_BIAS,
    LAYER_TIME,
    all_of,
    has,
    lacks,
    other_size,
    other_than,
    size,
    tokens_made,
    tokens_of_layers_width,
)
from .perceiver import FacePerceiverProjection, Resampler
from .projection import FaceProjection, HiddenStatesProjection, ImageProjection, Shapes
from .pulid import IDEncoder, IDFormer
from .time_resampler import TimeResampler
from .variant import Variant
from .way import Way

_FACE_MLP = has("proj.0.weight", "proj.2.weight", "norm.weight")
_PERCEIVER = "perceiver_resampler.proj_in.weight"
_RESAMPLER = has("latents", "proj_in.weight")
_READS_A_FACE = size("proj_in.weight", 1, 512)  # the width of every ArcFace embedding
_TIME = "time_embedding.linear_1.weight"
_READS_A_PICTURE = other_size("proj_in.weight", 1, 512)
# Kolors' resampler alone has less attention than channels, 12 heads of 64 in 2048; it reads ViT-L.
_KOLORS_RESAMPLER = all_of(
    size("latents", 2, 2048), size("layers.0.0.to_q.weight", 0, 768), size("proj_in.weight", 1, 1024)
)

# Recognisers, by the ids that `face/` gives them: their spaces have nothing in common.
BUFFALO, ANTELOPE, IR_SE50 = "ResNet50", "ResNet100", "IR-SE50"
PACKS: Mapping[str, str] = {BUFFALO: "buffalo_l", ANTELOPE: "antelopev2"}
"""Recogniser -> the pack of InsightFace's that has it."""

AUTO = "auto"
"""In place of a variant's name: decide by the file."""

_INSTANTX = Variant(
    "instantx",
    "InstantX IP-Adapter",
    FaceProjection,
    ("image_embeds",),
    (_FACE_MLP, lacks(_PERCEIVER, "proj.3.weight"), tokens_made(128)),
    kind="flux",
    way=Way(normed=frozenset({"key"})),
    fit=TWICE,
    leaves_negative=True,
)

VARIANTS: tuple[Variant, ...] = (
    Variant(
        "base", "IP-Adapter", ImageProjection, ("image_embeds",), (has("proj.weight", "norm.weight"), lacks(LAYER_BIAS))
    ),
    Variant(
        "xlabs",
        "XLabs IP-Adapter",
        ImageProjection,
        ("image_embeds",),
        (has("proj.weight", "norm.weight"), has(LAYER_BIAS)),
        encodes_black=True,
        kind="flux",
        way=Way(joins="block"),
    ),
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
        (_RESAMPLER, _READS_A_PICTURE, other_than(_KOLORS_RESAMPLER), lacks(_TIME)),
        encodes_zero_pixels=True,
    ),
    Variant(
        "kolors_plus",
        "Kolors IP-Adapter plus",
        Resampler,
        ("penultimate",),
        (_RESAMPLER, _READS_A_PICTURE, _KOLORS_RESAMPLER),
        encodes_zero_pixels=True,
    ),
    Variant(
        "faceid",
        "FaceID",
        FaceProjection,
        ("unit_face",),
        (_FACE_MLP, lacks(_PERCEIVER, "proj.3.weight"), tokens_made(4)),
        recogniser=BUFFALO,
    ),
    Variant(
        "portrait",
        "FaceID portrait",
        FaceProjection,
        ("unit_face",),
        (_FACE_MLP, lacks(_PERCEIVER, "proj.3.weight"), tokens_made(16)),
        recogniser=BUFFALO,
    ),
    Variant(
        "faceid_plus",
        "FaceID plus",
        FacePerceiverProjection,
        ("unit_face", "penultimate"),
        (_FACE_MLP, has(_PERCEIVER), tokens_of_layers_width()),
        encodes_zero_pixels=True,
        options={"shortcut": False},
        published=("ipadapter/ip-adapter-faceid-plus_sd15.bin",),
        recogniser=BUFFALO,
    ),
    Variant(
        "faceid_plus_v2",
        "FaceID plus v2",
        FacePerceiverProjection,
        ("unit_face", "penultimate"),
        (_FACE_MLP, has(_PERCEIVER), tokens_of_layers_width()),
        encodes_zero_pixels=True,
        options={"shortcut": True},
        published=("ipadapter/ip-adapter-faceid-plusv2_sd15.bin", "ipadapter/ip-adapter-faceid-plusv2_sdxl.bin"),
        recogniser=BUFFALO,
    ),
    Variant(
        "kolors_faceid_plus",
        "Kolors FaceID plus",
        FacePerceiverProjection,
        ("face", "penultimate"),
        (_FACE_MLP, has(_PERCEIVER), other_than(tokens_of_layers_width())),
        options={"shortcut": True},
        recogniser=ANTELOPE,
        shows="square",
        beside_text=True,
    ),
    Variant(
        "portrait_unnorm",
        "FaceID portrait unnorm",
        Resampler,
        ("face",),
        (_RESAMPLER, _READS_A_FACE, has(LAYER)),
        published=("ipadapter/ip-adapter-faceid-portrait_sdxl_unnorm.bin",),
        recogniser=BUFFALO,
    ),
    Variant(
        "instantid",
        "InstantID",
        Resampler,
        ("face",),
        (_RESAMPLER, _READS_A_FACE, has(LAYER)),
        published=("instantid/ip-adapter.bin",),
        recogniser=ANTELOPE,
        has_net=True,
    ),
    Variant(
        "infinite_you",
        "InfiniteYou",
        Resampler,
        ("unit_face",),
        (_RESAMPLER, _READS_A_FACE, lacks(LAYER)),
        kind="flux",
        family="flux_all",
        recogniser=IR_SE50,
        leaves_negative=True,
        has_net=True,
        free_pose=True,
    ),
    _INSTANTX,
    # The old node corrected a misspelling of the authors' and so normalised values too, which they never were.
    replace(
        _INSTANTX,
        name="instantx_k_and_v",
        label="InstantX IP-Adapter, K and V normalised",
        way=Way(normed=frozenset({"key", "value"})),
        is_asked_for=True,
    ),
    Variant(
        "instantx_sd35",
        "InstantX IP-Adapter",
        TimeResampler,
        ("penultimate",),
        (_RESAMPLER, has(_TIME, LAYER_TIME)),
        kind="sd3",
        way=Way(beside_picture=True, by_time=True),
        fit=SQUASH,
        weight=0.5,
    ),
    Variant(
        "pulid_v1",
        "PuLID v1",
        IDEncoder,
        ("face", "face_hidden", "face_pooled"),
        (has("body.0.weight", "mapping_patch_0.0.weight"),),
        recogniser=ANTELOPE,
        shows="portrait",
        joins_photos=True,
        none_of_each_photo=True,
        weight=0.8,
    ),
    Variant(
        "pulid_v1_1",
        "PuLID v1.1",
        IDFormer,
        ("face", "face_hidden", "face_pooled"),
        (has("id_embedding_mapping.0.weight", "latents", "proj_out"),),
        recogniser=ANTELOPE,
        shows="portrait",
        joins_photos=True,
        weight=0.8,
    ),
)


def variant_named(name: str) -> Variant:
    """The row of a name, which has to be one of the table's."""
    return next(variant for variant in VARIANTS if variant.name == name)


def variants_of(shapes: Shapes) -> tuple[Variant, ...]:
    """Every variant that an image projection of these shapes can be: one, or look-alikes; LAYER is among them.

    Raises ValueError when there is none.
    """
    tried = [(variant, variant.first_failing(shapes)) for variant in VARIANTS]
    found = tuple(variant for variant, condition in tried if condition is None)
    if not found:
        needed: dict[str, list[str]] = {}
        for variant, condition in ((each, condition) for each, condition in tried if not each.is_asked_for):
            needed.setdefault(str(condition), []).append(variant.label)
        kinds = "; ".join(f"{words} ({', '.join(labels)})" for words, labels in needed.items())
        raise ValueError(
            f"its image projection matches no known kind. Its first keys: {sorted(shapes.keys() - {LAYER, LAYER_BIAS, LAYER_TIME})[:5]}. It would need: {kinds}."
        )
    return found
