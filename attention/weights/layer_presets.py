"""The named layer weights: a table of presets, and the blocks that carry style and composition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..models.families import FAMILIES, Roles, layers
from .layer_weights import LayerWeights

LINEAR = "linear"
_WEAK = 0.2
_FLOOR = 0.05  # what an eased preset keeps at its weakest


_QUIET = 0.1


@dataclass(frozen=True)
class Place:
    """One SpatialTransformer that a preset gives a factor: its number, its share of the way, its part."""

    number: int
    progress: float  # number / how many there are, 0..1
    side: str  # "input", "middle" or "output"
    roles: Roles
    boost: float  # for the presets that have a second factor

    @property
    def composes(self) -> float:
        return self.roles.composition.get(self.number, 0.0)

    @property
    def styles(self) -> bool:
        return self.number in self.roles.style


@dataclass(frozen=True)
class Preset:
    """A row of the table: the factor of each place, and the places where the two sides are swapped."""

    factor: Callable[[Place], float]
    swaps: Callable[[Place], bool] = lambda _place: False
    takes_boost: bool = False


def _eased(share: Callable[[float], float]) -> Callable[[Place], float]:
    return lambda place: _FLOOR + (1 - _FLOOR) * share(place.progress)


def _weak(side: str) -> Callable[[Place], float]:
    return lambda place: _WEAK if place.side == side else 1.0


def _strong(side: str) -> Callable[[Place], float]:
    return lambda place: 1.0 if place.side == side else _WEAK


def _style_and_composition(place: Place) -> float:
    return 1.0 if place.styles else place.boost * place.composes


def _precise_composition(place: Place) -> float:
    if place.composes:
        return place.composes
    return place.boost * (_QUIET if place.number in place.roles.quiet else 1.0)


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        LINEAR: Preset(lambda _place: 1.0),
        "ease in": Preset(_eased(lambda x: 1 - x)),
        "ease out": Preset(_eased(lambda x: x)),
        "ease in-out": Preset(_eased(lambda x: 1 - abs(2 * x - 1))),
        "reverse in-out": Preset(_eased(lambda x: abs(2 * x - 1))),
        "weak input": Preset(_weak("input")),
        "weak middle": Preset(_weak("middle")),
        "weak output": Preset(_weak("output")),
        "strong input": Preset(_strong("input")),
        "strong middle": Preset(_strong("middle")),
        "strong output": Preset(_strong("output")),
        "style": Preset(lambda place: float(place.styles)),
        "composition": Preset(lambda place: place.composes),
        "strong style": Preset(lambda place: 0.0 if place.composes else 1.0),
        "style and composition": Preset(_style_and_composition, takes_boost=True),
        "strong style and composition": Preset(
            lambda place: place.boost * place.composes if place.composes else 1.0, takes_boost=True
        ),
        "style precise": Preset(_style_and_composition, lambda place: bool(place.composes), takes_boost=True),
        "composition precise": Preset(_precise_composition, lambda place: not place.composes, takes_boost=True),
    }
)


def preset(name: str, family: str, boost: float = 1.0) -> LayerWeights:
    """A preset's weights for a family. `boost` is its second factor, where it has one."""
    if name not in PRESETS:
        raise ValueError(f"there is no layer preset '{name}'; choose one of: {', '.join(PRESETS)}.")
    row, places = PRESETS[name], _places(family, boost)
    return LayerWeights(
        family,
        tuple(row.factor(place) for place in places),
        frozenset(place.number for place in places if row.swaps(place)),
    )


def _places(family: str, boost: float) -> tuple[Place, ...]:
    count = FAMILIES[family].num_transformers
    sides = {layer.transformer: layer.key[0] for layer in layers(family)}
    return tuple(Place(i, i / count, sides[i], FAMILIES[family].roles, boost) for i in range(count))
