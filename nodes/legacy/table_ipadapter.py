"""The table of ComfyUI_IPAdapter_plus: its nodes that steer a model, and what each becomes."""

from __future__ import annotations

from typing import Any

from .shape import IPADAPTER_PLUS, Row
from .steer import Steer, StyleAndComposition, Tiled, kolors_faces

_MODEL = ("model", "ipadapter")
_IMAGE = (*_MODEL, "image")
_WEIGHT = {"weight": 1.0}
_TYPE = {"weight_type": "linear"}
_COMBINE = {"combine_embeds": "concat"}
_RANGE = {"start_at": 0.0, "end_at": 1.0}
_SCALING = {"embeds_scaling": "V only"}
_USUAL = {**_WEIGHT, **_TYPE, **_COMBINE, **_RANGE, **_SCALING}
_BATCH = {**_WEIGHT, **_TYPE, **_RANGE, **_SCALING}
_FACES = {**_WEIGHT, "weight_faceidv2": 1.0}
_SHAPED = {**_TYPE, **_COMBINE, **_RANGE, **_SCALING}
_OPTIONAL = ("image_negative", "attn_mask", "clip_vision")
_AND_FACE = (*_OPTIONAL, "insightface")
_NEGATIVE_EMBED = ("neg_embed", "attn_mask", "clip_vision")
_OUT = ("MODEL",)
_FACE_OUT = ("MODEL", "face_image")
_TILED_OUT = ("MODEL", "tiles", "masks")


def _row(
    node_id: str,
    sockets: tuple[str, ...],
    widgets: dict[str, Any],
    outputs: tuple[str, ...],
    becomes: Any,
    **more: Any,
) -> Row:
    return Row(node_id, IPADAPTER_PLUS, sockets, widgets, outputs, becomes, **more)


def _apply(node_id: str, widgets: dict[str, Any], becomes: Any, outputs: tuple[str, ...] = _OUT) -> Row:
    """An apply node as most are: a picture, and the usual optional inputs."""
    return _row(node_id, _IMAGE, widgets, outputs, becomes, optional=_OPTIONAL, changed=True)


def _precise(part: str, node_id: str, boost: str, default: float, per_frame: bool = False) -> Row:
    widgets = {**_WEIGHT, boost: default, **_COMBINE, **_RANGE, **_SCALING}
    return _apply(node_id, widgets, Steer(per_frame, f"{part} precise", boost))


_STYLE = {"weight_style": 1.0, "weight_composition": 1.0, "expand_style": False}
_STYLE_SOCKETS = (*_MODEL, "image_style", "image_composition")

ROWS = (
    _row(
        "IPAdapter",
        _IMAGE,
        {**_WEIGHT, **_RANGE, "weight_type": "standard"},
        _OUT,
        Steer(),
        optional=("attn_mask",),
        changed=True,
    ),
    _apply("IPAdapterAdvanced", _USUAL, Steer()),
    _apply("IPAdapterBatch", {**_BATCH, "encode_batch_size": 0}, Steer(per_frame=True)),
    _row("IPAdapterFaceID", _IMAGE, {**_FACES, **_SHAPED}, _FACE_OUT, Steer(), optional=_AND_FACE, changed=True),
    _row(
        "IPAdapterFaceIDKolors",
        _IMAGE,
        {**_FACES, "weight_kolors": 1.0, **_SHAPED},
        _FACE_OUT,
        kolors_faces,
        optional=_AND_FACE,
        changed=True,
    ),
    _row(
        "IPAAdapterFaceIDBatch",
        _IMAGE,
        {**_FACES, **_SHAPED},
        _FACE_OUT,
        Steer(per_frame=True),
        optional=_AND_FACE,
        changed=True,
    ),
    _apply(
        "IPAdapterTiled",
        {**_WEIGHT, **_TYPE, **_COMBINE, **_RANGE, "sharpening": 0.0, **_SCALING},
        Tiled(),
        _TILED_OUT,
    ),
    _apply(
        "IPAdapterTiledBatch",
        {**_WEIGHT, **_TYPE, **_RANGE, "sharpening": 0.0, **_SCALING, "encode_batch_size": 0},
        Tiled(per_frame=True),
        _TILED_OUT,
    ),
    _row("IPAdapterEmbeds", (*_MODEL, "pos_embed"), _BATCH, _OUT, Steer(), optional=_NEGATIVE_EMBED, changed=True),
    _row(
        "IPAdapterEmbedsBatch",
        (*_MODEL, "pos_embed"),
        _BATCH,
        _OUT,
        Steer(per_frame=True),
        optional=_NEGATIVE_EMBED,
        changed=True,
    ),
    _row(
        "IPAdapterStyleComposition",
        _STYLE_SOCKETS,
        {**_STYLE, "combine_embeds": "average", **_RANGE, **_SCALING},
        _OUT,
        StyleAndComposition(),
        optional=_OPTIONAL,
        changed=True,
    ),
    _row(
        "IPAdapterStyleCompositionBatch",
        _STYLE_SOCKETS,
        {**_STYLE, **_RANGE, **_SCALING},
        _OUT,
        StyleAndComposition(per_frame=True),
        optional=_OPTIONAL,
        changed=True,
    ),
    _row(
        "IPAdapterMS",
        _IMAGE,
        {**_FACES, **_SHAPED, "layer_weights": ""},
        _OUT,
        Steer(),
        optional=_AND_FACE,
        changed=True,
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
