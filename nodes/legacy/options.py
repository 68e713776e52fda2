"""The old packs' option values -> ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ...attention.weights.layer_presets import LAYER_PRESETS

WEIGHT_TYPES: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in LAYER_PRESETS},
        "style transfer": "style",
        "strong style transfer": "strong style",
        "style transfer precise": "style precise",
        # names that most nodes had for a while
        "style transfer and composition": "style and composition",
        "reverse_in_out": "reverse in-out",
        # the simple node
        "standard": "linear",
        "prompt is more important": "ease out",
        # before March 2024 a weight type said where the weight acts, not in which layers
        "original": "linear",
        "channel penalty": "linear",
    }
)
"""Weight type -> layer preset."""

_IN_BRACKETS = re.compile(r" \(SDXL( only)?\)$")

OLD_WEIGHT_TYPES = (
    *("linear", "ease in", "ease out", "ease in-out", "reverse in-out", "weak input", "weak output", "weak middle"),
    *("strong middle", "style transfer", "composition", "strong style transfer", "style and composition"),
    *("style transfer precise", "composition precise"),
)
"""The weight types of most nodes, in their order."""

SCALINGS_BEFORE_2024_03: Mapping[str, str] = MappingProxyType(
    {"original": "V only", "linear": "K+V", "channel penalty": "K+mean(V) w/ C penalty"}
)
"""Weight type of that time -> embeds scaling."""

PRESET_PURPOSES: Mapping[str, str] = MappingProxyType(
    {
        "LIGHT": "light",
        "STANDARD": "standard",
        "VIT-G": "standard, ViT-G encoder",
        "PLUS": "plus",
        "PLUS FACE": "plus face",
        "FULL FACE": "full face",
        "FACEID": "FaceID",
        "FACEID PLUS": "FaceID plus",
        "FACEID PLUS V2": "FaceID plus v2",
        "FACEID PORTRAIT": "FaceID portrait",
        "FACEID PORTRAIT UNNORM": "FaceID portrait unnorm",
        "COMPOSITION": "composition",
        "KOLORS": "Kolors plus",
    }
)
"""How a preset of the unified loaders begins -> purpose; what follows in brackets changed between versions."""

# Where the old packs' choice was not available they took the CPU and said nothing, which 'auto' does and says.
PROVIDERS: Mapping[str, str] = MappingProxyType({"CPU": "CPU", "CoreML": "CoreML"})
ANY_GPU = "auto"


def layer_preset(weight_type: object) -> str | None:
    """The layer preset of a weight type; for a while the SDXL ones said so in brackets."""
    return WEIGHT_TYPES.get(_IN_BRACKETS.sub("", str(weight_type)))


def purpose(preset: object) -> str | None:
    """The purpose of a unified loader's preset, by the longest name that it begins with."""
    text = str(preset).upper()
    fitting = [name for name in PRESET_PURPOSES if text.startswith(name)]
    return PRESET_PURPOSES[max(fitting, key=len)] if fitting else None


def provider(choice: object) -> str:
    return PROVIDERS.get(str(choice), ANY_GPU)


_MEANINGS: Mapping[str, Callable[[object], str | None]] = MappingProxyType(
    {"weight_type": layer_preset, "preset": purpose, "provider": provider}
)


def meaning(widget: str, value: object) -> str | None:
    """What a choice is here, by any name that some version of the old packs had for it; None for no such choice."""
    read = _MEANINGS.get(widget)
    return read(value) if read and isinstance(value, str) else None
