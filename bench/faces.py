"""What finding and embedding the faces of one picture costs, cold and warm."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy
import torch
from PIL import Image

ALONE = "detection, without the look in four turns"
ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("LIKENESS_TEST_DATA") or ROOT / ".likeness" / "test-data")


def measure_faces(repeats: int) -> list[dict[str, Any]]:
    """Rows of processor seconds: loading, a new picture (detection, recognition), the same picture again.

    Empty where the small models and photos of the tests are not at hand (`python run.py test` fetches them).
    """
    from pack.face.detect import Settings, find
    from pack.face.embed import embed_batch
    from pack.face.models import load
    from pack.face.picture import pictures

    folders = sorted({path.parent for path in DATA.rglob("*.onnx")})
    photos = sorted((DATA / "photos").glob("*.jpg"))
    if not folders or not photos:
        return []
    started = time.process_time()
    models = load(folders[0], "CPU")
    rows = [_row("face models, loading", time.process_time() - started)]
    image = Image.open(photos[0]).convert("RGB")
    image.thumbnail((640, 640))
    pixels = torch.from_numpy(numpy.array(image)).float()[None] / 255
    spent: dict[str, list[float]] = {name: [] for name in ("detection", ALONE, "recognition", "again")}
    for i in range(repeats):
        shots = pictures((pixels + i / 255).clamp(0, 1))  # another picture to the memory, the same to the network
        found = _timed(spent["detection"], lambda shots=shots: find(models, shots))
        _timed(spent[ALONE], lambda shots=shots: find(models, shots, Settings(turned=False)))
        _timed(spent["recognition"], lambda found=found: embed_batch(models, found))
        _timed(spent["again"], lambda shots=shots: embed_batch(models, find(models, shots)))
    faces = sum(len(entry.faces) for entry in found)
    medians = {name: statistics.median(times) for name, times in spent.items()}
    rows += [_row(f"one photo, {faces} faces: {name}", seconds) for name, seconds in medians.items()]
    turned = (medians["detection"] + medians["recognition"]) / (medians[ALONE] + medians["recognition"])
    return [
        *rows,
        {"scenario": "one photo, with the look in four turns against without", "family": "faces", "against": turned},
    ]


def _timed(into: list[float], work: Any) -> Any:
    started = time.process_time()
    result = work()
    into.append(time.process_time() - started)
    return result


def _row(name: str, seconds: float) -> dict[str, Any]:
    return {"scenario": name, "family": "faces", "seconds_per_step": seconds}
