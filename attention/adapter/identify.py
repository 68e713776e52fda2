"""Decides which variant a checkpoint is, and says why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..files.header import metadata
from ..files.made_by import MAKER
from ..files.published import FILES
from ..files.sha256 import sha256_of
from ..models.families import Family
from .checkpoint import Checkpoint
from .conditions import LAYER, LAYER_BIAS, LAYER_TIME
from .projection import Shapes
from .structure import check_structure
from .variant import Variant
from .variants import AUTO, variants_of


@dataclass(frozen=True)
class Identity:
    """What a checkpoint is, and the reason in words."""

    variant: Variant
    family: Family
    reason: str


def identify(checkpoint: Checkpoint, kind: str = AUTO) -> Identity:
    """The variant and family of a checkpoint; file names decide nothing, of look-alikes made here the header does.

    `kind` is the name of a variant for files whose keys fit several and whose bytes are not the published
    ones (saved again or converted); "auto" decides alone. Raises ValueError when it is undecided or when `kind`
    does not fit.
    """
    fitting = _fitting(checkpoint)
    family = fitting[0].family_with(checkpoint.num_layers)  # look-alikes are for the same kind of model
    if kind != AUTO:
        return Identity(_chosen(fitting, kind), family, "the kind chosen on the node")
    candidates = _by_themselves(fitting)
    if len(candidates) == 1:
        return Identity(candidates[0], family, "its keys and shapes")
    told = _told(checkpoint.path)
    for variant in candidates:
        if variant.name == told:
            return Identity(variant, family, "what its header says it was trained as")
    for variant in candidates:
        for published in (FILES[name] for name in variant.published):
            # Hashing reads the whole file, so only one of exactly the published size is hashed.
            if published.size == checkpoint.size and published.sha256 == sha256_of(checkpoint.path):
                return Identity(variant, family, "the size and sha256 of the published file")
    names = " or ".join(f"'{variant.name}'" for variant in candidates)
    raise ValueError(
        f"it is ambiguous: {' and '.join(v.label for v in candidates)} have the same keys "
        f"and shapes, and the file is not an exact copy of a published one. Set 'kind' to {names}."
    )


def _told(path: Path) -> str | None:
    """The variant that a file made by this pack says it is."""
    header = metadata(path) if path.is_file() else {}
    return header.get("variant") if header.get("made_by", "").startswith(MAKER) else None


def candidates_of(checkpoint: Checkpoint) -> tuple[Variant, ...]:
    """The variants that a checkpoint can be, as far as keys and shapes tell, without those that have to be named.

    Raises ValueError when there is none, or when a weight is missing or misshaped.
    """
    return _by_themselves(_fitting(checkpoint))


def _by_themselves(fitting: tuple[Variant, ...]) -> tuple[Variant, ...]:
    return tuple(variant for variant in fitting if not variant.is_asked_for)


def _fitting(checkpoint: Checkpoint) -> tuple[Variant, ...]:
    shapes = checkpoint.projection_shapes
    candidates = variants_of({**shapes, **_of_a_layer(checkpoint)})
    check_structure(candidates[0], shapes)  # look-alikes have the same
    if checkpoint.norms and not candidates[0].way.by_time:
        raise ValueError(
            f"its image projection is that of {candidates[0].label}, but its layers have {LAYER_TIME}, as InstantX's for "
            "SD3.5 Large do, whose projection is told the time."
        )
    return candidates


def _of_a_layer(checkpoint: Checkpoint) -> Shapes:
    of_one = {LAYER: checkpoint.keys, LAYER_BIAS: checkpoint.key_biases}
    shapes = {name: tuple(next(iter(part.values())).shape) for name, part in of_one.items() if part}
    if checkpoint.norms:
        shapes[LAYER_TIME] = tuple(next(iter(checkpoint.norms.values()))[LAYER_TIME].shape)
    return shapes


def _chosen(candidates: tuple[Variant, ...], kind: str) -> Variant:
    for variant in candidates:
        if variant.name == kind:
            return variant
    fitting = ", ".join(f"'{variant.name}'" for variant in candidates)
    raise ValueError(f"kind '{kind}' does not fit this file: by its keys and shapes it is {fitting}.")
