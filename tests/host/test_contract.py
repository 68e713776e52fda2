"""What the pack relies on in ComfyUI holds on the ComfyUI that the tests run on, and what does not hold is named."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import comfy.controlnet
import comfy.samplers
import comfy.utils
import comfy_execution.utils
import pytest

from runner.client_process import START
from runner.contract import behaviour, witness
from runner.contract.behaviour import PROMISES
from runner.contract.findings import Finding, findings
from runner.contract.methods import METHODS
from runner.contract.report import report
from runner.contract.uses import Call, Use, uses_of_pack


@cache
def uses():
    """Read off the source by the one process that has these tests: all of them collect."""
    return (*uses_of_pack(Path(__file__).resolve().parents[2]), *METHODS)


def test_the_host_has_everything_that_we_use_and_takes_our_calls():
    assert [finding for finding in findings(uses()) if not finding.is_guarded] == []


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.says)
def test_the_host_does_what_we_rely_on(promise):
    promise.hold()


def test_the_table_of_uses_is_read_off_the_source(tmp_path):
    (tmp_path / "nodes").mkdir()
    (tmp_path / "__init__.py").touch()
    source = """
import comfy.utils as them
from comfy import samplers
from .ours import comfy

try:
    from comfy_execution import nothing
except ImportError:
    nothing = None

def made(*given, width=1, **more):
    return them.ProgressBar(3, node_id=width), samplers.KSampler.SCHEDULERS, them.common_upscale(1, *given, **more)
"""
    (tmp_path / "nodes" / "ours.py").write_text(source)
    found = {(use.name, use.call, use.is_guarded) for use in uses_of_pack(tmp_path)}
    assert found >= {
        ("comfy.utils.ProgressBar", Call(1, ("node_id",)), False),
        ("comfy.samplers.KSampler.SCHEDULERS", None, False),
        ("comfy.utils.common_upscale", Call(1, (), is_open=True), False),
        ("comfy_execution.nothing", None, True),
    }


def test_a_renamed_name_and_a_changed_call_are_named_with_what_they_touch(monkeypatch):
    monkeypatch.setattr(comfy.utils, "common_upscale", lambda samples, width: samples)
    monkeypatch.delattr(comfy.samplers, "SCHEDULER_NAMES")
    monkeypatch.delattr(comfy_execution.utils, "get_executing_context", raising=False)
    found = {finding.feature: finding for finding in findings(uses())}
    assert "common_upscale does not take (_, _, _, _, _)" in found["training"].what
    assert "SCHEDULER_NAMES is not there" in found["the node Refine Faces"].what
    guarded = found["the hint about masks on nodes that sample in parts"]
    assert guarded.is_guarded and "get_executing_context is not there" in guarded.what
    kept = (found["training"], found["the node Refine Faces"])
    assert not any(finding.is_guarded for finding in kept)


def hints_by_size(net, x, t, cond, batched_number, options):
    """A host that prepares pictures by a rule of its own."""
    return net.control_model(hint=net.cond_hint_original.flip(0))


def told_nothing(seen, q, k, v, options):
    seen.patched = (q, k, v), {"block": ("middle", 0), "block_index": 0}
    return q


@pytest.mark.parametrize(
    ("owner", "name", "changed", "says"),
    [
        (comfy.controlnet.ControlNet, "get_control", hints_by_size, "a ControlNet sees the picture made for it"),
        (witness.Witness, "_patch", told_nothing, "a patch of an attention is told where it is"),
    ],
)
def test_a_host_that_does_otherwise_is_found_out(owner, name, changed, says, monkeypatch):
    monkeypatch.setattr(owner, name, changed)
    monkeypatch.setattr(behaviour, "witnessed", witness.witnessed.__wrapped__)
    promise = next(each for each in PROMISES if each.says == says)
    lines, holds = report((), (promise,))
    assert not holds and lines[1].startswith("0 of 1") and promise.feature in lines[-1]


def test_the_command_says_in_its_own_process_what_holds_and_what_is_installed():
    root, tree = Path(__file__).resolve().parents[2], Path(comfy.utils.__file__).parents[1]
    command = [sys.executable, "-c", START, str(root), "runner.contract", str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tree)
    assert done.returncode == 0, done.stdout + done.stderr
    versions, names, behaviour, *rest = done.stdout.splitlines()
    assert versions.startswith("ComfyUI 0.") and "Python 3." in versions
    assert "names of ComfyUI" in names and behaviour.startswith(f"{len(PROMISES)} of {len(PROMISES)} kinds")
    assert "Installed there:" in rest and any(line.startswith("  plus: SD1.5 ") for line in rest)


def test_what_the_pack_does_without_is_said_and_is_no_failure():
    gone = Use("comfy.utils.gone", None, "nodes/some.py", "some feature", is_guarded=True)
    lines, holds = report((gone,), ())
    assert holds and lines[-1].endswith("touches some feature: Likeness does without")
    assert list(findings((gone, gone))) == [
        Finding("comfy.utils.gone is not there (comfy.utils has no gone)", "some feature", True)
    ]
