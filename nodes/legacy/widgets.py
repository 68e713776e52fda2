"""The widgets of the old nodes by name: their choices and ranges, as editors and programs know them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from comfy_api.v0_0_2 import io

from ..files import folders
from ..files.saved_files import EMBEDS
from . import flux, options, pulid
from .shape import Row

_LARGEST = 9999
FINEST = 0.001
_CURVES = ("custom", "linear", "ease_in_out", "ease_in", "ease_out", "random")

CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "weight_type": options.OLD_WEIGHT_TYPES,
        "combine_embeds": ("concat", "add", "subtract", "average", "norm average"),
        "embeds_scaling": ("V only", "K+V", "K+V w/ C penalty", "K+mean(V) w/ C penalty"),
        "provider": ("CPU", "CUDA", "ROCM", "DirectML", "OpenVINO", "CoreML"),
        "model_name": ("buffalo_l", "antelopev2"),
        "type": ("fade", "dissolve", "gaussian", "shuffle"),
        "interpolation": ("LANCZOS", "BICUBIC", "HAMMING", "BILINEAR", "BOX", "NEAREST"),
        "crop_position": ("top", "bottom", "left", "right", "center", "pad"),
        "timing": _CURVES,
        "smothing_type": tuple(flux.SMOOTHING),
    }
)
"""Widget -> its choices, in all nodes that have it but those of OF_NODE."""

OF_NODE: Mapping[tuple[str, str], tuple[str, ...]] = MappingProxyType(
    {
        ("IPAdapter", "weight_type"): ("standard", "prompt is more important", "style transfer"),
        ("IPAdapterUnifiedLoader", "preset"): (
            "LIGHT - SD1.5 only (low strength)",
            "STANDARD (medium strength)",
            "VIT-G (medium strength)",
            "PLUS (high strength)",
            "PLUS FACE (portraits)",
            "FULL FACE - SD1.5 only (portraits stronger)",
        ),
        ("IPAdapterUnifiedLoaderFaceID", "preset"): (
            "FACEID",
            "FACEID PLUS - SD1.5 only",
            "FACEID PLUS V2",
            "FACEID PORTRAIT (style transfer)",
            "FACEID PORTRAIT UNNORM - SDXL only (strong)",
        ),
        ("IPAdapterUnifiedLoaderCommunity", "preset"): ("Composition", "Kolors"),
        ("IPAdapterInsightFaceLoader", "provider"): ("CPU", "CUDA", "ROCM"),
        ("InsightFaceLoader", "provider"): ("CPU", "CUDA", "ROCM"),
        ("LoadFluxIPAdapter", "provider"): ("CPU", "GPU"),
        ("IPAdapterFluxLoader", "provider"): ("cuda", "cpu", "mps"),
        ("IPAdapterFluxLoader", "clip_vision"): ("google/siglip-so400m-patch14-384",),
        ("InstantIDFaceAnalysis", "provider"): ("CPU", "CUDA", "ROCM", "CoreML"),
        ("IPAdapterCombineEmbeds", "method"): (
            "concat",
            "add",
            "subtract",
            "average",
            "norm average",
            "max",
            "min",
        ),
        ("ApplyPulid", "method"): tuple(pulid.METHODS),
        ("ApplyPulidAdvanced", "projection"): tuple(pulid.PROJECTIONS),
        ("PulidInsightFaceLoader", "provider"): ("CPU", "CUDA", "ROCM"),
        ("IPAdapterWeights", "method"): ("full batch", "shift batches", "alternate batches"),
        ("ApplyInstantIDAdvanced", "combine_embeds"): ("average", "norm average", "concat"),
        **{
            (node, "weight_type"): ("original", "linear", "channel penalty")
            for node in ("IPAdapterApply", "IPAdapterApplyFaceID", "IPAdapterApplyEncoded", "IPAdapterTilesMasked")
        },
    }
)

_UNIT = (0.0, 1.0, 0.001)
_WEIGHT = (-1.0, 5.0, 0.05)
_WHOLE = (0, _LARGEST, 1)
RANGES: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "weight": _WEIGHT,
        "weight_faceidv2": _WEIGHT,
        "weight_kolors": _WEIGHT,
        "weight_style": _WEIGHT,
        "weight_composition": _WEIGHT,
        "weight_v2": (-1.0, 3.0, 0.05),
        "image_weight": (-1.0, 3.0, 0.05),
        "prompt_weight": (0.0, 10.0, 0.05),
        "style_boost": (-5.0, 5.0, 0.05),
        "composition_boost": (-5.0, 5.0, 0.05),
        "start_at": _UNIT,
        "end_at": _UNIT,
        "strength": (0.0, 1.0, 0.05),
        "sharpening": (0.0, 1.0, 0.05),
        "lora_strength": (0.0, 1.0, 0.01),
        "ip_scale": _UNIT,
        "begin_strength": (-100.0, 100.0, 0.01),
        "end_strength": (-100.0, 100.0, 0.01),
        "start_percent": _UNIT,
        "end_percent": _UNIT,
        "noise": (0.0, 1.0, 0.01),
        "ip_weight": (0.0, 3.0, 0.01),
        "cn_strength": (0.0, 10.0, 0.01),
        "enhance_ratio": (0.0, 1.0, 0.05),
        "tile_weight": (0.0, 1.0, 0.05),
        "weights_1": (0.0, 1.0, 0.05),
        "weights_2": (0.0, 1.0, 0.05),
        **{f"weight_{i}": (0.0, 1.0, 0.05) for i in range(1, 5)},
        "fidelity": (0, 32, 1),
        "enhance_tiles": (1, 16, 1),
        "short_side_tiles": (0, 12, 1),
        "encode_batch_size": (0, 4096, 1),
        "blur": (0, 32, 1),
        "frames": _WHOLE,
        "start_frame": _WHOLE,
        "end_frame": _WHOLE,
        "add_starting_frames": _WHOLE,
        "add_ending_frames": _WHOLE,
    }
)
"""Widget -> smallest, largest, step, in all nodes that have it but those of RANGE_OF_NODE."""

_UP_TO_3 = (
    *("IPAdapter", "IPAdapterFaceID", "IPAdapterFaceIDKolors", "IPAAdapterFaceIDBatch"),
    *("IPAdapterTiled", "IPAdapterTiledBatch", "IPAdapterEmbeds", "IPAdapterEmbedsBatch"),
    *("IPAdapterApply", "IPAdapterApplyFaceID", "IPAdapterApplyEncoded", "IPAdapterTilesMasked"),
)
RANGE_OF_NODE: Mapping[tuple[str, str], tuple[float, float, float]] = MappingProxyType(
    {
        **{(node, "weight"): (-1.0, 3.0, 0.05) for node in _UP_TO_3},
        ("IPAdapterEncoder", "weight"): (-1.0, 3.0, 0.01),
        ("InstantIDAttentionPatch", "weight"): (-1.0, 3.0, 0.01),
        ("ApplyInstantID", "weight"): (0.0, 5.0, 0.01),
        ("ApplyInstantIDControlNet", "strength"): (0.0, 10.0, 0.01),
        ("ApplyInstantIDAdvanced", "noise"): (0.0, 1.0, 0.1),
        ("InstantIDAttentionPatch", "noise"): (0.0, 1.0, 0.1),
        ("ApplyPulidAdvanced", "noise"): (-1.0, 1.0, 0.1),
    }
)

# Widgets that list files: what is installed decides, each time the host asks.
_FILES = {
    "ipadapter_file": folders.adapter_files,
    "instantid_file": folders.adapter_files,
    "ipadatper": folders.adapter_files,
    "ipadapter": folders.adapter_files,
    "pulid_file": folders.adapter_files,
    "embeds": EMBEDS.listed,
}
_LINES = frozenset({"weights", "prompt", "layer_weights"})


def is_file(name: str) -> bool:
    return name in _FILES


def choices(row: Row, name: str) -> tuple[str, ...] | None:
    """What a widget of an old node offered; None where it is not a choice."""
    return OF_NODE.get((row.node_id, name)) or CHOICES.get(name)


def limits(row: Row, name: str) -> tuple[float, float, float] | None:
    """Smallest, largest and step of a number on an old node; None where it is not a number."""
    return RANGE_OF_NODE.get((row.node_id, name)) or RANGES.get(name)


def widget(row: Row, name: str, finest: float = 0.0, **more: Any) -> io.Input:
    """The widget as the old node had it, its step no larger than `finest`; `more` goes to the input."""
    if name in _FILES:
        return io.Combo.Input(name, options=_FILES[name](), **more)
    default, offered, bounds = row.widgets[name], choices(row, name), limits(row, name)
    if offered is not None:
        return io.Combo.Input(name, options=list(offered), default=default, **more)
    if isinstance(default, bool):
        return io.Boolean.Input(name, default=default, **more)
    if isinstance(default, str):
        return io.String.Input(name, default=default, multiline=name in _LINES, **more)
    if bounds is None:
        raise LookupError(f"there is no range for '{name}' of {row.node_id}")
    low, high, step = bounds
    if isinstance(default, int):
        return io.Int.Input(name, default=default, min=int(low), max=int(high), step=int(step), **more)
    return io.Float.Input(name, default=default, min=low, max=high, step=min(step, finest or step), **more)


def current(row: Row, name: str, value: Any) -> Any:
    """A widget's value by the name that the old node's last version had for it; anything else as it is."""
    offered, meaning = choices(row, name), options.meaning(name, value)
    if offered is None or value in offered or meaning is None:
        return value
    return next((option for option in offered if options.meaning(name, option) == meaning), value)
