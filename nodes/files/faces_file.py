"""Faces as a safetensors file that says what is in it, and back."""

from __future__ import annotations

from pathlib import Path

import torch

from ...attention.files.made_by import pack_version
from ...attention.files.read_whole import MAX_HEADER, metadata_of, tensors_of
from ...attention.files.write_whole import write_tensors
from ...face.saved import packed, unpacked
from ...face.value import FaceBatch

FORMAT = "likeness faces 1"


def save(path: Path, faces: FaceBatch) -> None:
    """Write faces without their photos to `path`: the whole file or none of it.

    Raises MissingFace when there is none, and ValueError for more pictures than one file can name.
    """
    arrays, words = packed(faces)
    # Arrays on a face are read-only, which torch warns of.
    tensors = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
    header = {"format": FORMAT, "pack": pack_version(), **words}
    if sum(map(len, header.values())) > MAX_HEADER // 2:
        raise ValueError(f"{len(faces)} pictures are too many for one file of faces. Save them in several files.")
    write_tensors(path, tensors, header)


def load(path: Path) -> FaceBatch:
    """The faces in a file that `save` wrote. Raises ValueError naming the file when it is anything else."""
    try:
        header = metadata_of(path)
        found = header.get("format", "")
        if found == FORMAT:
            return unpacked({name: tensor.numpy() for name, tensor in tensors_of(path).items()}, header)
    except (ValueError, TypeError) as error:
        raise ValueError(f"'{path.name}' cannot be read as faces: {error} Save the faces again.") from error
    if found.startswith("likeness faces"):
        raise ValueError(
            f"'{path.name}' has format '{found}', written by version {header.get('pack', 'unknown')} of the pack; this "
            f"is version {pack_version()}, which reads '{FORMAT}'. Update the pack."
        )
    raise ValueError(
        f"'{path.name}' is not a file of faces ('{FORMAT}') but something else{f' ({found!r})' if found else ''}. "
        "Choose a file written by Save Faces."
    )
