"""The node that makes one reference of several."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...attention.reference.combine import COMBINATIONS, CONCAT, combined, weighted
from ...attention.reference.embeds import Embeds, stacked
from ...attention.weights.schedule_text import parse_numbers
from .. import wires
from ..page.description import described

_MOST = 5


class CombineEmbeds(io.ComfyNode):
    """Makes one reference out of up to five, each with its own weight."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessCombineEmbeds",
            display_name="Combine Embeds",
            category="likeness/reference",
            description=described(cls),
            search_aliases=["ipadapter combine embeds", "average embeds", "merge references", "subtract"],
            inputs=[
                wires.EmbedsWire.Input("embeds_1", tooltip="The first reference. 'subtract' takes the others from it."),
                io.Combo.Input(
                    "method",
                    optional=True,
                    options=list(COMBINATIONS),
                    default=CONCAT,
                    tooltip="concat: all act together, as the authors do. average, add, subtract, max, min: one mixed "
                    "reference. norm average: the mean direction at the mean length.",
                ),
                io.String.Input(
                    "weights",
                    optional=True,
                    default="",
                    placeholder="1.0, 0.5",
                    tooltip="One number for each connected reference, or for each of their pictures. Empty: 1 for all. "
                    "With concat they do little for adapters that normalise what they read; use masks or two adapters.",
                ),
                *(
                    wires.EmbedsWire.Input(f"embeds_{i}", optional=True, tooltip=f"Reference number {i}.")
                    for i in range(2, _MOST + 1)
                ),
            ],
            outputs=[wires.EmbedsWire.Output("embeds", tooltip="For 'embeds' or 'negative_embeds' of an Apply node.")],
        )

    @classmethod
    def execute(
        cls, embeds_1: Embeds, method: str = CONCAT, weights: str = "", **others: Embeds | None
    ) -> io.NodeOutput:
        rest = (others.get(f"embeds_{i}") for i in range(2, _MOST + 1))
        parts = [embeds_1, *(part for part in rest if part is not None)]
        factors = _for_pictures(parse_numbers(weights), [part.count for part in parts])
        return io.NodeOutput(combined(weighted(stacked(parts), factors), method))


def _for_pictures(numbers: tuple[float, ...], counts: list[int]) -> tuple[float, ...]:
    """The weight of every picture, from one for all, one for each reference or one for each picture."""
    if len(numbers) in (0, 1, sum(counts)):
        return numbers
    if len(numbers) == len(counts):
        return tuple(number for number, count in zip(numbers, counts, strict=True) for _ in range(count))
    raise ValueError(
        f"'weights' has {len(numbers)} numbers for {len(counts)} references with {sum(counts)} pictures in total. Write "
        "one for each reference or one for each picture."
    )


NODES = [CombineEmbeds]
