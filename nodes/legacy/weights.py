"""Lists of weights that old nodes computed -> the text of a Weight Schedule."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ...attention.schedule_text import parse_numbers
from .job import Job, is_link
from .shape import NoCounterpart

SDXL_BLOCKS = 11
_LISTS = ("weights", "weights_invert")

# The old pack's names for the curves, whose 'in' and 'out' are the other way round elsewhere.
_TIMINGS: Mapping[str, Callable[[float], float]] = MappingProxyType(
    {
        "linear": lambda u: u,
        "ease_in_out": lambda u: (1 - math.cos(math.pi * u)) / 2,
        "ease_in": lambda u: math.sin(math.pi * u / 2),
        "ease_out": lambda u: 1 - math.cos(math.pi * u / 2),
    }
)


def blocks(text: str) -> int:
    """How many blocks a model needs to have for layer weights written as 'block:weight'."""
    return 1 + max((int(number) for number in re.findall(r"(\d+)\s*:", text)), default=0)


def linked(job: Job) -> dict[str, Any]:
    """'weight' of an apply node, or the schedule that stands for a list of weights linked into it."""
    weight = job.value("weight")
    source = job.source(weight)
    if source is None:
        return {"weight": weight}
    frames = ", ".join(f"{number:.6g}" for number in listed(source, weight[1]))
    return {"weight": 1.0, "schedule": job.add("LikenessWeightSchedule", curve_preset="constant", frames=frames)}


def listed(job: Job, output: int) -> list[float]:
    """The list on an output of an old node that computes weights."""
    name = job.row.outputs[output] if output < len(job.row.outputs) else ""
    if name not in _LISTS:
        raise NoCounterpart(f"its output '{name}' is no list of weights")
    if job.row.node_id == "IPAdapterCombineWeights":
        return [number for side in ("weights_1", "weights_2") for number in _side(job, side)]
    numbers = _computed(job)
    return numbers[::-1] if name == "weights_invert" else numbers


def weights_node(job: Job) -> None:
    """Nothing of its own: the lists went where they were linked, and the number of frames is written out."""
    if job.has("image"):
        raise NoCounterpart("the pictures it repeats: connect them to Apply IP-Adapter, with combine 'one per frame'")
    job.outputs[2] = len(_computed(job))


def combine_weights(job: Job) -> None:
    job.outputs[1] = len(listed(job, 0))


def _side(job: Job, name: str) -> list[float]:
    value = job.value(name)
    source = job.source(value)
    if source is not None:
        return listed(source, value[1])
    if is_link(value):
        raise NoCounterpart(f"'{name}' comes from a node of another pack and is not known before the graph runs")
    return [float(value)]


def _computed(job: Job) -> list[float]:
    widgets = {name: job.value(name) for name in job.row.widgets}
    unknown = [name for name, value in widgets.items() if is_link(value)]
    if unknown:
        raise NoCounterpart(f"'{unknown[0]}' is linked, and the weights are computed before the graph runs")
    numbers = list(parse_numbers(str(widgets["weights"])))
    timing = widgets["timing"]
    if timing == "custom" or not numbers:
        return numbers or [0.0]
    if timing not in _TIMINGS:
        raise NoCounterpart(f"the timing '{timing}' gives other weights each time; write them out with 'custom'")
    return _timed(numbers, widgets, _TIMINGS[timing])


def _timed(numbers: list[float], widgets: Mapping[str, Any], course: Callable[[float], float]) -> list[float]:
    """The first number to the last over frames start to end; before and after them the ends hold."""
    frames = max(int(widgets["frames"]), 2)
    start, end = int(widgets["start_frame"]), min(int(widgets["end_frame"]), frames)
    first, last, duration = numbers[0], numbers[-1], max(end - start, 1)
    between = [first + (last - first) * course(i / (duration - 1) if duration > 1 else 1.0) for i in range(duration)]
    before = [first] * (start + int(widgets["add_starting_frames"]))
    after = [last] * (frames - end + int(widgets["add_ending_frames"]))
    return before + between + after
