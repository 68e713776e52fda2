"""Every check runs in its own environment, the first that finds something ends it, and nobody is told of it."""

from pathlib import Path

import pytest

from runner import checks
from runner.comfyui import Host
from runner.problems import Problem


@pytest.fixture
def host(places):
    return Host(places.comfyui, places.env / "bin" / "python", is_private=True)


@pytest.fixture
def ran(monkeypatch):
    """What was run, as (program, arguments, environment); `ran.status` says how each ends."""

    class Ran(list):
        status = {}

        def __call__(self, command, *, env=None, cwd=None):
            program = Path(command[0])
            self.append((program, command[1:], env))
            return self.status.get(program.stem, 0)

    fake = Ran()
    monkeypatch.setattr(checks, "status_of", fake)
    return fake


def test_all_run_each_in_its_own_environment(ran, places, host):
    checks.run_all(places, host)
    where = {program.stem: program.parents[1] for program, _, _ in ran}
    assert where == {
        "ruff": places.env,
        "basedpyright": places.env,
        "comfy": places.tools,
        "comfy-test": places.tools,
    }


def test_the_first_that_finds_something_ends_it(ran, places, host):
    ran.status = {"comfy-test": 1}
    with pytest.raises(Problem, match=r"comfy-test found something \(exit status 1\)"):
        checks.run_all(places, host)
    assert ran[-1][0].stem == "comfy-test"


def test_the_tools_report_nothing_and_leave_the_home_folder_alone(ran, places, host):
    checks.run_all(places, host)
    for program, _, env in ran:
        if program.parents[1] == places.tools:
            assert env["DO_NOT_TRACK"] == "1"
            assert Path(env["HOME"]).is_relative_to(places.work)
