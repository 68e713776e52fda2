"""Networks of faces that are in no pack of InsightFace's: where their files lie, and how one is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from weakref import WeakValueDictionary

import folder_paths
from torch import Tensor, nn

CATEGORY = "facexlib"
Shapes = Mapping[str, tuple[int, ...]]
_loaded: WeakValueDictionary[tuple[str, int, int], Any] = WeakValueDictionary()


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


def loaded(path: Path, net_of: Callable[[dict[str, Tensor], Any], nn.Module]) -> Any:
    """The network of a file under the host's memory management, read once for as long as somebody holds it.

    `net_of` makes it of the file's weights and the host's operations. Raises ValueError that names a damaged file.
    """
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    patcher = _loaded.get(key)
    if patcher is None:
        patcher = _loaded[key] = _patcher(path, net_of)
    return patcher


def _patcher(path: Path, net_of: Callable[[dict[str, Tensor], Any], nn.Module]) -> Any:
    import comfy.model_management
    import comfy.model_patcher
    import comfy.ops
    import comfy.utils

    weights = cast(dict[str, Tensor], comfy.utils.load_torch_file(str(path), safe_load=True))
    try:
        net = net_of(weights, comfy.ops.manual_cast)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ValueError(f"'{path.name}' is damaged or of another network: {reason}") from error
    return comfy.model_patcher.CoreModelPatcher(
        net,
        load_device=comfy.model_management.text_encoder_device(),
        offload_device=comfy.model_management.text_encoder_offload_device(),
    )
