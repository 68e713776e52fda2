"""Layer weights from text: numbers by block, or the dictionaries of diffusers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, cast

from ..models.families import FAMILIES, layers, level_of
from .layer_weights import LayerWeights

_PAIR = re.compile(r"\s*(!?)\s*(\d+)\s*:\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*")


def parse(text: str, family: str) -> LayerWeights:
    """Weights from what people type: '0:1, 3:0.5' by block, or a dictionary as diffusers takes it.

    What is not named is 0, in both; '!3:0.5' swaps the two sides in block 3. Raises ValueError with what was expected.
    """
    if text.lstrip().startswith(("{", "[")):
        return _from_diffusers(_json(text), family)
    factors = [0.0] * FAMILIES[family].num_transformers
    swapped: set[int] = set()
    for part in filter(str.strip, text.replace("\n", ",").split(",")):
        match = _PAIR.fullmatch(part)
        if match is None or int(match[2]) >= len(factors):
            raise ValueError(
                f"'{part.strip()}' is not a layer weight. Write 'block:weight' pairs such as '0:1, 3:0.5'; "
                f"{FAMILIES[family].label} has blocks 0 to {len(factors) - 1}."
            )
        factors[int(match[2])] = float(match[3])
        if match[1]:
            swapped.add(int(match[2]))
    return LayerWeights(family, tuple(factors), frozenset(swapped))


def _json(text: str) -> Any:
    try:
        return json.loads(text.replace("'", '"'))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the layer weights are not a dictionary that can be read: {error}.") from error


@cache
def diffusers_blocks(family: str) -> Mapping[str, tuple[tuple[int, ...], ...]]:
    """diffusers' blocks of a family: for each part and block the numbers of its SpatialTransformers here, in order."""
    row = FAMILIES[family]
    keys = {layer.transformer: layer.key for layer in layers(family)}
    levels = range(row.levels)

    def at(wanted: str, level: int) -> tuple[int, ...]:
        return tuple(
            number
            for number, (side, block, _) in sorted(keys.items())
            if side == wanted and level_of(row, side, block) == level
        )

    middle = at("middle", row.levels - 1)
    return MappingProxyType(
        {
            "down": tuple(at("input", level) for level in levels),
            "mid": (middle,) if middle else (),
            "up": tuple(at("output", level) for level in reversed(levels)),
        }
    )


def _from_diffusers(config: Any, family: str) -> LayerWeights:
    """`set_ip_adapter_scale`'s dictionary: what it does not name is 0."""
    if FAMILIES[family].kind != "unet":
        raise ValueError(
            f"diffusers' dictionaries are for UNets, and {FAMILIES[family].label} has none. Write 'block:weight' pairs "
            "such as '0:1, 3:0.5'."
        )
    if not isinstance(config, dict):
        raise ValueError(
            'layer weights in diffusers\' form must be a single dictionary, such as {"up": {"block_0": [0, 1, 0]}}.'
        )
    factors = [0.0] * FAMILIES[family].num_transformers
    for part, value in cast(dict[str, Any], config).items():
        blocks = diffusers_blocks(family).get(part)
        if blocks is None:
            raise ValueError(f"'{part}' is not a part of a UNet; diffusers' dictionaries have 'down', 'mid' and 'up'.")
        entries = (
            cast(dict[str, Any], value)
            if isinstance(value, dict)
            else {f"block_{i}": value for i in range(len(blocks))}
        )
        for name, scale in entries.items():
            for number, factor in zip(*_spread(name, scale, blocks, part), strict=True):
                factors[number] = factor
    return LayerWeights(family, tuple(factors))


def _spread(
    name: str, scale: Any, blocks: tuple[tuple[int, ...], ...], part: str
) -> tuple[tuple[int, ...], list[float]]:
    match = re.fullmatch(r"block_(\d+)", name)
    if match is None or int(match[1]) >= len(blocks):
        raise ValueError(f"'{part}' has no '{name}'; it has block_0 to block_{len(blocks) - 1}.")
    numbers = blocks[int(match[1])]
    given = cast(list[Any], scale) if isinstance(scale, list) else [scale]
    if len(given) == 1:
        given = given * len(numbers)
    if len(given) != len(numbers) and numbers:
        raise ValueError(f"'{part}.{name}' has {len(numbers)} attentions, but {len(given)} weights were given.")
    wrong = [number for number in given if isinstance(number, bool) or not isinstance(number, int | float)]
    if wrong:
        raise ValueError(f"'{part}.{name}' must be numbers, found {str(wrong[0])[:80]!r}.")
    return numbers, [float(number) for number in given[: len(numbers)]]
