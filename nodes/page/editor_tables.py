"""The tables behind the editors on the page: blocks, layer presets, curves, head poses, and how keypoints are drawn."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple
from functools import cache
from typing import TYPE_CHECKING, Any

from ...attention.models.families import FAMILIES
from ...attention.weights.curves import CURVES, Curve
from ...attention.weights.layer_presets import LAYER_PRESETS, preset, presets_of
from ...attention.weights.layer_weights import LayerWeights
from ...attention.weights.schedule_text import parse_points
from ...face.pose import MIRRORED, from_json, to_json

if TYPE_CHECKING:
    from ...attention.weights.reference_text import ReferenceSetting


@cache
def tables() -> dict[str, Any]:
    """Everything an editor needs before a node has run; numbers and words only."""
    from ...face import colours, draw
    from ...face.head_poses import HEAD, POSES, head_fit, pose_keypoints
    from ...face.pose_sheet import FRAMES, TURNAROUND

    return {
        "families": {name: {"label": family.label, "blocks": _blocks(name)} for name, family in FAMILIES.items()},
        "layer_presets": {name: _of_families(name) for name in LAYER_PRESETS},
        "curves": {name: _curve(curve) for name, curve in CURVES.items()},
        "heads": {
            "poses": {name: pose_keypoints(name).tolist() for name in POSES},
            "fit": head_fit().tolist(),
            "mirrored": MIRRORED,
            "angles": dict(POSES),
            "head": (HEAD - HEAD.mean(axis=0)).tolist(),
            "frames": {name: asdict(frame) for name, frame in FRAMES.items()},
            "turnaround": TURNAROUND,
        },
        "people": colours.PEOPLE,
        "drawing": {
            "colours": draw.COLOURS,
            "limbs": draw.LIMBS,
            "limb_brightness": draw.LIMB_BRIGHTNESS,
            "half_width": draw.HALF_WIDTH,
            "radius": draw.RADIUS,
        },
    }


def factors(weights: LayerWeights) -> dict[str, Any]:
    """Layer weights as the page has them: a factor for each block, and the blocks that push away."""
    return {"factors": list(weights.factors), "swapped": sorted(weights.swapped)}


def read(kind: str, text: str, family: str) -> dict[str, Any]:
    """A text that people type, as the nodes understand it. Raises ValueError that says what is wrong with it."""
    from ...attention.weights.layer_text import parse

    if kind == "layers" and family in FAMILIES:
        return factors(parse(text, family))
    if kind == "points":
        return {"points": parse_points(text).points}
    if kind == "keypoints":
        return json.loads(to_json(from_json(text)))
    if kind == "poses":
        from ...face.pose_sheet import parse_poses

        return {"poses": [[astuple(pose) for pose in line] for line in parse_poses(text)]}
    if kind == "references":
        from ...attention.weights.reference_text import parse_references

        return {"rows": [_row(row) for row in parse_references(text)]}
    raise ValueError(f"There is no text of kind '{kind}' for '{family}'.")


def _row(setting: ReferenceSetting) -> dict[str, Any]:
    """A reference's settings under the names that they have in the text."""
    points = setting.schedule.points if setting.schedule else ()
    return {
        "of": setting.source,
        "weight": setting.weight,
        "start": setting.range.start,
        "end": setting.range.end,
        "schedule": ", ".join(f"{percent:g}:{factor:g}" for percent, factor in points),
        "mask": setting.regions,
    }


def _blocks(family: str) -> list[dict[str, Any]]:
    from ...attention.models.blocks import outlines

    return [
        {"place": block.place, "side": block.side, "cell": block.cell, "role": block.role} for block in outlines(family)
    ]


def _of_families(name: str) -> dict[str, Any]:
    """A preset for every family that it has a meaning for."""
    return {family: _preset(name, family) for family in FAMILIES if name in presets_of(family)}


def _preset(name: str, family: str) -> dict[str, Any]:
    """Every factor is a straight line of 'boost': its values at 0 and at 1 tell all."""
    at = [preset(name, family, boost) for boost in (0.0, 1.0)]
    return {"at_0": at[0].factors, "at_1": at[1].factors, "swapped": sorted(at[1].swapped)}


def _curve(curve: Curve) -> list[tuple[float, float, float]]:
    """Percent, envelope and way at the corners of the course: factor = envelope * (first + (last - first) * way)."""
    percents = [i / max(curve.pieces, 1) for i in range(curve.pieces + 1)]
    return [(percent, curve.envelope(percent), curve.way(percent)) for percent in percents]
