"""The fused kernel: where it is on, what happens where it fails, and that it is right: compared under Triton's interpreter."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import comfy.model_management
import pytest
import torch
from pack.attention.branch.attachment import Attachment
from pack.attention.sampling import fused

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(fused, "_failed", fused.Event())
    remembered = fused._kernel, fused._new_enough
    for one in remembered:
        one.cache_clear()
    yield
    for one in remembered:
        one.cache_clear()


@pytest.mark.cpu_only("the interpreter plays the kernel; what it does on a card bench/kernel.py compares there")
def test_it_is_right_under_the_interpreter():
    """In a process of its own: Triton reads the flag when it is imported."""
    pytest.importorskip("triton", reason="Triton comes with PyTorch on Linux only")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/host/engine/under_interpreter.py"]
    ours = {"TRITON_INTERPRET": "1", fused.SWITCH: "1", "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **ours}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout


def queries(device="cuda", dtype=torch.float16, width=64, capability=(9, 0)):
    """What is asked of the queries before there is a GPU."""
    real = torch.zeros(1, 4, width, dtype=dtype)
    asked = dict(shape=real.shape, element_size=real.element_size, is_floating_point=real.is_floating_point)
    return SimpleNamespace(device=torch.device(device), **asked)


@pytest.fixture
def card(monkeypatch):
    """A GPU of a capability, and a kernel for it."""

    def of(capability):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
        monkeypatch.setattr(torch.version, "hip", None)
        monkeypatch.setattr(fused, "_kernel", lambda: "the kernel")

    return of


@pytest.mark.parametrize(("switch", "is_on"), [(None, True), ("1", True), ("0", False)])
def test_it_is_on_unless_switched_off(switch, is_on, monkeypatch, card):
    card((9, 0))
    monkeypatch.delenv(fused.SWITCH, raising=False)
    if switch is not None:
        monkeypatch.setenv(fused.SWITCH, switch)
    assert (fused.kernel_for(queries(), 1) is not None) is is_on


@pytest.mark.parametrize(
    ("given", "is_on"),
    [
        (dict(), True),
        (dict(dtype=torch.bfloat16), True),
        (dict(dtype=torch.float32), False),
        (dict(dtype=torch.int16), False),
        (dict(width=512), False),
        (dict(device="mps"), False),
        (dict(device="cpu"), False),
    ],
)
def test_it_takes_half_precision_on_a_gpu(given, is_on, monkeypatch, card):
    card((8, 0))
    monkeypatch.delenv(fused.SWITCH, raising=False)
    assert (fused.kernel_for(queries(**given), 1) is not None) is is_on


def test_a_processor_never_looks_for_triton(monkeypatch):
    monkeypatch.setattr(fused, "_kernel", lambda: pytest.fail("Triton was looked for"))
    monkeypatch.delenv(fused.SWITCH, raising=False)
    assert fused.kernel_for(torch.zeros(1, 4, 64), 1) is None


def test_a_processor_stays_with_the_hosts_attention_when_asked_for_the_kernel(monkeypatch):
    pytest.importorskip("triton", reason="Triton comes with PyTorch on Linux only")
    monkeypatch.setenv(fused.SWITCH, "1")
    assert fused.kernel_for(torch.zeros(1, 4, 64), 1) is None


@pytest.mark.parametrize(("capability", "runs"), [((7, 5), False), ((8, 0), True), ((12, 0), True)])
def test_a_gpu_older_than_the_kernel_keeps_the_hosts_attention(capability, runs, card, monkeypatch, caplog):
    card(capability)
    monkeypatch.setenv(fused.SWITCH, "1")
    for _ in range(2):
        assert fused._new_enough(torch.device("cuda", 3)) is runs
    assert caplog.text.count("needs compute capability 8.0") == (not runs)


@pytest.mark.parametrize(("switch", "level"), [("1", logging.WARNING), ("", logging.INFO)])
def test_without_triton_it_says_so_once_and_stays_off(switch, level, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setenv(fused.SWITCH, switch)
    monkeypatch.setitem(sys.modules, "triton", None)
    for name in ("fused_launch", "fused_kernel"):
        monkeypatch.delitem(sys.modules, f"pack.attention.sampling.{name}", raising=False)
        monkeypatch.delattr(sys.modules["pack.attention.sampling"], name, raising=False)
    for _ in range(2):
        assert fused._kernel() is None
    assert [record.levelno for record in caplog.records if "needs Triton" in record.getMessage()] == [level]


def broken(at, tried):
    """A kernel that cannot be compiled, or not be launched."""

    def fails(*_):
        tried.append(at)
        raise FileNotFoundError("no C compiler")

    return SimpleNamespace(interpreted=lambda: True, prepared=fails if at == "compiling" else lambda *_: fails)


@pytest.mark.parametrize("at", ["compiling", "launching"])
def test_where_it_fails_the_hosts_attention_takes_over_for_good(at, layer, source, monkeypatch, caplog):
    def out():
        return layer(Attachment(source(), source(seed=9), scale=0.7)).out

    monkeypatch.setenv(fused.SWITCH, "0")
    wanted, tried = out(), []
    monkeypatch.setenv(fused.SWITCH, "1")
    kernel = broken(at, tried)
    monkeypatch.setattr(fused, "_kernel", lambda: kernel)
    for _ in range(3):
        assert torch.equal(out(), wanted)
    assert tried == [at]
    (said,) = [record for record in caplog.records if "fused kernel" in record.getMessage()]
    assert "no C compiler" in said.getMessage()
    assert said.exc_info is None and all(type(given) is str for given in said.args)


NO_MEMORY = {
    "PyTorch's": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
    "CUDA's, through PyTorch": lambda: torch.AcceleratorError("CUDA error: out of memory"),
    "Triton's": lambda: RuntimeError("Triton Error [CUDA]: out of memory"),
}


@pytest.mark.parametrize("whose", NO_MEMORY)
def test_a_full_memory_is_the_hosts_to_hear_of_and_no_fault_of_the_kernels(whose, monkeypatch, caplog):
    """It frees what it can and tells the user; where there is room again the kernel goes on."""
    tried = []

    def launch(*given):
        if not tried:
            tried.append(1)
            raise NO_MEMORY[whose]()
        given[-1].fill_(1)

    made = fused.FusedLayer(SimpleNamespace(prepared=lambda *_: launch), 1, ())
    q = torch.zeros(1, 4, 16)
    with pytest.raises(comfy.model_management.OOM_EXCEPTION, match="out of memory"):
        made(q, q, q)
    assert not caplog.records and torch.equal(made(q, q, q), torch.ones_like(q))


def test_a_layer_that_was_made_before_it_failed_asks_no_more():
    tried = []
    made = fused.FusedLayer(broken("launching", tried), 1, ())
    q = torch.zeros(1, 4, 16)
    assert made(q, q, q) is None and made(q, q, q) is None
    assert tried == ["launching"]


def filled(tried):
    """A kernel that answers with ones."""

    def launch(q, k, v, out):
        tried.append(1)
        out.fill_(1)

    return SimpleNamespace(prepared=lambda *_: launch)


def test_a_gradient_is_the_hosts_to_give():
    tried = []
    made = fused.FusedLayer(filled(tried), 1, ())
    with torch.inference_mode(False), torch.enable_grad():
        q = torch.zeros(1, 4, 16, requires_grad=True)
        assert made(q, q.detach(), q.detach()) is None and made(q.detach(), q, q.detach()) is None and not tried
    with torch.no_grad():
        assert torch.equal(made(q, q, q), torch.ones_like(q))


def test_nothing_is_compiled_while_a_graph_is_recorded(monkeypatch):
    recording = [True]
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: recording[0])
    q = SimpleNamespace(shape=(1, 4, 16), is_cuda=True)
    made = fused.FusedLayer(filled([]), 1, ())
    assert made._launch(q, q) is None
    recording[0] = False
    launch = made._launch(q, q)
    recording[0] = True
    assert launch is not None and made._launch(q, q) is launch
