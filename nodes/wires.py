"""The types of our wires, and what travels on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io

from ..attention.weights.schedule import Schedule

if TYPE_CHECKING:
    from ..attention.adapter.adapter import Adapter

AdapterWire = io.Custom("LIKENESS_ADAPTER")
"""Carries a `LoadedAdapter`."""

EmbedsWire = io.Custom("LIKENESS_EMBEDS")
"""Carries `attention.reference.embeds.Embeds`: features of n pictures before any projection, one polarity."""

LayersWire = io.Custom("LIKENESS_LAYERS")
"""Carries `attention.weights.layer_weights.LayerWeights`: a factor for each block of one family."""

ScheduleWire = io.Custom("LIKENESS_SCHEDULE")
"""Carries a `WeightSchedule`."""

FusionWire = io.Custom("LIKENESS_FUSION")
"""Carries `attention.branch.fusion.Fusion`: how the branch joins the text, with its settings."""

FaceModelsWire = io.Custom("LIKENESS_FACE_MODELS")
"""Carries `face.models.FaceModels`."""

FacesWire = io.Custom("LIKENESS_FACES")
"""Carries `face.value.FaceBatch`: a tuple with one `PictureFaces` for every picture of a batch, each with its faces."""

LandmarksWire = io.Custom("FACE_LANDMARKS")
"""The host's own: what its MediaPipe face nodes give, see face/landmarks.py."""


@dataclass(frozen=True)
class WeightSchedule:
    """Factors over sampling (None: the same everywhere) and for each picture of a batch (empty: the same)."""

    schedule: Schedule | None = None
    frame_scales: tuple[float, ...] = ()


@dataclass(frozen=True)
class LoadedAdapter:
    """An adapter and, where a loader found or was given one, the image encoder that goes with it.

    `lora_strength` is that of the LoRA inside FaceID files, 1.0 as the authors have it.
    """

    adapter: Adapter
    clip_vision: Any | None = None
    lora_strength: float = 1.0

    @property
    def patcher(self) -> ModelPatcher:
        """The adapter's weights: the host asks objects on wires for this to see what a prompt uses."""
        return self.adapter.patcher

    def is_dynamic(self) -> bool:
        return self.adapter.is_dynamic()
