"""Each form of the test run is one call of a program, pytest in most, on the host that was set up."""

from pathlib import Path

import pytest

from runner import testing
from runner.comfyui import Host


@pytest.fixture
def called(monkeypatch, places):
    """form -> the command and environment that pytest is started with."""
    found = []
    monkeypatch.setattr(testing, "status_of", lambda command, **how: found.append((command, how["env"])) or 5)

    def run(form, *extra):
        host = Host(Path("tree"), Path("python"), is_private=True)
        assert testing.run(places, host, form, extra, {"LIKENESS_FRONTEND": "1.2"}) == 5, (
            "the exit status is the program's"
        )
        return found[-1]

    return run


@pytest.mark.parametrize("form", [testing.WHOLE, testing.EVERYDAY, *testing.FORMS.values()], ids=lambda form: form.says)
def test_the_forms_program_is_called_with_what_follows_last(form, called):
    command, _ = called(form, "-k", "masks")
    assert command[0].stem == form.program
    assert command[1:] == [*form.arguments, "-k", "masks"], "so that it can overrule ours"


def test_the_everyday_run_leaves_out_what_lanes_run_and_tells_the_slowest():
    words = testing.EVERYDAY.arguments
    assert not [word for word in words if word.startswith("tests")]
    assert {word.removeprefix("--ignore=") for word in words if word.startswith("--ignore=")} == {
        path for paths in testing.APART.values() for path in paths
    }
    assert "--durations" in words


def test_folders_and_options_of_a_form_are_there():
    root = Path(testing.__file__).resolve().parents[1]
    for form in testing.FORMS.values():
        assert all((root / word.partition("::")[0]).exists() for word in form.arguments if word.startswith("tests/"))


def test_the_tests_are_told_which_comfyui_and_use_one_thread(called):
    _, environ = called(testing.WHOLE)
    assert (environ["LIKENESS_COMFYUI"], environ["OMP_NUM_THREADS"]) == ("tree", "1")
    assert (environ["LIKENESS_FRONTEND"], environ["LIKENESS_ATTENTION"]) == ("1.2", "pytorch")


def test_what_is_compiled_once_is_kept_for_the_other_processes(called, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in called(testing.WHOLE)[1]


def test_only_the_processes_that_run_tests_load_the_host_unless_folders_are_named(called, monkeypatch):
    switch = "LIKENESS_TESTS_RUN_ELSEWHERE"
    monkeypatch.delenv(switch, raising=False)
    assert switch in called(testing.WHOLE)[1] and switch not in called(testing.WHOLE, "tests/browser")[1]
    assert switch not in called(testing.FORMS["loops"])[1]
