"""What is measured: each row one way to run a model, beside the same model without adapters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Branch:
    """One Apply IP-Adapter: a variant of the miniature adapters, its reference and its inputs on the node."""

    variant: str = "base"
    picture: int = 1
    inputs: dict[str, Any] = field(default_factory=dict)
    mask: bool = False


@dataclass(frozen=True)
class Scenario:
    """A model family with branches; `minimal` uses the hand-written patch of minimal.py in their place."""

    name: str
    family: str
    branches: tuple[Branch, ...] = ()
    minimal: bool = False


def _for(family: str) -> tuple[Scenario, ...]:
    base, plus = Branch(), Branch("plus", picture=2)
    return (
        Scenario("no adapter, again", family),
        Scenario("weight 0", family, (Branch(inputs={"weight": 0.0}),)),
        Scenario("outside its range", family, (Branch(inputs={"start_percent": 0.4, "end_percent": 0.41}),)),
        Scenario("minimal patch, base", family, (base,), minimal=True),
        Scenario("base", family, (base,)),
        Scenario("plus", family, (plus,)),
        Scenario("full face, 257 tokens", family, (Branch("full_face"),)),
        Scenario("base with a mask", family, (Branch(mask=True),)),
        Scenario("base, ease in", family, (Branch(inputs={"layer_preset": "ease in"}),)),
        Scenario("base, style layers only", family, (Branch(inputs={"layer_preset": "style"}),)),
        Scenario("base, orthogonal", family, (Branch(inputs={"fusion": "orthogonal"}),)),
        Scenario("two adapters", family, (base, plus)),
        Scenario("four adapters", family, (base, plus, Branch(picture=3), Branch("plus", picture=4))),
    )


SCENARIOS = (*_for("sd15"), *_for("sdxl"))
