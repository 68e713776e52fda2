"""Where the host looks for InsightFace packs."""

from __future__ import annotations

from pathlib import Path

import folder_paths

from ...face.graph import DETECTOR, RECOGNISER
from ...face.packs import find_packs, missing

CATEGORY = "insightface"


def packs() -> dict[str, Path]:
    """Name -> folder of every installed pack."""
    return find_packs(Path(root) for root in _roots())


def pack_folder(name: str) -> Path:
    """The folder of a pack. Raises ValueError that says which files belong where."""
    found = packs()
    if name in found:
        return found[name]
    folder = Path(_roots()[0], "models", name)
    others = f" Installed: {', '.join(found)}." if found else ""
    raise ValueError(missing(folder, DETECTOR, RECOGNISER) + others)


def damaged(name: str) -> list[str]:
    """What is wrong with each file of a pack that is damaged, in words that begin with its name."""
    from ...attention.files.damage import damage

    files = sorted(pack_folder(name).rglob("*.onnx"))
    return [f"'{file.name}' {fault}: download it again." for file in files if (fault := damage(file))]


def _roots() -> list[str]:
    """The host has no such category of its own; one from extra_model_paths.yaml stays first."""
    folder_paths.add_model_folder_path(CATEGORY, str(Path(folder_paths.models_dir, CATEGORY)))
    return folder_paths.get_folder_paths(CATEGORY)
