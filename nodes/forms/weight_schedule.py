"""The node that says how a reference's factor changes over sampling, and from picture to picture."""

from __future__ import annotations

from typing import Any

from comfy_api.v0_0_2 import io

from ...attention.weights.curves import CONSTANT, CURVES, TO_LAST, schedule_of
from ...attention.weights.schedule import Schedule
from ...attention.weights.schedule_text import BETWEEN, parse_numbers, parse_points, spread
from .. import wires
from ..page.description import described
from ..page.notice import for_page, noted
from ..page.own import OWN, check_own
from ..page.unused import only_with

_CURVE_POINTS = 64
_STRAIGHT = {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"}


class WeightScheduleNode(io.ComfyNode):
    """A factor for each part of sampling and for each picture of a batch, for 'schedule' of an Apply node."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessWeightSchedule",
            display_name="Weight Schedule",
            category="likeness/weights",
            description=described(cls),
            search_aliases=["weights", "keyframes", "animation weights", "fade", "weight over steps", "timing"],
            inputs=[
                io.Combo.Input(
                    "curve_preset",
                    options=[*CURVES, OWN],
                    default=CONSTANT,
                    tooltip="How the factor changes over sampling. linear and ease: from 'first' to 'last'. constant: 'first' "
                    "throughout. fade in and out: from 0, to 0. hump and dip: 'first' in the middle, at both ends. own: 'points', which "
                    "go before any preset.",
                ),
                io.Float.Input(
                    "first",
                    optional=True,
                    default=1.0,
                    min=-5.0,
                    max=5.0,
                    step=0.01,
                    tooltip="The factor at the first step. It multiplies the weight of the node this goes to.",
                ),
                io.Float.Input(
                    "last",
                    optional=True,
                    default=0.0,
                    min=-5.0,
                    max=5.0,
                    step=0.01,
                    extra_dict=only_with("curve_preset", TO_LAST),
                    tooltip="The factor at the last step, for linear and ease.",
                ),
                io.String.Input(
                    "points",
                    optional=True,
                    default="",
                    advanced=True,
                    placeholder="0:1, 0.5:0.3, 1:0",
                    tooltip="Your own curve instead of the preset, as the curve on the node writes it: "
                    "'percent:factor' pairs, joined by straight lines.",
                ),
                io.String.Input(
                    "frames",
                    optional=True,
                    advanced=True,
                    default="",
                    multiline=True,
                    placeholder="1.0, 0.5, 0.0",
                    tooltip="A factor for each picture of a batch or animation; the last one is for all that follow. Empty: "
                    "the same for all.",
                ),
                io.Int.Input(
                    "frames_count",
                    optional=True,
                    advanced=True,
                    default=0,
                    min=0,
                    max=100000,
                    tooltip="Spread 'frames' over this many pictures. 0: use the list as written.",
                ),
                io.Combo.Input(
                    "interpolation",
                    optional=True,
                    advanced=True,
                    options=list(BETWEEN),
                    default="linear",
                    tooltip="With frames_count: how to get from one number to the next. none: each holds for its share.",
                ),
                # A plain socket: the host's own CURVE input would draw an editor that always has a value.
                io.Custom("CURVE").Input(
                    "curve",
                    optional=True,
                    # With a value, as the host's own has one: newer pages draw its editor in the search in spite of forceInput.
                    extra_dict={"forceInput": True, "default": _STRAIGHT},
                    tooltip="From the host's Curve Editor, instead of the preset: its height times 'first'.",
                ),
            ],
            outputs=[
                wires.ScheduleWire.Output(
                    "schedule", tooltip="For 'schedule' of Apply IP-Adapter, Apply InstantID or Scale Image Branch."
                )
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        curve_preset: str = CONSTANT,
        first: float = 1.0,
        last: float = 0.0,
        points: str = "",
        frames: str = "",
        frames_count: int = 0,
        interpolation: str = "linear",
        curve: Any | None = None,
    ) -> io.NodeOutput:
        schedule = wires.WeightSchedule(
            _course(curve_preset, first, last, points, curve),
            spread(parse_numbers(frames), frames_count, interpolation),
        )
        course = schedule.schedule.points if schedule.schedule else [(0.0, 1.0)]
        # The editor on the node draws both.
        return for_page(
            noted(cls, _text(schedule), schedule), schedule={"points": course, "frames": schedule.frame_scales}
        )


def _curve_input() -> Any:
    """The host's class of curves, which newer hosts may keep elsewhere: only a connected curve needs it."""
    try:
        from comfy_api.input import CurveInput
    except ImportError as error:
        raise ValueError(
            "Weight Schedule cannot read the connected curve: this ComfyUI has no comfy_api.input.CurveInput. Disconnect "
            "'curve' and draw the course on the node."
        ) from error
    return CurveInput


def _course(name: str, first: float, last: float, points: str, curve: Any | None) -> Schedule | None:
    if curve is not None and points.strip():
        raise ValueError("Weight Schedule takes either 'curve' or 'points'; both are given. Clear one.")
    if curve is not None:
        values = _curve_input().from_raw(curve).to_lut(_CURVE_POINTS + 1)
        return Schedule(tuple((i / _CURVE_POINTS, first * float(value)) for i, value in enumerate(values)))
    if points.strip():
        return parse_points(points)
    check_own("curve_preset", name, "points", points)
    # Without a schedule a branch need not know the step at all.
    return None if name == CONSTANT and first == 1.0 else schedule_of(name, first, last)


def _text(schedule: wires.WeightSchedule) -> str:
    course = schedule.schedule
    parts = (0.0, 0.25, 0.5, 0.75, 1.0)
    text = ", ".join(f"{p:g}: {course.factor(p):.3g}" for p in parts) if course else "1 at every step"
    frames = schedule.frame_scales
    if not frames:
        return text
    some = ", ".join(f"{f:.3g}" for f in frames[:12])
    return f"{text}\n{len(frames)} pictures: {some}{', ...' if len(frames) > 12 else ''}"


NODES = [WeightScheduleNode]
