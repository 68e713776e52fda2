"""Where ComfyUI computes in a run of the tests: on the CPU, or where LIKENESS_DEVICE says, and what that leaves out.

On a card only what computes is run: folders that do not, or that start processes of their own, are not collected. A test
that holds on the CPU alone says why with the mark `cpu_only`; a claim of bits that a card cannot hold states the card's
bound beside it (`running.bounds`).
"""

import gc
import os
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
CPU, PLAYED, CARDS = "cpu", "played", ("cuda",)
"""A played card is the CPU, which refuses what a card refuses: `running.played`."""
NAME = os.environ.get("LIKENESS_DEVICE") or CPU
IS_PYTORCHS = os.environ.get("LIKENESS_ATTENTION") == "pytorch" and NAME in (CPU, PLAYED)
"""Whether the CPU computes attention as ComfyUI does on most cards, which takes a fifth less time, and not in its own way."""
COMPUTE = ("host", "parity")
ELSEWHERE = ("host/server", "host/world")
"""A server has a process of its own, and what a trained model draws is judged on the CPU."""


def is_card() -> bool:
    return NAME != CPU


def choose() -> None:
    """Tell torch and ComfyUI, which is on the path, where to compute. Raises UsageError where that is not there."""
    import comfy.cli_args  # it parses nothing unless asked to: our arguments are pytest's
    import torch

    comfy.cli_args.args.cpu = NAME in (CPU, PLAYED)
    comfy.cli_args.args.use_pytorch_cross_attention = IS_PYTORCHS
    if NAME == PLAYED:
        from . import played

        played.install()
    if comfy.cli_args.args.cpu:
        return
    if NAME not in CARDS:
        raise pytest.UsageError(f"LIKENESS_DEVICE is {NAME!r}; the tests know {', '.join((CPU, PLAYED, *CARDS))}.")
    if not torch.cuda.is_available():
        raise pytest.UsageError(
            f"LIKENESS_DEVICE is {NAME}, but this Python's torch {torch.__version__} finds no card."
        )
    _be_exact(torch)


def _be_exact(torch) -> None:
    """float32 is float32, and the same call gives the same bits, where CUDA has a way to."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    import comfy.model_management

    # The host works out LoRAs in half precision there, which no bound of float32 would hold.
    comfy.model_management.lora_compute_dtype = lambda device: torch.float32


def has_part(path: Path) -> bool:
    """Whether a run on a card has to do with this file or folder of the tests."""
    place = path.relative_to(TESTS).as_posix() + "/"
    within, beside = ([f"{part}/" for part in parts] for parts in (COMPUTE, ELSEWHERE))
    return place.startswith(tuple(within)) and not place.startswith(tuple(beside))


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return True if is_card() and TESTS in collection_path.parents and not has_part(collection_path) else None


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cpu_only(reason): what this says holds on the CPU alone, and why")
    config.addinivalue_line(
        "markers", "own_attention(reason): this needs the CPU's own way to compute attention, and why"
    )
    config.addinivalue_line("markers", "not_played(reason): a card that the CPU plays cannot do this, and why")


def pytest_report_header() -> list[str]:
    device = f"device: {NAME}; only {' and '.join(COMPUTE)}, without {' and '.join(ELSEWHERE)}"
    return [*([device] if is_card() else ()), *(["attention: PyTorch's"] if IS_PYTORCHS else ())]


def pytest_runtest_setup() -> None:
    """While the host makes room on a card it counts its models, and one that dies meanwhile, in a circle, upsets that."""
    if is_card():
        gc.collect()


def pytest_collection_modifyitems(items) -> None:
    reasons = {"cpu_only": "on the CPU alone"} if is_card() else {}
    if NAME == PLAYED:
        reasons["not_played"] = "not on a played card"
    if IS_PYTORCHS:
        reasons["own_attention"] = "not with PyTorch's attention"
    for item in items:
        for name, where in reasons.items():
            mark = item.get_closest_marker(name)
            if mark:
                item.add_marker(pytest.mark.skip(reason=f"{where}: {mark.args[0]}"))
