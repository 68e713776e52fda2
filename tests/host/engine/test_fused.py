"""The fused kernel is off until it is switched on, and right: compared under Triton's interpreter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from pack.attention.sampling import fused

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def fresh():
    fused._kernel.cache_clear()
    yield
    fused._kernel.cache_clear()


@pytest.mark.cpu_only("the interpreter plays the kernel; what it does on a card bench/kernel.py compares there")
def test_it_is_right_under_the_interpreter():
    """In a process of its own: Triton reads the flag when it is imported."""
    pytest.importorskip("triton", reason="Triton comes with PyTorch on Linux only")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/host/engine/under_interpreter.py"]
    ours = {"TRITON_INTERPRET": "1", fused.SWITCH: "1", "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **ours}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout


@pytest.mark.parametrize("switch", [None, "0", ""])
def test_it_is_off_unless_switched_on(switch, monkeypatch):
    monkeypatch.setattr(fused, "_kernel", lambda: pytest.fail("Triton was looked for"))
    monkeypatch.delenv(fused.SWITCH, raising=False)
    if switch is not None:
        monkeypatch.setenv(fused.SWITCH, switch)
    assert fused.kernel_for(torch.zeros(1, 4, 64), 1) is None


def test_a_processor_and_a_wide_head_stay_with_the_hosts_attention(monkeypatch):
    pytest.importorskip("triton", reason="Triton comes with PyTorch on Linux only")
    monkeypatch.setenv(fused.SWITCH, "1")
    assert fused.kernel_for(torch.zeros(1, 4, 64), 1) is None
    assert fused.kernel_for(torch.zeros(1, 4, 512), 1) is None


@pytest.mark.parametrize(("capability", "runs"), [((7, 5), False), ((8, 0), True), ((12, 0), True)])
def test_a_gpu_older_than_the_kernel_keeps_the_hosts_attention(capability, runs, monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    for _ in range(2):
        assert fused._new_enough(torch.device("cuda", 3)) is runs
    fused._new_enough.cache_clear()
    assert caplog.text.count("needs compute capability 8.0") == (not runs)


def test_without_triton_it_says_so_once_and_stays_off(monkeypatch, caplog):
    monkeypatch.setenv(fused.SWITCH, "1")
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "pack.attention.sampling.fused_kernel", raising=False)
    monkeypatch.delattr(sys.modules["pack.attention.sampling"], "fused_kernel", raising=False)
    for _ in range(2):
        assert fused.kernel_for(torch.zeros(1, 4, 64), 1) is None
    assert caplog.text.count("needs Triton") == 1
