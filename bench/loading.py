"""What loading full-size files holds in memory: how much is the mapped file, and how much a copy of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from memory import Peak, resident

ADAPTER = "ip-adapter-plus_sdxl_vit-h"


def measure_loading(with_model: bool) -> list[dict[str, Any]]:
    """Rows for SDXL's plus adapter of published size and, if asked, for the model (5 GB in fp16) before it.

    The files have the published names, shapes and sizes, and holes in place of weights.
    """
    from miniature import sparse

    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as folder:
        rows, kept = [], []
        if with_model:
            path = Path(folder) / "sdxl.safetensors"
            shapes = _sdxl_shapes()
            sparse.safetensors(path, shapes, dict.fromkeys(shapes, "F16"))
            rows.append(_loaded("loading SDXL, fp16", path, _model, kept))
        path = sparse.write(ADAPTER, Path(folder))
        rows.append(_loaded("loading SDXL's plus adapter", path, _adapter, kept))
        return rows


def _loaded(name: str, path: Path, load: Callable[[Path], Any], kept: list[Any]) -> dict[str, Any]:
    before = resident()
    with Peak() as peak:
        kept.append(load(path))
    after = resident()
    return {
        "scenario": name,
        "family": "loading",
        "file_mib": path.stat().st_size / 2**20,
        "mapped_mib": after.mapped - before.mapped,
        "copied_mib": after.anonymous - before.anonymous,
        "peak_mib": peak.mib,
        "device_peak_mib": peak.device_mib,
    }


def _model(path: Path) -> Any:
    import comfy.sd

    return comfy.sd.load_diffusion_model(str(path), model_options={"dtype": torch.float16})


def _adapter(path: Path) -> Any:
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter

    return Adapter(checkpoint.read(path), "auto")


def _sdxl_shapes() -> dict[str, list[int]]:
    """Names and shapes of SDXL's UNet: the host's own, made without memory."""
    import comfy.ldm.modules.diffusionmodules.openaimodel as openai
    import comfy.ops
    from miniature.families import FAMILIES

    published = {
        "model_channels": 320,
        "context_dim": 2048,
        "adm_in_channels": 2816,
        "num_head_channels": 64,
        "num_heads": -1,
    }
    config = {**FAMILIES["sdxl"].unet_config, **published}
    unet = openai.UNetModel(**config, dtype=torch.float16, device="meta", operations=comfy.ops.disable_weight_init)
    return {name: list(tensor.shape) for name, tensor in unet.state_dict().items()}
