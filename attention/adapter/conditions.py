"""What the shapes of an image projection must be like for a variant, each condition with its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .projection import Shapes

LAYER, LAYER_BIAS, LAYER_TIME = "to_k_ip.weight", "to_k_ip.bias", "norm_ip.linear.weight"
"""Beside the names of a projection's weights: the keys of a layer, (D, C), their bias, (D), and what the time does to
its image tokens, (2 C, E), where there are such."""


@dataclass(frozen=True)
class Condition:
    """What a projection's shapes, and that of its layers' keys under LAYER, must be like for a variant, and the same in words, for files that match no known kind."""

    words: str
    holds: Callable[[Shapes], bool]

    def __str__(self) -> str:
        return self.words


def has(*keys: str) -> Condition:
    return Condition(" and ".join(keys), lambda shapes: all(key in shapes for key in keys))


def lacks(*keys: str) -> Condition:
    return Condition(f"no {' or '.join(keys)}", lambda shapes: not any(key in shapes for key in keys))


def size(key: str, dim: int, length: int) -> Condition:
    return Condition(
        f"{key} with {length} in dimension {dim}",
        lambda shapes: dim < len(shapes.get(key, ())) and shapes[key][dim] == length,
    )


def other_size(key: str, dim: int, length: int) -> Condition:
    return Condition(
        f"{key} with a size other than {length} in dimension {dim}",
        lambda shapes: dim < len(shapes[key]) and shapes[key][dim] != length,
    )


def all_of(*conditions: Condition) -> Condition:
    return Condition(
        " and ".join(map(str, conditions)), lambda shapes: all(condition.holds(shapes) for condition in conditions)
    )


def other_than(condition: Condition) -> Condition:
    return Condition(f"not ({condition})", lambda shapes: not condition.holds(shapes))


def tokens_of_layers_width() -> Condition:
    return Condition("tokens as wide as the layers read", lambda shapes: shapes["norm.weight"][0] == shapes[LAYER][1])


def tokens_made(count: int) -> Condition:
    return Condition(f"{count} tokens", lambda shapes: shapes["proj.2.weight"][0] // shapes["norm.weight"][0] == count)
