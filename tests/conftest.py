"""Loads the pack by path as `pack`, as ComfyUI does, and what tests share: `miniature`, `runner`, `running`, `serving`."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMFYUI = Path(os.environ.get("LIKENESS_COMFYUI") or ROOT / ".likeness" / "ComfyUI")


def reach_the_host() -> None:
    """Put ComfyUI on the path, on the device of this run, with one thread: two under load are far slower than one."""
    sys.path[:] = [
        p for p in sys.path if Path(p or ".").resolve() != ROOT
    ]  # our nodes/ would shadow ComfyUI's nodes.py
    sys.path.insert(0, str(COMFYUI))
    from running import device

    device.choose()
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)  # what is drawn while tests are collected is the same in every process


def load_package(name: str, folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])


def load_what_tests_use() -> None:
    if COMFYUI.is_dir():
        reach_the_host()
    load_package("pack", ROOT)
    load_package("miniature", ROOT / "tests" / "miniature")
    pytest.register_assert_rewrite("serving")
    load_package("serving", ROOT / "tests" / "serving")


pytest_plugins = ["running.device", "running.order", "running.memory", "running.comparisons"]
load_package("runner", ROOT / "runner")
load_package("attention", ROOT / "attention")  # by this name the runner's clients of ComfyUI know it
pytest.register_assert_rewrite("running")
load_package("running", ROOT / "tests" / "running")
# Where other processes run the tests, torch and the host are not needed in the one that hands them out.
if "PYTEST_XDIST_WORKER" in os.environ or "LIKENESS_TESTS_RUN_ELSEWHERE" not in os.environ:
    load_what_tests_use()
    pytest_plugins.append("serving.fixtures")
