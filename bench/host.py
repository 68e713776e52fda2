"""Makes the host, the pack and the miniature models importable, and times what importing the pack costs."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
import time
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]


def reach(**started_with: bool) -> float:
    """Import everything that is measured, on a host that was started with these arguments.

    Returns the processor seconds that the pack takes beyond the host's own imports.
    """
    comfyui = Path(os.environ.get("LIKENESS_COMFYUI") or ROOT / ".likeness" / "ComfyUI")
    sys.path[:] = [
        p for p in sys.path if Path(p or ".").resolve() != ROOT
    ]  # our nodes/ would shadow the host's nodes.py
    sys.path.insert(0, str(comfyui))
    import comfy.cli_args
    import torch

    comfy.cli_args.args.cpu = not torch.cuda.is_available()
    vars(comfy.cli_args.args).update(started_with)
    torch.set_num_threads(1)
    # What a starting ComfyUI has imported before it comes to custom nodes.
    import comfy_api.latest  # noqa: F401
    import server  # noqa: F401

    import nodes  # noqa: F401

    # A collection of the host's whole heap takes longer than the import and falls into it by chance.
    gc.collect()
    gc.disable()
    started = time.process_time()
    load("pack", ROOT)
    seconds = time.process_time() - started
    gc.enable()
    load("miniature", ROOT / "tests" / "miniature")
    return seconds


def reach_dynamic() -> bool:
    """The same with ComfyUI's dynamic VRAM switched on, as its `main.py` does, where there is a card; whether it is."""
    import comfy_aimdo.control as control
    import torch

    if not torch.cuda.is_available():
        reach()
        return False
    control.init(simple_vram_headroom=None, nvml_pressure=False)
    reach()
    import comfy.memory_management
    import comfy.model_management
    import comfy.model_patcher

    is_on = bool(control.init_devices((d.index, 0) for d in comfy.model_management.get_all_torch_devices()))
    if is_on:
        comfy.model_patcher.CoreModelPatcher = comfy.model_patcher.ModelPatcherDynamic
        comfy.memory_management.aimdo_enabled = True
    return is_on


def load(name: str, folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise FileNotFoundError(f"there is no package in {folder}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
