"""Looks at the files in the model folders: which adapters and encoders are there, and which published files are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import folder_paths

from ...attention.catalogue.presets import Preset
from ...attention.files.published import FILES, KNOWN, File
from ...attention.models.families import FAMILIES
from ...attention.reference.encoders import Encoder
from . import folders

if TYPE_CHECKING:
    from ...attention.adapter.adapter import Adapter
    from ...attention.catalogue.find_encoder import EncoderFile, Need
    from ...attention.catalogue.installed import AdapterFile
    from .found_encoder import FoundEncoder

ENCODERS = "clip_vision"
_MOST_DAMAGED = 3  # that a message names


def adapters() -> tuple[list[AdapterFile], list[str]]:
    """Every adapter in our folders by its header, and for every other file there why it is not one."""
    from ...attention.catalogue.installed import adapter_file

    found: list[AdapterFile] = []
    refused: list[str] = []
    for name in folders.adapter_files():
        try:
            found.append(adapter_file(name, Path(folders.adapter_path(name))))
        except ValueError as error:
            refused.append(str(error))
    return found, refused


def encoder_files() -> Iterator[tuple[str, Path]]:
    """The files in models/clip_vision by the names that the host lists."""
    for name in folder_paths.get_filename_list(ENCODERS):
        path = folder_paths.get_full_path(ENCODERS, name)
        if path is not None:
            yield name, Path(path)


def encoder_need(adapter: Adapter) -> Need | None:
    """What an adapter needs of an image encoder; None when it reads faces alone."""
    from ...attention.catalogue import find_encoder

    variant = adapter.identity.variant
    feature = variant.encoder_feature
    return find_encoder.need(variant, adapter.feature_width(feature)) if feature else None


def damaged_encoders() -> str:
    """A sentence on the files in models/clip_vision that are damaged, the first of them; empty where there are none."""
    from ...attention.catalogue import find_encoder

    found = find_encoder.damaged(encoder_files())[:_MOST_DAMAGED]
    return f"In models/clip_vision {'; '.join(found)}: download it again." if found else ""


def encoder_file_for(adapter: Adapter) -> EncoderFile | None:
    """The installed encoder that an adapter reads, by contents; None when it needs or finds none."""
    from ...attention.catalogue import find_encoder

    wanted = encoder_need(adapter)
    return find_encoder.find(wanted, encoder_files()) if wanted else None


def encoder_for(adapter: Adapter) -> FoundEncoder | None:
    """As `encoder_file_for`, ready to be read when it is first used."""
    from .found_encoder import FoundEncoder

    file = encoder_file_for(adapter)
    return FoundEncoder(file) if file else None


def face_tower() -> FoundEncoder:
    """The first image tower of EVA02-CLIP in models/clip_vision. Raises ValueError that says which file belongs there."""
    from ...attention.catalogue.find_encoder import Need, find
    from ...attention.reference.encoders import ENCODERS as PUBLISHED
    from ...attention.reference.encoders import OF_FACES
    from .found_encoder import FoundEncoder

    towers = tuple(encoder for encoder in PUBLISHED if encoder.gives == OF_FACES)
    needs = [Need(OF_FACES[1], encoder.penultimate, (encoder,)) for encoder in towers]
    file = next(filter(None, (find(need, encoder_files()) for need in needs)), None)
    if file is None:
        raise ValueError(f"no image tower of EVA02-CLIP is installed; PuLID needs {needs[0].described()}.")
    return FoundEncoder(file)


def listing() -> str:
    """A hash that changes when an adapter or an encoder is added, removed or replaced.

    The host writes what a node says of its files into every picture that it saves: no path may be in it.
    """
    from .fingerprint import hashed

    searched = (*folders.adapter_folders(), ENCODERS)
    listed = [(folder, name) for folder in searched for name in folder_paths.get_filename_list(folder)]
    return hashed(filter(None, (_state(folder_paths.get_full_path(*file)) for file in listed)))


def _state(path: str | None) -> str:
    """Size and time of a file; empty for one that the host lists and that is gone, such as a dangling link."""
    try:
        stat = Path(path).stat() if path else None
    except OSError:
        return ""
    return f"{path} {stat.st_size} {stat.st_mtime_ns}" if stat else ""


def folder_of(file: File) -> Path:
    """Where a published file goes: the first folder that the host has for its kind."""
    return _roots(file.folder)[0]


def has(file: File) -> bool:
    """Whether a published file is installed and not damaged, by its name or a size that no other published file has.

    It never hashes: a look-alike under another name counts as missing.
    """
    from ...attention.files.damage import damage

    return any(damage(path) is None for path in _places(file))


def fault_of(file: File) -> str | None:
    """What is wrong with the installed copy of a published file; None where one is whole, or none is there."""
    from ...attention.files.damage import damage

    faults = [damage(path) for path in _places(file)]
    return faults[0] if faults and all(faults) else None


def _places(file: File) -> Iterator[Path]:
    """Where a published file is, by its name or a size that no other published file has."""
    alone = file.size is not None and sum(other.size == file.size for other in (*FILES.values(), *KNOWN)) == 1
    base_name = Path(file.name).name
    listed = (root / name for root in _roots(file.folder) for name in folder_paths.recursive_search(str(root))[0])
    paths = (path for path in listed if path.is_file())  # not a link to nothing
    return (path for path in paths if path.name == base_name or (alone and path.stat().st_size == file.size))


def missing(row: Preset) -> tuple[File, ...]:
    """The files of a preset that no installed file can replace, without hashing any."""
    lacking: list[File] = []
    if not any(has(file) for file in row.files) and not _has_resaved(row):
        lacking.append(row.files[0])
    if row.encoder and row.encoder_file and not has(row.encoder_file) and not _has_encoder(row.encoder):
        lacking.append(row.encoder_file)
    return (*lacking, *(file for file in row.also if not has(file)))


def _has_resaved(row: Preset) -> bool:
    """Whether a file of the right contents is there whose size is no published one."""
    sizes = {file.size for file in FILES.values()}
    context = FAMILIES[row.family].text_width
    return any(
        file.is_a(row.variant) and file.reads(row.encoder) and file.outline.size not in sizes
        for file in adapters()[0]
        if file.family.name == row.family and file.outline.context_dim == context
    )


def _has_encoder(encoder: Encoder) -> bool:
    from ...attention.catalogue import find_encoder
    from ...attention.catalogue.find_encoder import Need

    wanted = Need(encoder.gives[1], encoder.penultimate, (encoder,))
    return find_encoder.find(wanted, encoder_files()) is not None


def _roots(folder: str) -> list[Path]:
    known = folder in folder_paths.folder_names_and_paths
    roots = folder_paths.get_folder_paths(folder) if known else [str(Path(folder_paths.models_dir, folder))]
    return [Path(root) for root in roots]
