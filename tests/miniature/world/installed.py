"""What of the world belongs into a models folder, for the pack's own loaders."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from . import files

FACE_PACKAGES = ("cv2", "insightface", "onnx", "onnxruntime")


def contents(models: Path) -> dict[Path, bytes]:
    """Path below a models folder -> what to write there; the face recogniser only where its packages are."""
    adapters = models / "ipadapter" / "miniature"
    found = {adapters / name: (files.WEIGHTS / name).read_bytes() for name in (files.IP_ADAPTER, files.INSTANTID)}
    if all(importlib.util.find_spec(name) for name in FACE_PACKAGES):
        from . import recogniser

        found[models / "insightface" / "models" / "world" / "recogniser.onnx"] = recogniser.content()
    return found
