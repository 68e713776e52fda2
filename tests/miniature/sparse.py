"""Writes model files with the names, shapes and size of published ones, and holes in place of the weights."""

import json
import math
import pickle
import warnings
from pathlib import Path
from typing import Any

import torch

SHAPES = Path(__file__).resolve().parents[1] / "shapes"
DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32}


def entry(stem: str) -> dict[str, Any]:
    """A published file as tests/shapes describes it."""
    return json.loads((SHAPES / f"{stem}.json").read_text(encoding="utf-8"))


def projection_of(described: dict[str, Any]) -> dict[str, list[int]]:
    """The shapes of a published file's image projection, by the names of its own weights."""
    parts = ("image_proj.", "ip_adapter_proj_model.", "id_adapter.")
    return {key.partition(".")[2]: shape for key, shape in described["shapes"].items() if key.startswith(parts)}


def write(stem: str, folder: Path, name: str | None = None, size: int | None = None) -> Path:
    """A published file in its own container, of its published size unless another is given."""
    described = entry(stem)
    path = folder / (name or described["file"])
    path.parent.mkdir(parents=True, exist_ok=True)
    shapes, dtype = described["shapes"], described["dtype"]
    dtypes = {key: dtype if isinstance(dtype, str) else dtype[key.split(".")[0]] for key in shapes}
    write_as = safetensors if path.suffix == ".safetensors" else legacy
    write_as(path, shapes, dtypes, size or described["bytes"])
    return path


def safetensors(path: Path, shapes: dict[str, list[int]], dtypes: dict[str, str], size: int | None = None) -> None:
    """A safetensors file; the header is padded with spaces to reach the size."""
    header, end = {}, 0
    for key, shape in shapes.items():
        start, end = end, end + math.prod(shape) * DTYPES[dtypes[key]].itemsize
        header[key] = {"dtype": dtypes[key], "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    if size is not None and size - 8 - end >= len(text):
        text = text.ljust(size - 8 - end)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


class _StoragePickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, torch.storage.TypedStorage):
            return ("storage", getattr(torch, obj.pickle_storage_type()), str(id(obj)), "cpu", len(obj))
        return None


def legacy(path: Path, shapes: dict[str, list[int]], dtypes: dict[str, str], size: int | None = None) -> None:
    """A torch file in the older format, nested as the authors' `.bin` files are."""
    nested: dict[str, dict[str, torch.Tensor]] = {}
    for key, shape in shapes.items():
        part, _, rest = key.partition(".")
        nested.setdefault(part, {})[rest] = torch.empty(shape, dtype=DTYPES[dtypes[key]])  # never touched: no memory
    data = sum(tensor.nbytes for part in nested.values() for tensor in part.values())
    with path.open("wb") as file:
        for head in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}):
            pickle.dump(head, file, protocol=2)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="TypedStorage is deprecated")  # it is what torch.save writes
            _StoragePickler(file, protocol=2).dump(nested)
        file.truncate(size or file.tell() + data)
