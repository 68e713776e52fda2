"""Where networks of faces that are in no pack of InsightFace's lie, as torch files or safetensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import folder_paths
from torch import Tensor

CATEGORY = "facexlib"
Shapes = Mapping[str, tuple[int, ...]]


def files() -> Iterator[Path]:
    """Every file of weights in the folder."""
    folder_paths.add_model_folder_path(CATEGORY, str(Path(folder_paths.models_dir, CATEGORY)))
    for root in map(Path, folder_paths.get_folder_paths(CATEGORY)):
        if root.is_dir():
            yield from sorted(
                path for path in root.rglob("*") if path.suffix in (".pth", ".pt", ".bin", ".safetensors")
            )


def first(is_one: Callable[[Shapes], bool]) -> tuple[Path | None, str]:
    """The first file whose shapes are those that are looked for, and in brackets what is wrong with those that cannot be read."""
    from ...attention.files import header

    faults: list[str] = []
    for path in files():
        try:
            listed = header.tensors(path).items()
            if is_one({name: tuple(tensor.shape) for name, tensor in listed if isinstance(tensor, Tensor)}):
                return path, ""
        except ValueError as error:
            faults.append(f"'{path.name}' {error}")
    return None, f" ({'; '.join(faults)})" if faults else ""
