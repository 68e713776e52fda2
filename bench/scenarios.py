"""What is measured: each row one way to run a model, compared with the same model without adapters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Branch:
    """One Apply IP-Adapter: a variant of the seeded adapters, its references and its inputs on the node.

    `pictures` are the seeds of its references; `mask` and `schedule` connect those wires; `frames` are
    the schedule's factors of frames, as written on its node. Scale Image Branch has neither a variant nor references.
    """

    variant: str = "base"
    pictures: tuple[int, ...] = (1,)
    inputs: dict[str, Any] = field(default_factory=dict)
    mask: bool = False
    schedule: bool = False
    frames: str = ""


@dataclass(frozen=True)
class Scenario:
    """A model family with branches and a batch of `frames` pictures.

    `by` says who applies them: our nodes; "minimal", the hand-written patch of minimal.py; "peer", the driver that
    is given with --peer; "instantid", our Apply InstantID with IdentityNet; "image branch", our Scale Image Branch.
    """

    name: str
    family: str
    branches: tuple[Branch, ...] = ()
    frames: int = 1
    by: str = "likeness"


PER_FRAME = {"combine": "one per frame"}


def _for(family: str) -> tuple[Scenario, ...]:
    base, plus = Branch(), Branch("plus", (2,))
    third, fourth = Branch(pictures=(3,)), Branch("plus", (4,))
    return (
        Scenario("no adapter, again", family),
        Scenario("weight 0", family, (Branch(inputs={"weight": 0.0}),)),
        Scenario("outside its range", family, (Branch(inputs={"start_percent": 0.999, "end_percent": 0.9991}),)),
        Scenario("minimal patch, base", family, (base,), by="minimal"),
        Scenario("base", family, (base,)),
        Scenario("plus", family, (plus,)),
        Scenario("full face, 257 tokens", family, (Branch("full_face"),)),
        Scenario("base with a mask", family, (Branch(mask=True),)),
        Scenario("base with a schedule", family, (Branch(schedule=True),)),
        Scenario("base, ease in", family, (Branch(inputs={"layer_preset": "ease in"}),)),
        Scenario("base, style layers only", family, (Branch(inputs={"layer_preset": "style"}),)),
        Scenario("base, orthogonal", family, (Branch(inputs={"fusion": "orthogonal"}),)),
        Scenario("two adapters", family, (base, plus)),
        Scenario("three adapters", family, (base, plus, third)),
        Scenario("four adapters", family, (base, plus, third, fourth)),
        Scenario("24 distinct frames", family, (Branch(pictures=tuple(range(24)), inputs=PER_FRAME),), frames=24),
        Scenario("24 frames of 4 pictures", family, (Branch(pictures=(1, 2, 3, 4) * 6, inputs=PER_FRAME),), frames=24),
        Scenario("peer: base", family, (base,), by="peer"),
        Scenario("peer: plus", family, (plus,), by="peer"),
        Scenario("peer: base with a mask", family, (Branch(mask=True),), by="peer"),
        Scenario("peer: two adapters", family, (base, plus), by="peer"),
    )


def _of_flux() -> tuple[Scenario, ...]:
    first, second, third = Branch(), Branch("plus", (2,)), Branch("instantx", (3,))
    return (
        Scenario("no adapter, again", "flux"),
        Scenario("weight 0", "flux", (Branch(inputs={"weight": 0.0}),)),
        Scenario("outside its range", "flux", (Branch(inputs={"start_percent": 0.999, "end_percent": 0.9991}),)),
        Scenario("XLabs v1", "flux", (first,)),
        Scenario("XLabs v2", "flux", (second,)),
        Scenario("v1 with a mask", "flux", (Branch(mask=True),)),
        Scenario("v1 with a schedule", "flux", (Branch(schedule=True),)),
        Scenario("v1 and v2", "flux", (first, second)),
        Scenario("InstantX", "flux", (third,)),
        Scenario("InstantX with a mask", "flux", (Branch("instantx", (3,), mask=True),)),
    )


def _of_flf2v() -> tuple[Scenario, ...]:
    rows = {
        "weight 1": Branch(inputs={"weight": 1.0}),
        "weight 0": Branch(inputs={"weight": 0.0}),
        "weight 0.5": Branch(inputs={"weight": 0.5}),
        "the end picture at 0.5": Branch(inputs={"end_image_weight": 0.5}),
    }
    scaled = (Scenario(name, "flf2v", (branch,), by="image branch") for name, branch in rows.items())
    return Scenario("no node, again", "flf2v", by="image branch"), *scaled


def _of_wan() -> tuple[Scenario, ...]:
    half, apart = {"weight": 0.5}, {"negative_apart": True, "negative_weight": 0.0}
    frames = "1, 0.5, 0.25"
    rows = {
        "weight 1": Branch(inputs={"weight": 1.0}),
        "weight 0": Branch(inputs={"weight": 0.0}),
        "weight 0.5, outside its range": Branch(inputs={**half, "start_percent": 0.999, "end_percent": 0.9991}),
        "weight 0.5": Branch(inputs=half),
        "weight 0.5 with a mask": Branch(inputs=half, mask=True),
        "weight 0.5 with a schedule": Branch(inputs=half, schedule=True),
        "a weight for each frame": Branch(frames=frames),
        "weight 0.5, 0 beside the negative prompt": Branch(inputs={**half, **apart}),
        "weight 0.5, the last four together": Branch(inputs={**half, **apart}, mask=True, schedule=True, frames=frames),
    }
    scaled = (Scenario(name, "wan", (branch,), by="image branch") for name, branch in rows.items())
    return Scenario("no node, again", "wan", by="image branch"), *scaled


SCENARIOS = (
    *_for("sd15"),
    *_for("sdxl"),
    Scenario("InstantID with IdentityNet", "sdxl", (Branch("instantid"),), by="instantid"),
    *_of_flux(),
    *_of_wan(),
    *_of_flf2v(),
)
