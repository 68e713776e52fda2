"""Embeds as a safetensors file that says what is in it, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor

from ..files.made_by import pack_version
from ..files.read_whole import metadata_of, tensors_of
from ..files.write_whole import write_tensors
from . import ipadpt
from .embeds import Embeds
from .features import FEATURES

T = TypeVar("T")
SUFFIX = ".likeness.safetensors"
FORMAT = "likeness embeds 1"


@dataclass(frozen=True)
class MadeFor:
    """The adapter that embeds were saved beside: its file, kind, base model and the file's sha256."""

    name: str
    variant: str
    family: str
    sha256: str


@dataclass(frozen=True)
class SavedEmbeds:
    """The embeds in a file, and its metadata."""

    embeds: Embeds
    pack: str
    made_for: MadeFor | None


def save(path: Path, embeds: Embeds, made_for: MadeFor | None = None) -> None:
    """Write embeds to `path`: the whole file or none of it, as another process sees it.

    Raises ValueError for embeds that are empty or contain NaN or infinity.
    """
    tensors = {name: embeds.feature(name).detach().cpu().contiguous() for name in embeds.names}
    _check(tensors, "the embeds")
    header = {
        "format": FORMAT,
        "pack": pack_version(),
        "encoder": embeds.encoder,
        "features": json.dumps({name: list(tensor.shape) for name, tensor in tensors.items()}),
        "count": str(embeds.count),
    }
    if made_for is not None:
        header["adapter"] = json.dumps(asdict(made_for))
    write_tensors(path, tensors, header)


def load(path: Path) -> SavedEmbeds:
    """The embeds in a file of ours or of ComfyUI_IPAdapter_plus. Nothing in it is ever run.

    Raises ValueError naming the file when it is damaged, of another kind or of a newer format.
    """
    if path.suffix == ipadpt.SUFFIX:
        return SavedEmbeds(ipadpt.load(path), "ComfyUI_IPAdapter_plus", None)
    header = _read(path, metadata_of)
    _check_format(path, header)
    tensors = _read(path, tensors_of)
    _check(tensors, f"'{path.name}'")
    described = _parsed(path, header, "features")
    if {name: list(tensor.shape) for name, tensor in tensors.items()} != described:
        raise ValueError(f"'{path.name}' does not contain what its header lists ({described}). Save the embeds again.")
    adapter = _parsed(path, header, "adapter") if "adapter" in header else None
    return SavedEmbeds(
        Embeds(**tensors, encoder=header.get("encoder", "")),
        header.get("pack", "unknown"),
        MadeFor(**{name: str(adapter.get(name, "")) for name in MadeFor.__dataclass_fields__}) if adapter else None,
    )


def _read(path: Path, part: Callable[[Path], T]) -> T:
    try:
        return part(path)
    except ValueError as error:
        raise ValueError(f"'{path.name}' cannot be read as embeds: {error} Save the embeds again.") from error


def _check_format(path: Path, header: Mapping[str, str]) -> None:
    found = header.get("format", "")
    if found == FORMAT:
        return
    if found.startswith("likeness embeds"):
        raise ValueError(
            f"'{path.name}' has format '{found}', written by version {header.get('pack', 'unknown')} of the pack; this "
            f"is version {pack_version()}, which reads '{FORMAT}'. Update the pack."
        )
    raise ValueError(
        f"'{path.name}' does not contain embeds of this pack ('{FORMAT}') but something else"
        f"{f' ({found!r})' if found else ''}. Choose a file written by Save Embeds."
    )


def _parsed(path: Path, header: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        found = json.loads(header.get(name, ""))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"the header of '{path.name}' does not state its {name}. Save the embeds again.")
    return cast(dict[str, Any], found)


def _check(tensors: Mapping[str, Tensor], what: str) -> None:
    if not tensors:
        raise ValueError(f"there are no features in {what}.")
    for name, tensor in tensors.items():
        if name not in FEATURES or tensor.ndim != FEATURES[name].dimensions or not tensor.is_floating_point():
            raise ValueError(
                f"'{name}' in {what} has the shape {tuple(tensor.shape)}, which is not a feature of a picture."
            )
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"'{name}' in {what} contains NaN or infinity.")
    counts = {name: len(tensor) for name, tensor in sorted(tensors.items())}
    if len(set(counts.values())) > 1 or 0 in counts.values():
        raise ValueError(f"the features in {what} are of different numbers of pictures: {counts}.")
