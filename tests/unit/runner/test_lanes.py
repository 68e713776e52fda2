"""Lanes run on what their row names, two at once, and say at the end what failed and whether it counts."""

import json
import re
import sys
from pathlib import Path

import pytest

from runner import frontends, lanes, pythons, tried
from runner.comfyui import Host
from runner.lanes import IN_CI, LANES, Lane, Outcome
from runner.places import ROOT, program_in
from runner.problems import Problem
from runner.recreated import FOLDER, HOSTS, SINGLE
from runner.testing import APART

GOOD = "import sys; print('==== 3 passed, 1 skipped in 2.50s ====')"
BAD = "import sys; print('FAILED tests/a.py::b - no'); print('= 1 failed, 2 passed in 2.50s ='); sys.exit(1)"


def test_every_row_names_tests_that_are_there_and_one_thing_it_runs_on():
    for name, lane in LANES.items():
        paths = [argument for argument in lane.arguments if not argument.startswith("--")]
        assert paths and all((ROOT / path).exists() for path in paths), name
        others = sum(bool(on) for on in (lane.frontend, lane.host, lane.python, lane.engine))
        assert others == (name not in APART), name
    assert set(APART) <= set(IN_CI) <= set(LANES)


def test_every_patch_is_in_a_host_and_says_what_it_does():
    patches = sorted((ROOT / FOLDER).glob("*.patch"))
    assert {path.stem for path in patches} == set(SINGLE) == {each for host in HOSTS.values() for each in host}
    for path in patches:
        assert re.match(r"[A-Z][^\n]+\.\n\n--- a/", path.read_text()), path.name


@pytest.fixture
def run(monkeypatch, places):
    """(name -> what its pytest is) -> the lanes run with these; their status."""

    def at_once(_, host, name):
        return lanes._Call(name, "here", places, host, {})

    def ran(programs, is_strict=False, prepared=at_once):
        table = {name: Lane("said", ("-c", code), python="3.10", is_others=others) for name, (code, others) in programs}
        monkeypatch.setattr(lanes, "LANES", table)
        monkeypatch.setattr(lanes, "_prepared", prepared)
        monkeypatch.setattr(lanes, "program_in", lambda env, name: sys.executable)
        return lanes.run(places, Host(Path("tree"), Path("python"), is_private=True), list(table), is_strict)[1]

    return ran


def test_good_lanes_say_what_pytest_said(run, places, capsys):
    assert run([("one", (GOOD, False)), ("two", (GOOD, True))]) == 0
    said = capsys.readouterr().out
    assert "Lane one (here): 3 passed, 1 skipped in 2.50s\n" in said and "!!!" not in said
    assert (places.lanes / "two.log").is_file()


@pytest.mark.parametrize(("others", "strict", "status"), [(False, False, 1), (True, False, 0), (True, True, 1)])
def test_a_bad_lane_is_loud_and_counts_unless_it_is_somebody_elses_release(run, others, strict, status, capsys):
    assert run([("one", (GOOD, False)), ("two", (BAD, others))], is_strict=strict) == status
    said = capsys.readouterr().out
    assert "!!!" in said and "FAILED: 1 failed, 2 passed in 2.50s" in said and "  FAILED tests/a.py::b - no" in said
    assert ("does not fail this run" in said) is (status == 0)


def test_a_run_that_ends_without_a_summary_is_a_failure(run, capsys):
    assert run([("one", ("raise SystemExit(3)", False))]) == 1
    assert "FAILED: no summary after" in capsys.readouterr().out


def test_a_lane_that_cannot_be_set_up_is_told_and_the_others_run(run, places, capsys):
    def prepared(places, host, name):
        if name == "one":
            raise Problem("nothing to fetch it from", "wait")
        return lanes._Call(name, "here", places, host, {})

    assert run([("one", (GOOD, True)), ("two", (GOOD, False))], prepared=prepared) == 0
    said = capsys.readouterr().out
    assert "FAILED: nothing to fetch it from" in said and "Lane two (here): 3 passed" in said


def test_pythons_of_the_machine_are_asked_for_their_version(monkeypatch, tmp_path):
    for version in ("3.10.2", "3.10.13", "3.12.1"):
        program = program_in(tmp_path / "versions" / version, "python")
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\necho {version} {program}\n")
        program.chmod(0o755)
    broken = program_in(tmp_path / "versions" / "3.13.0", "python")
    broken.parent.mkdir(parents=True)
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(pythons.shutil, "which", lambda name: None)
    found = pythons.pythons()
    assert list(found) == ["3.10", "3.12"] and lanes._python("newest") == ("3.12", found["3.12"])
    with pytest.raises(Problem, match=r"no Python 3\.13; it has 3\.10, 3\.12"):
        lanes._python("3.13")


@pytest.fixture
def registry(monkeypatch):
    """Stands for uv: puts the version it is asked for, or 1.9, into its folder."""
    asked = []

    def run(command, doing, cure, env):
        words = [str(word) for word in command]
        asked.append(words[-1])
        version = words[-1].partition("==")[2] or "1.9"
        (Path(words[words.index("--target") + 1]) / f"comfyui_frontend_package-{version}.dist-info").mkdir(parents=True)

    monkeypatch.setattr(frontends, "run", run)
    monkeypatch.setattr(frontends, "index_settings", lambda _: {})
    return asked


def test_a_page_is_fetched_once_and_the_newest_is_asked_for_each_time(registry, places):
    for wanted, version in (("1.5", "1.5"), ("1.5", "1.5"), ("newest", "1.9"), ("newest", "1.9"), ("1.9", "1.9")):
        page = frontends.frontend(places, wanted)
        assert (page.version, page.folder) == (version, places.frontends / version)
    assert registry == [f"{frontends.PACKAGE}==1.5", frontends.PACKAGE, frontends.PACKAGE]
    assert page.environment["LIKENESS_FRONTEND"] == "1.9"
    assert page.environment["PYTHONPATH"].startswith(str(page.folder))


def test_what_lanes_ran_on_is_kept_and_written_into_both_pages(tmp_path):
    (tmp_path / "docs").mkdir()
    for name in tried.PAGES:
        (tmp_path / name).write_text(f"before\n<!-- tried -->\n| head of {name} |\n<!-- end of tried -->\nafter\n")
    (tmp_path / "comfyui_version.py").write_text('__version__ = "0.99.1"')
    earlier = dict.fromkeys(tried.COLUMNS, "?") | {"result": "written before any whole run"}
    (tmp_path / tried.FACTS).write_text(json.dumps({"--lane host-newer": earlier}))
    ran = (
        Outcome("newest-frontend", "page 9.8.7", "1 failed, 5 passed in 3.00s", is_good=False),
        Outcome("newest-python", "Python 3.13", "7 passed in 3.00s (0:00:03)", is_good=True),
        Outcome("host-fast-disk", "host fast-disk", "8 passed in 3.00s", is_good=True),
        Outcome("host-newer", "nothing", "could not be made", is_good=False),
    )
    tried.record(tmp_path, tmp_path, ran[:2])
    tried.record(tmp_path, tmp_path, ran[2:])
    before, table, after = re.split(r"<!-- .*tried -->\n", (tmp_path / "docs" / "exactness.zh-CN.md").read_text())
    rows = [re.sub(r" \| 2\.[\d.]+ ", "", row) for row in table.splitlines()]
    assert (before, after, rows[0]) == ("before\n", "after\n", "| head of docs/exactness.zh-CN.md |")
    assert rows[2].startswith("| `run.py test` | 0.99.1 | ") and rows[2].endswith("| passed |")
    assert rows[3].endswith("| written before any whole run |")
    assert "`--lane newest-frontend` | 0.99.1 | 9.8.7" in rows[4] and rows[4].endswith("| 1 failed, 5 passed |")
    assert rows[5].endswith("| 3.13 | 7 passed |") and "| 0.99.1 + fast-disk |" in rows[6] and len(rows) == 7


def test_the_pages_have_what_was_tried():
    for name in tried.PAGES:
        found = tried.TABLE.search((ROOT / name).read_text(encoding="utf-8"))
        assert found and found[0] == tried.table(tried.read(ROOT), found[0])
