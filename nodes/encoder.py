"""Which image encoder a node uses: the one connected to it, or the one that came with the adapter."""

from __future__ import annotations

from typing import Any

from ..attention.adapter import Adapter
from ..attention.encoders import encoders_for
from .wires import LoadedAdapter


def encoder_for(loaded: LoadedAdapter, connected: Any | None) -> Any:
    """The image encoder to use. Raises ValueError naming the file when there is none."""
    encoder = connected if connected is not None else loaded.clip_vision
    if encoder is None:
        raise ValueError(
            f"'{loaded.adapter.name}' ({loaded.adapter.label}) needs an image encoder and none is connected. "
            f"{_needed(loaded.adapter)} Load it with Load CLIP Vision and connect it to 'clip_vision'."
        )
    return encoder


def _needed(adapter: Adapter) -> str:
    for feature in adapter.features:
        if feature in ("image_embeds", "penultimate"):
            fitting = encoders_for(feature, adapter.feature_width(feature))
            files = " or ".join(f"{encoder.label}, file {encoder.file}" for encoder in fitting)
            return f"It needs {files or 'an encoder of its own width'}, in models/clip_vision."
    return "It reads faces only."
