"""Every check runs in its own environment, what it finds is kept, and nobody is told of it."""

import subprocess
from pathlib import Path

import pytest

from runner import checks


@pytest.fixture
def ran(monkeypatch):
    """What was run, as (program, environment)."""
    found = []

    def fake(command, **how):
        found.append((Path(command[0]), how["env"]))
        return subprocess.CompletedProcess(command, 3, "line 1 is wrong")

    monkeypatch.setattr(checks.subprocess, "run", fake)
    return found


@pytest.fixture
def answers(ran, places):
    return [checks.ask(check, places) for check in checks.checks(places, places.env / "bin" / "python")]


def test_each_runs_in_its_own_environment(ran, answers, places):
    assert {program.stem: program.parents[1] for program, _ in ran} == {
        "ruff": places.env,
        "basedpyright": places.env,
        "comfy": places.tools,
        "comfy-test": places.tools,
    }


def test_what_one_finds_is_kept_and_the_others_run_all_the_same(answers):
    assert [(one.returncode, one.stdout) for one in answers] == [(3, "line 1 is wrong")] * 5


def test_the_tools_report_nothing_and_leave_the_home_folder_alone(ran, answers, places):
    for program, env in ran:
        if program.parents[1] == places.tools:
            assert env["DO_NOT_TRACK"] == "1"
            assert Path(env["HOME"]).is_relative_to(places.work)
