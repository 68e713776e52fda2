"""Chooses among the installed adapters the one that serves a preset, and says why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..adapter.variants import AUTO
from .installed import AdapterFile
from .presets import Preset


@dataclass(frozen=True)
class Choice:
    """The adapter taken for a preset, the kind to open it as, and the reason in words."""

    file: AdapterFile
    kind: str
    reason: str


@dataclass(frozen=True, order=True)
class _Rank:
    """How certain it is that a file serves the preset: by its bytes, else by its name and contents, else by contents."""

    unproved: bool
    misnamed: bool
    place: int  # in the preset's list of files
    name: str


def choose(preset: Preset, installed: Sequence[AdapterFile], fits: Callable[[AdapterFile], bool]) -> Choice | None:
    """The installed adapter for a preset, None when there is none.

    Contents decide what can serve: the variant, the encoder's width, and `fits`, the model's layers. A file that
    is byte for byte one published for another purpose is left out. Look-alikes (plus, plus face and composition
    have the same keys and shapes) are told apart by their bytes; if these are not published ones, a published
    name is preferred, then the order of names, and the reason says so.
    """
    ranked: list[tuple[_Rank, AdapterFile]] = []
    for file in installed:
        if file.is_a(preset.variant) and file.reads(preset.encoder) and fits(file):
            rank = _rank(preset, file)
            if rank is not None:
                ranked.append((rank, file))
    if not ranked:
        return None
    rank, file = min(ranked, key=lambda pair: pair[0])
    others = [other.name for other_rank, other in ranked if other is not file and other_rank.unproved]
    kind = AUTO if len(file.variants) == 1 else preset.variant
    return Choice(file, kind, _reason(rank, preset, others))


def _rank(preset: Preset, file: AdapterFile) -> _Rank | None:
    published = file.published(*preset.files)
    if published in preset.files:
        return _Rank(False, False, preset.files.index(published), file.name)
    if published is not None:
        return None
    names = [candidate.name for candidate in preset.files]
    base_name = file.path.name
    place = names.index(base_name) if base_name in names else len(names)
    return _Rank(True, base_name not in names, place, file.name)


def _reason(rank: _Rank, preset: Preset, others: Sequence[str]) -> str:
    if not rank.unproved:
        return f"byte for byte the published {preset.files[rank.place].name}"
    trusted = "its contents" if rank.misnamed else "its contents and its name"
    reason = f"{trusted}; it is not an exact copy of a published file, so '{preset.purpose}' is taken on trust"
    if others:
        reason += f". These fit just as well: {', '.join(others)}. To use one of them, open it with Load IP-Adapter"
    return reason
