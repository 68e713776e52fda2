"""The types of our wires, and what travels on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy_api.latest import io

from ..attention.adapter import Adapter

AdapterWire = io.Custom("LIKENESS_ADAPTER")
"""Carries a `LoadedAdapter`."""

EmbedsWire = io.Custom("LIKENESS_EMBEDS")
"""Carries `attention.embeds.Embeds`: features of n pictures before any projection, one polarity."""


@dataclass(frozen=True)
class LoadedAdapter:
    """An adapter and, where a loader found or was given one, the image encoder that goes with it."""

    adapter: Adapter
    clip_vision: Any | None = None

    @property
    def patcher(self) -> ModelPatcher:
        """The adapter's weights: the host asks objects on wires for this to see what a prompt uses."""
        return self.adapter.patcher

    def is_dynamic(self) -> bool:
        return self.adapter.is_dynamic()
