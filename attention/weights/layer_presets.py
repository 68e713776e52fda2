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
class Block:
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
class LayerPreset:
    """A row of the table: the factor of each block, and the blocks where the two sides are swapped.

    `of_unets` is True where it asks for the sides of a UNet, or for blocks that carry style or composition.
    """

    factor: Callable[[Block], float]
    swaps: Callable[[Block], bool] = lambda _block: False
    takes_boost: bool = False
    of_unets: bool = True


def _eased(share: Callable[[float], float]) -> Callable[[Block], float]:
    return lambda block: _FLOOR + (1 - _FLOOR) * share(block.progress)


def _weak(side: str) -> Callable[[Block], float]:
    return lambda block: _WEAK if block.side == side else 1.0


def _strong(side: str) -> Callable[[Block], float]:
    return lambda block: 1.0 if block.side == side else _WEAK


def _style_and_composition(block: Block) -> float:
    return 1.0 if block.styles else block.boost * block.composes


def _precise_composition(block: Block) -> float:
    if block.composes:
        return block.composes
    return block.boost * (_QUIET if block.number in block.roles.quiet else 1.0)


# In the order of the list on the page: what people look for first, then by kind.
LAYER_PRESETS: Mapping[str, LayerPreset] = MappingProxyType(
    {
        LINEAR: LayerPreset(lambda _block: 1.0, of_unets=False),
        "style": LayerPreset(lambda block: float(block.styles)),
        "strong style": LayerPreset(lambda block: 0.0 if block.composes else 1.0),
        "style precise": LayerPreset(_style_and_composition, lambda block: bool(block.composes), takes_boost=True),
        "composition": LayerPreset(lambda block: block.composes),
        "composition precise": LayerPreset(_precise_composition, lambda block: not block.composes, takes_boost=True),
        "style and composition": LayerPreset(_style_and_composition, takes_boost=True),
        "strong style and composition": LayerPreset(
            lambda block: block.boost * block.composes if block.composes else 1.0, takes_boost=True
        ),
        "ease in": LayerPreset(_eased(lambda x: 1 - x), of_unets=False),
        "ease out": LayerPreset(_eased(lambda x: x), of_unets=False),
        "ease in-out": LayerPreset(_eased(lambda x: 1 - abs(2 * x - 1)), of_unets=False),
        "reverse in-out": LayerPreset(_eased(lambda x: abs(2 * x - 1)), of_unets=False),
        "weak input": LayerPreset(_weak("input")),
        "weak middle": LayerPreset(_weak("middle")),
        "weak output": LayerPreset(_weak("output")),
        "strong input": LayerPreset(_strong("input")),
        "strong middle": LayerPreset(_strong("middle")),
        "strong output": LayerPreset(_strong("output")),
    }
)

BOOSTED = tuple(name for name, row in LAYER_PRESETS.items() if row.takes_boost)


def presets_of(family: str) -> tuple[str, ...]:
    """The presets that have a meaning for a family."""
    is_unet = FAMILIES[family].kind == "unet"
    return tuple(name for name, row in LAYER_PRESETS.items() if is_unet or not row.of_unets)


def preset(name: str, family: str, boost: float = 1.0) -> LayerWeights:
    """A preset's weights for a family. `boost` is its second factor, where it has one."""
    if name not in LAYER_PRESETS:
        raise ValueError(f"there is no layer preset '{name}'; choose one of: {', '.join(LAYER_PRESETS)}.")
    if name not in presets_of(family):
        raise ValueError(
            f"the layer preset '{name}' has no meaning for {FAMILIES[family].label}, of whose blocks nobody has published "
            f"which carry what; choose one of: {', '.join(presets_of(family))}."
        )
    row, blocks = LAYER_PRESETS[name], _blocks(family, boost)
    return LayerWeights(
        family,
        tuple(row.factor(block) for block in blocks),
        frozenset(block.number for block in blocks if row.swaps(block)),
    )


def _blocks(family: str, boost: float) -> tuple[Block, ...]:
    count = FAMILIES[family].num_transformers
    sides = {layer.transformer: layer.key[0] for layer in layers(family)}
    return tuple(Block(i, i / count, sides[i], FAMILIES[family].roles, boost) for i in range(count))
