"""The test run: which tests each form of it has, and what they are told."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .comfyui import Host
from .places import Places, program_in
from .problems import say
from .processes import status_of

DEVICE, DEVICES = "LIKENESS_DEVICE", ("cuda",)
"""What tells the tests to run elsewhere than on the CPU, and where; tests/running/device.py says which of them do."""


ATTENTION = {"LIKENESS_ATTENTION": "pytorch"}
"""What tells the tests to compute attention as most cards do; lanes, servers and single files have the CPU's own way."""


@dataclass(frozen=True)
class Form:
    """What one form of the run starts, a program of the private environment, and with which arguments."""

    says: str
    arguments: tuple[str, ...]
    program: str = "pytest"

    @property
    def hands_out(self) -> bool:
        """Whether other processes run the tests."""
        return any(pair[0] == "-n" and pair[1] != "0" for pair in zip(self.arguments, self.arguments[1:], strict=False))


APART: Mapping[str, tuple[str, ...]] = {
    "training": ("tests/host/training", "tests/host/server/test_training.py", "tests/browser/test_training_row.py"),
    "workflows": (
        "tests/browser/test_templates.py",
        "tests/browser/test_old_workflows.py",
        "tests/host/legacy/test_old_formulas.py",
        "tests/host/server/test_old_workflows.py",
        "tests/host/server/test_old_choices.py",
        "tests/host/server/test_old_prompts.py",
    ),
    "compiled": (
        "tests/host/composition/test_compile.py",
        "tests/host/engine/test_fused.py",
        "tests/host/flux/test_compile.py",
        "tests/host/references/test_compile.py",
        "tests/host/sd3/test_compile.py",
        "tests/host/wan/test_compile.py",
    ),
    "long": (
        "tests/fuzz",
        "tests/host/composition/test_layouts.py",
        "tests/host/world",
        "tests/host/server/trust/test_killed.py",
        "tests/host/server/trust/test_load.py",
        "tests/host/trust/test_memory.py",
    ),
}
"""Tests that take minutes by their nature, which the run that everybody waits for leaves to lanes of these names."""

# tests/running/order.py says which tests stay together in one process: two of the three have a server that they wait for.
TOGETHER = ("--dist", "loadscope")
WHOLE = Form("check style and types and run every test", ("-n", "3", *TOGETHER, "--durations", "25"))
_NOT_APART = tuple(f"--ignore={path}" for paths in APART.values() for path in paths)  # one that is named is run
EVERYDAY = Form("check style and types and run the tests, without the lanes'", (*WHOLE.arguments, *_NOT_APART))
WITHOUT_TYPES = ("--deselect", "tests/rules/test_rules.py::test_nothing_is_found[types]")
FORMS: Mapping[str, Form] = {
    "quick": Form(
        "only what takes a minute: style, and the tests in which no model runs",
        ("-n", "2", *TOGETHER, "tests/unit", "tests/shapes", "tests/rules", *WITHOUT_TYPES),
    ),
    "loops": Form(
        "film the loops of the README from the real page, into docs/",
        ("-n", "0", "-p", "no:randomly", "tests/browser/loops.py"),
    ),
    "mutants": Form(
        "break the pack on purpose, once for each law and promise: a test must notice (words of claims choose some)",
        ("tests/mutants/run.py",),
        program="python",
    ),
}


def run(places: Places, host: Host, form: Form, extra: Sequence[str], told: Mapping[str, str]) -> int:
    """Run the tests of `form`, with `extra` arguments for its program and `told` in its environment; its exit status."""
    # `python -m pytest` would put the repository on sys.path, where our nodes/ hides ComfyUI's nodes.py.
    command = [program_in(places.env, form.program), *form.arguments, *extra]
    say("Tests: " + " ".join([form.program, *form.arguments, *extra]))
    environment = {**environment_of(places, host), **ATTENTION, **told}
    if form.hands_out and not extra:  # else pytest may read a conftest that needs what this switch leaves out
        environment["LIKENESS_TESTS_RUN_ELSEWHERE"] = "1"
    return status_of(command, env=environment, cwd=places.root)


def run_in(places: Places, host: Host, extra: Sequence[str], told: Mapping[str, str]) -> int:
    """Run the whole in the Python of `host`, which has pytest and pytest-xdist; nothing is set up. Its exit status."""
    command = [host.python, "-m", "pytest", *WHOLE.arguments, *extra]
    say("Tests: " + " ".join(map(str, command)))
    safe = {
        "PYTHONSAFEPATH": "1"
    }  # without the repository on sys.path; 3.10 does not know it, and conftest takes it off
    return status_of(command, env={**environment_of(places, host), **safe, **told}, cwd=places.root)


def environment_of(places: Places, host: Host) -> dict[str, str]:
    """What tests are told. All that one run can choose is here."""
    ours = {
        "LIKENESS_COMFYUI": str(host.tree),
        "LIKENESS_TEST_DATA": str(places.test_data),
        "OMP_NUM_THREADS": "1",
    }
    # Some machines forbid to keep what Python has compiled: each of a run's many processes would compile all of it again.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **ours}
