"""The settings that every image branch has: their inputs on a node, and the attachment they make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from comfy_api.v0_0_2 import io
from torch import Tensor

from ..attention.branch.fusion import Fusion
from ..attention.branch.methods import AS_AUTHORS, METHODS, fusion_of
from ..attention.branch.scaling import EMBEDS_SCALING, REFERENCE
from ..attention.inputs import at, masks_of
from ..attention.weights.layer_presets import BOOSTED, LAYER_PRESETS, LINEAR, preset
from ..attention.weights.layer_weights import LayerWeights
from ..attention.weights.schedule import Range
from . import wires
from .page.sliders import STRENGTH, sampling_range, usually
from .page.unused import instead, only_with

if TYPE_CHECKING:
    from ..attention.adapter.adapter import Adapter
    from ..attention.adapter.key_values import Source
    from ..attention.adapter.timed import KeyValuesByTime
    from ..attention.branch.attachment import Attachment


def weight_inputs(default: float, advice: str) -> list[io.Input]:
    """Strength and layers: what one sets first."""
    return [
        io.Float.Input(
            "weight",
            default=default,
            min=-1.0,
            max=5.0,
            step=0.01,
            extra_dict=STRENGTH,
            tooltip=f"How strongly it acts next to the text. 0 leaves the model exactly as it is. {advice}",
        ),
        io.Combo.Input(
            "layer_preset",
            optional=True,
            options=list(LAYER_PRESETS),
            default=LINEAR,
            extra_dict=instead("layers"),
            tooltip="Which layers it acts in. linear: all equally, as the authors do. style or composition: only the "
            "blocks that carry it. Layer Weights, connected to 'layers', overrides this.",
        ),
    ]


def advanced_inputs() -> list[io.Input]:
    """When it acts, and how it joins the text."""
    return [
        *sampling_range(
            "start_percent",
            "Where in the sampling it begins to act, 0 being the first step.",
            "end_percent",
            "Where in the sampling it stops, 1 being the last step. Outside it costs nothing.",
        ),
        io.Combo.Input(
            "fusion",
            optional=True,
            options=list(METHODS),
            default=AS_AUTHORS,
            advanced=True,
            extra_dict=instead("fusion_settings"),
            tooltip="How it combines with the text. as authors: by the adapter's own rule, which is add for all but PuLID. "
            "orthogonal and v2: only what the text does not already say, for faces that should stay editable. norm cap: "
            "never stronger than the text. fidelity and style: PuLID's two methods.",
        ),
        io.Combo.Input(
            "embeds_scaling",
            optional=True,
            options=list(EMBEDS_SCALING),
            default=REFERENCE,
            advanced=True,
            tooltip="What 'weight' acts on. V only: the strength, as the authors do. K+V: strength and contrast. "
            "C penalty: less in narrow layers, for weights above 1. The help page has the formulas.",
        ),
        io.Float.Input(
            "boost",
            optional=True,
            default=1.0,
            min=-5.0,
            max=5.0,
            step=0.01,
            extra_dict=usually(0.0, 2.0) | instead("layers") | only_with("layer_preset", BOOSTED),
            advanced=True,
            tooltip="The second factor of presets with two parts: composition in 'style and composition', what is "
            "pushed away in the 'precise' ones. Others do not use it.",
        ),
    ]


def wire_inputs() -> list[io.Input]:
    """Where it acts, and finer settings from other nodes."""
    return [
        io.Mask.Input(
            "attn_mask",
            optional=True,
            tooltip="Where in the new picture it acts: 1 yes, 0 no. It is resized to the picture.",
        ),
        wires.LayersWire.Input("layers", optional=True, tooltip="From Layer Weights: a factor for each block."),
        wires.ScheduleWire.Input(
            "schedule", optional=True, tooltip="From Weight Schedule: a factor over the steps, or for each frame."
        ),
        wires.FusionWire.Input(
            "fusion_settings", optional=True, tooltip="From Fusion: a rule with its settings, instead of 'fusion'."
        ),
    ]


@dataclass(frozen=True)
class BranchSettings:
    """What those inputs were set to. `weight` is a list where a node of another pack links one: one per frame."""

    weight: float | list[float] = 1.0
    layer_preset: str = LINEAR
    start_percent: float = 0.0
    end_percent: float = 1.0
    fusion: str = AS_AUTHORS
    embeds_scaling: str = REFERENCE
    boost: float = 1.0
    attn_mask: Tensor | None = None
    layers: LayerWeights | None = None
    schedule: wires.WeightSchedule | None = None
    fusion_settings: Fusion | None = None

    def attachment(
        self,
        adapter: Adapter,
        positive: Source | KeyValuesByTime,
        negative: Source | KeyValuesByTime,
        tell: Callable[[str], None],
    ) -> Attachment:
        """The branch of an adapter with these settings; `tell` says on the node what comes up while sampling.

        Raises ValueError for settings of another family.
        """
        from ..attention.branch.attachment import Attachment

        layers = self._layers(adapter.identity.family.name)
        return Attachment(
            positive=positive,
            negative=negative,
            scale=self.weight if isinstance(self.weight, (int, float)) else 1.0,
            layer_scales=layers.by_block,
            swapped=layers.swapped_blocks,
            range=Range(self.start_percent, self.end_percent),
            schedule=self.schedule.schedule if self.schedule else None,
            frame_scales=self._frame_scales(),
            attn_mask=None if self.attn_mask is None else masks_of(self.attn_mask, "attn_mask"),
            fusion=self.fusion_settings or fusion_of(self.fusion, adapter.identity.variant.name),
            embeds_scaling=self.embeds_scaling,
            label=adapter.name,
            tell=tell,
            way=adapter.identity.variant.way,
        )

    def _layers(self, family: str) -> LayerWeights:
        if self.layers is None:
            return preset(self.layer_preset, family, self.boost)
        if self.layers.family != family:
            raise ValueError(
                f"the layer weights are for '{self.layers.family}', but the adapter is for '{family}'. Set 'family' "
                "on the Layer Weights node."
            )
        return self.layers

    def _frame_scales(self) -> tuple[float, ...]:
        """A factor for each picture: from a list linked into 'weight', from the schedule, or both multiplied."""
        given = () if isinstance(self.weight, (int, float)) else tuple(map(float, self.weight))
        scheduled = self.schedule.frame_scales if self.schedule else ()
        if not given or not scheduled:
            return given or scheduled
        count = max(len(given), len(scheduled))
        return tuple(at(given, i) * at(scheduled, i) for i in range(count))
