"""The table of ComfyUI_IPAdapter_plus: its nodes that steer a model, and what each becomes."""

from __future__ import annotations

from typing import Any

from .shape import BLACK, COMBINE, NO_MIDDLE, RANGE, SCALING, SIDES, STEERED, STEERS, TYPE, WEIGHT, Row, ipadapter_row
from .steer import Steer, StyleAndComposition, Tiled, kolors_faces

_IMAGE = (*STEERS, "image")
_USUAL = {**WEIGHT, **TYPE, **COMBINE, **RANGE, **SCALING}
_BATCH = {**WEIGHT, **TYPE, **RANGE, **SCALING}
_FACES = {**WEIGHT, "weight_faceidv2": 1.0}
_SHAPED = {**TYPE, **COMBINE, **RANGE, **SCALING}
_OPTIONAL = ("image_negative", "attn_mask", "clip_vision")
_AND_FACE = (*_OPTIONAL, "insightface")
_NEGATIVE_EMBED = ("neg_embed", "attn_mask", "clip_vision")
_FACE_OUT = ("MODEL", "face_image")
_TILED_OUT = ("MODEL", "tiles", "masks")
_FAULTS = (NO_MIDDLE, BLACK, SIDES)


def _apply(node_id: str, widgets: dict[str, Any], becomes: Any, outputs: tuple[str, ...] = STEERED) -> Row:
    """An apply node as most are: a picture, and the usual optional inputs."""
    return ipadapter_row(node_id, _IMAGE, widgets, outputs, becomes, optional=_OPTIONAL, faults=_FAULTS)


def _precise(part: str, node_id: str, boost: str, default: float, per_frame: bool = False) -> Row:
    widgets = {**WEIGHT, boost: default, **COMBINE, **RANGE, **SCALING}
    return _apply(node_id, widgets, Steer(per_frame, f"{part} precise", boost))


_STYLE = {"weight_style": 1.0, "weight_composition": 1.0, "expand_style": False}
_STYLE_SOCKETS = (*STEERS, "image_style", "image_composition")

ROWS = (
    ipadapter_row(
        "IPAdapter",
        _IMAGE,
        {**WEIGHT, **RANGE, "weight_type": "standard"},
        STEERED,
        Steer(),
        optional=("attn_mask",),
        faults=_FAULTS,
    ),
    _apply("IPAdapterAdvanced", _USUAL, Steer()),
    _apply("IPAdapterBatch", {**_BATCH, "encode_batch_size": 0}, Steer(per_frame=True)),
    ipadapter_row(
        "IPAdapterFaceID", _IMAGE, {**_FACES, **_SHAPED}, _FACE_OUT, Steer(), optional=_AND_FACE, faults=_FAULTS
    ),
    ipadapter_row(
        "IPAdapterFaceIDKolors",
        _IMAGE,
        {**_FACES, "weight_kolors": 1.0, **_SHAPED},
        _FACE_OUT,
        kolors_faces,
        optional=_AND_FACE,
        faults=_FAULTS,
    ),
    ipadapter_row(
        "IPAAdapterFaceIDBatch",
        _IMAGE,
        {**_FACES, **_SHAPED},
        _FACE_OUT,
        Steer(per_frame=True),
        optional=_AND_FACE,
        faults=_FAULTS,
    ),
    _apply(
        "IPAdapterTiled",
        {**WEIGHT, **TYPE, **COMBINE, **RANGE, "sharpening": 0.0, **SCALING},
        Tiled(),
        _TILED_OUT,
    ),
    _apply(
        "IPAdapterTiledBatch",
        {**WEIGHT, **TYPE, **RANGE, "sharpening": 0.0, **SCALING, "encode_batch_size": 0},
        Tiled(per_frame=True),
        _TILED_OUT,
    ),
    ipadapter_row(
        "IPAdapterEmbeds", (*STEERS, "pos_embed"), _BATCH, STEERED, Steer(), optional=_NEGATIVE_EMBED, faults=_FAULTS
    ),
    ipadapter_row(
        "IPAdapterEmbedsBatch",
        (*STEERS, "pos_embed"),
        _BATCH,
        STEERED,
        Steer(per_frame=True),
        optional=_NEGATIVE_EMBED,
        faults=_FAULTS,
    ),
    ipadapter_row(
        "IPAdapterStyleComposition",
        _STYLE_SOCKETS,
        {**_STYLE, "combine_embeds": "average", **RANGE, **SCALING},
        STEERED,
        StyleAndComposition(),
        optional=_OPTIONAL,
        faults=_FAULTS,
    ),
    ipadapter_row(
        "IPAdapterStyleCompositionBatch",
        _STYLE_SOCKETS,
        {**_STYLE, **RANGE, **SCALING},
        STEERED,
        StyleAndComposition(per_frame=True),
        optional=_OPTIONAL,
        faults=_FAULTS,
    ),
    ipadapter_row(
        "IPAdapterMS",
        _IMAGE,
        {**_FACES, **_SHAPED, "layer_weights": ""},
        STEERED,
        Steer(),
        optional=_AND_FACE,
        faults=_FAULTS,
    ),
    _apply(
        "IPAdapterClipVisionEnhancer",
        {**_USUAL, "enhance_tiles": 2, "enhance_ratio": 1.0},
        Steer(tiles="enhance_tiles"),
    ),
    _apply(
        "IPAdapterClipVisionEnhancerBatch",
        {**_BATCH, "enhance_tiles": 2, "enhance_ratio": 0.5, "encode_batch_size": 0},
        Steer(per_frame=True, tiles="enhance_tiles"),
    ),
    _precise("style", "IPAdapterPreciseStyleTransfer", "style_boost", 1.0),
    _precise("style", "IPAdapterPreciseStyleTransferBatch", "style_boost", 1.0, per_frame=True),
    _precise("composition", "IPAdapterPreciseComposition", "composition_boost", 0.0),
    _precise("composition", "IPAdapterPreciseCompositionBatch", "composition_boost", 0.0, per_frame=True),
)
