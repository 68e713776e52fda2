"""The node that weighs the references that a model reads by itself, each by a weight, a mask and a course over the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...attention.inputs import masks_of
from ...attention.models.families import BlockKey
from ...attention.models.kinds import REFERENCES, kind_of
from ...attention.models.unet import network_of
from .. import wires
from ..page.description import described
from ..page.notice import noted, teller

if TYPE_CHECKING:
    from ...attention.branch.reference import ReferenceWeight
    from ...attention.weights.reference_text import ReferenceSetting

_FITS = "FLUX.1 (Kontext, and any with Redux), FLUX.2 and Qwen-Image-Edit"


class ReferenceWeights(io.ComfyNode):
    """Says how much each reference of FLUX Kontext, FLUX.2, Qwen-Image-Edit or Redux counts, where on the canvas, and when."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessReferenceWeights",
            display_name="Reference Weights",
            category="likeness/weights",
            description=described(cls),
            search_aliases=[
                "kontext strength",
                "reference latent strength",
                "reference strength",
                "redux strength",
                "flux 2 reference",
                "qwen edit strength",
                "regional reference",
                "reference mask",
            ],
            inputs=[
                io.Model.Input("model", tooltip=f"A model that reads references as tokens: {_FITS}."),
                io.String.Input(
                    "references",
                    default="1, 1",
                    multiline=True,
                    tooltip="A row for each reference, in the order in which the prompt was given them: a weight (1 is the model as "
                    "it is, 0 without this reference), when it acts, and where. The editor writes it; by hand: '0.8, 0.5'.",
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="Where on the canvas each reference may act: 1 yes, 0 as if it were not there. As many masks as rows, in "
                    "their order.",
                ),
                wires.ScheduleWire.Input(
                    "schedule",
                    optional=True,
                    tooltip="From Weight Schedule: a factor over the steps, for rows that have no schedule of their own; its frames are "
                    "pictures of the batch.",
                ),
            ],
            outputs=[
                io.Model.Output(tooltip="The model with its references weighed. The one that came in is unchanged.")
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        model: ModelPatcher,
        references: str = "1, 1",
        masks: Tensor | None = None,
        schedule: wires.WeightSchedule | None = None,
    ) -> io.NodeOutput:
        from ...attention.branch.reference import SOURCES, ReferenceWeight
        from ...attention.sampling.attach import attach
        from ...attention.sampling.reference_call import is_cached
        from ...attention.sampling.said import CACHED
        from ...attention.weights.reference_text import FORM, parse_references

        blocks = _blocks(model)
        if is_cached(model.model_options.get("transformer_options", {})):
            raise ValueError(CACHED)
        rows = parse_references(references)
        if not rows:
            raise ValueError(f"'references' is empty. {FORM}")
        each = _masks(rows, masks)
        given = schedule or wires.WeightSchedule()
        effects = [
            ReferenceWeight(
                blocks=blocks,
                number=row.number,
                source=row.source,
                scale=row.weight,
                range=row.range,
                schedule=row.schedule or given.schedule,
                frame_scales=given.frame_scales,
                attn_mask=mask,
                label=f"{SOURCES[row.source]} {row.number}",
                tell=teller(cls),
            )
            for row, mask in zip(rows, each, strict=True)
        ]
        lines = [_line(effect) for effect in effects]
        text = "\n".join((f"{type(model.model).__name__}: {len(blocks)} blocks read references", *lines))
        return noted(cls, text, attach(model, *effects))


def _blocks(model: ModelPatcher) -> tuple[BlockKey, ...]:
    """The blocks that read references. Raises ValueError saying what the model is, and which do."""
    blocks = tuple(REFERENCES.attentions(model))
    if blocks:
        return blocks
    kind = kind_of(model)
    adapters = " To steer this one with a picture, use Apply IP-Adapter." if kind and kind.takes_adapters else ""
    raise ValueError(
        f"the connected model is {type(model.model).__name__} ({type(network_of(model)).__name__}), which reads no references as "
        f"tokens. Connect one that does: {_FITS}.{adapters}"
    )


def _masks(rows: tuple[ReferenceSetting, ...], masks: Tensor | None) -> list[Tensor | None]:
    """The mask (1, H, W) of each row: what was drawn, what is connected, or where both are 1."""
    from ...attention.branch.drawn import drawn_mask
    from ...attention.branch.masks import within

    drawn = [drawn_mask(row.regions) if row.regions else None for row in rows]
    if masks is None:
        return drawn
    given = masks_of(masks, "masks")
    if len(given) != len(rows):
        raise ValueError(
            f"masks has {len(given)} masks for {len(rows)} rows of references. Connect a batch of {len(rows)}, in the order of the "
            "rows; a white one lets a reference act everywhere."
        )
    return [mask[None] if own is None else within(own, mask[None]) for own, mask in zip(drawn, given, strict=True)]


def _line(effect: ReferenceWeight) -> str:
    """A row in words."""
    if not effect.ever_acts:
        return f"{effect.title}: as it is"
    is_whole = effect.range.start == 0 and effect.range.end == 1
    told = (
        f"weight {effect.weight:g}",
        "" if is_whole else f"{effect.range.start:g} to {effect.range.end:g}",
        "scheduled" if effect.schedule else "",
        "" if effect.has_plain_mask else "masked",
    )
    return f"{effect.title}: {', '.join(filter(None, told))}"


NODES = [ReferenceWeights]
