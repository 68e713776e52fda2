"""The command line is understood, and every outcome has its exit status."""

import threading
from pathlib import Path

import pytest

from runner import cli, commands, locks
from runner.comfyui import Host
from runner.problems import Problem


def test_options():
    options = cli.parse(["demo", "--comfyui", "x", "--models-dir", "y"])
    assert (options.command, options.comfyui, options.models_dir) == ("demo", Path("x"), Path("y"))


def test_a_check_asks_the_comfyui_that_is_named_in_its_own_python_and_gives_its_status(monkeypatch, tmp_path):
    host = Host(tmp_path, tmp_path / "python", is_private=False)
    monkeypatch.setattr(commands, "existing_host", lambda path, python: {"x": host}[path.name])
    asked = []
    monkeypatch.setattr(commands, "status_of", lambda command, **how: asked.append(command) or 1)
    assert cli.main(["check", "--comfyui", "x"]) == 1
    ((python, *_, module, tree),) = asked
    assert (python, module, tree) == (host.python, "runner.contract", host.tree)


def test_what_follows_goes_to_pytest():
    assert cli.parse(["test", "-k", "laws", "tests/unit"]).extra == ["-k", "laws", "tests/unit"]
    assert cli.parse(["test", "--", "-x"]).extra == ["-x"]
    assert cli.parse(["test", "--co"]).extra == ["--co"]


def test_a_form_of_the_test_run_is_one_of_ours_and_goes_with_what_follows():
    options = cli.parse(["test", "--quick", "-k", "masks"])
    assert (options.form, options.extra) == ("quick", ["-k", "masks"])
    assert cli.parse(["test"]).form is None


def test_lanes_are_named_one_by_one_or_as_ci_runs_them():
    assert cli.parse(["test", "--lane", "newest-frontend", "--lane", "python-3.12"]).lanes == [
        "newest-frontend",
        "python-3.12",
    ]
    options = cli.parse(["test", "--lanes", "--strict", "--record", "--frontend", "newest"])
    assert (options.lanes, options.strict, options.frontend) == (list(cli.IN_CI), True, "newest")
    assert cli.parse(["test"]).lanes is None


def test_a_card_is_tested_in_our_environment_or_in_a_python_that_is_named(monkeypatch, tmp_path):
    host, called = Host(tmp_path, tmp_path / "python", is_private=False), []
    monkeypatch.setattr(commands, "prepare", lambda places, wanted: called.append(wanted.python) or host)
    monkeypatch.setattr(commands, "existing_host", lambda path, python: called.append(python) or host)
    monkeypatch.setattr(commands.testing, "status_of", lambda command, **how: called.append((command, how["env"])) or 0)
    assert cli.main(["test", "--device", "cuda", "tests/host"]) == 0
    assert cli.main(["test", "--device", "cuda", "--comfyui", "x", "--python", "y"]) == 0
    ours, (program, told), theirs, (command, also_told) = called
    assert (ours, theirs) == (None, Path("y"))
    assert (program[0].stem, program[-1]) == ("pytest", "tests/host")
    assert command[:3] == [host.python, "-m", "pytest"] and also_told["PYTHONSAFEPATH"] == "1"
    assert told["LIKENESS_DEVICE"] == also_told["LIKENESS_DEVICE"] == "cuda"


@pytest.mark.parametrize(
    "words",
    [
        ["--device", "tpu"],
        ["--device", "cuda", "--quick"],
        ["--device", "cuda", "--lanes"],
        ["--comfyui", "x", "--python", "y"],
    ],
    ids=" ".join,
)
def test_what_does_not_go_with_a_card_is_refused(words, capsys):
    with pytest.raises(SystemExit):
        cli.parse(["test", *words])
    assert capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [[], ["paint"], ["test", "--lane", "slow"], ["demo", "--wieght", "1"], ["demo", "--python", "x"]]
)
def test_what_is_not_known_is_refused(words, capsys):
    with pytest.raises(SystemExit) as end:
        cli.parse(words)
    assert end.value.code == 2 and capsys.readouterr().err


@pytest.mark.parametrize("outcome", [(0, 0), (3, 3), (Problem("it broke", "mend it"), 1), (KeyboardInterrupt(), 130)])
def test_exit_status(outcome, monkeypatch, capsys):
    given, status = outcome

    def command(places, options):
        if isinstance(given, BaseException):
            raise given
        return given

    monkeypatch.setattr(cli, "COMMANDS", {**cli.COMMANDS, "demo": command})
    monkeypatch.setattr(cli.signal, "signal", lambda *_: None)
    assert cli.main(["demo"]) == status
    if status == 1:
        assert "it broke" in capsys.readouterr().err


def test_a_second_set_up_waits_for_the_first_and_says_so(tmp_path, monkeypatch, capsys):
    lock, order = tmp_path / "work" / "lock", []

    def second():
        with locks.only_one(lock):
            order.append("second")

    waiting = threading.Thread(target=second)
    slept = threading.Event()
    monkeypatch.setattr(locks.time, "sleep", lambda _: slept.set())
    with locks.only_one(lock):
        waiting.start()
        slept.wait()
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert capsys.readouterr().out.count("Another run.py") == 1
