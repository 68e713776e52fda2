"""The environment is made once from pinned lists, repaired when a step failed, and remade for another Python."""

import re
from pathlib import Path

import pytest

from runner import environment
from runner.places import ROOT
from runner.problems import Problem

PIN = re.compile(r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+( ; .+)?$")


@pytest.fixture
def steps(monkeypatch, places):
    """Stands for pip and uv: remembers what they are asked and makes the folders they would make."""

    class Steps:
        asked = []
        fail_on = None

        def make_bootstrap(self, _):
            self.asked.append("bootstrap")
            places.bootstrap.joinpath("bin").mkdir(parents=True, exist_ok=True)
            for name in ("uv", "python"):
                environment.program_in(places.bootstrap, name).parent.mkdir(parents=True, exist_ok=True)
                environment.program_in(places.bootstrap, name).touch()

        def run(self, command, doing, cure, env=None):
            words = [str(part) for part in command]
            what = (
                "venv" if "venv" in words else words[words.index("--requirement") + 1].replace("\\", "/").split("/")[-1]
            )
            self.asked.append(what)
            if what == self.fail_on:
                raise Problem(f"{doing} failed", cure)
            made = [Path(word) for word in words if "env-3.99" in word] or [places.env]
            python = made[0] if made[0].name == "python" else environment.program_in(made[0], "python")
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()

    fake = Steps()
    fake.asked = []
    monkeypatch.setattr(environment, "_make_bootstrap", fake.make_bootstrap)
    monkeypatch.setattr(environment, "run", fake.run)
    monkeypatch.setattr(environment, "index_settings", lambda _: {})
    return fake


def prepare(places, *layers):
    environment.bootstrap(places)
    return environment.prepare(places, *layers)


def test_it_is_made_once(steps, places):
    python = prepare(places, environment.HOST)
    assert python == environment.program_in(places.env, "python")
    assert steps.asked == ["bootstrap", "venv", "host.txt"]
    prepare(places, environment.HOST)
    assert steps.asked == ["bootstrap", "venv", "host.txt"]


def test_the_tests_add_their_list_only(steps, places):
    prepare(places, environment.HOST)
    prepare(places, environment.HOST, environment.TESTS)
    assert steps.asked == ["bootstrap", "venv", "host.txt", "tests.txt"]


def test_a_broken_off_installation_is_done_again_in_a_new_environment(steps, places):
    steps.fail_on = "host.txt"
    with pytest.raises(Problem, match=r"host\.txt failed"):
        prepare(places, environment.HOST)
    (places.env / "half a package").touch()
    steps.fail_on = None
    prepare(places, environment.HOST)
    assert steps.asked == ["bootstrap", "venv", "host.txt", "venv", "host.txt"]
    assert not (places.env / "half a package").exists()
    prepare(places, environment.HOST)
    assert steps.asked.count("venv") == 2


def test_another_python_remakes_it_whole(steps, places, monkeypatch):
    prepare(places, environment.HOST, environment.TESTS)
    monkeypatch.setattr(environment.sys, "version", "3.99")
    prepare(places, environment.HOST, environment.TESTS)
    assert steps.asked == 2 * ["bootstrap", "venv", "host.txt", "tests.txt"]


def test_an_environment_of_another_python_stands_beside_the_first(steps, places, tmp_path):
    prepare(places, environment.HOST)
    other = places.of_python("3.99", tmp_path / "python")
    assert environment.prepare(other, environment.HOST) == environment.program_in(places.work / "env-3.99", "python")
    environment.prepare(other, environment.HOST)
    prepare(places, environment.HOST)
    assert steps.asked == ["bootstrap", "venv", "host.txt", "venv", "host.txt"]
    environment.prepare(places.of_python("3.99", tmp_path / "newer"), environment.HOST)
    assert steps.asked[-2:] == ["venv", "host.txt"], "made anew for another program"


def test_uv_gets_the_index_pip_is_configured_with(places, monkeypatch):
    class Answer:
        returncode, stdout = 0, "the configured index\n"

    monkeypatch.setattr(environment.subprocess, "run", lambda *_, **__: Answer)
    for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    assert environment.index_settings(places)["UV_DEFAULT_INDEX"] == "the configured index"
    monkeypatch.setenv("PIP_INDEX_URL", "from the environment")
    assert environment.index_settings(places)["UV_DEFAULT_INDEX"] == "from the environment"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "uv's own")
    assert environment.index_settings(places)["UV_DEFAULT_INDEX"] == "uv's own"


@pytest.mark.parametrize("layer", [environment.HOST, environment.TESTS], ids=lambda layer: layer.name)
def test_every_package_is_pinned(layer):
    lines = (environment.PINS / layer.pins).read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 20 and [line for line in pins if not PIN.match(line)] == []


def test_no_index_host_is_named_anywhere():
    files = [path for path in (ROOT / "runner").rglob("*") if path.suffix in (".py", ".txt", ".in")]
    named = [path.name for path in files if re.search(r"https?://(?!127\.0\.0\.1)", path.read_text())]
    assert files and named == []


def test_every_package_of_the_engine_is_pinned_with_its_hashes():
    text = (environment.PINS / "batch.txt").read_text()
    pins = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if not entry.startswith("#")]
    first = [entry.partition(" \\\n")[0] for entry in pins]
    assert len(pins) > 20 and [line for line in first if not PIN.match(line)] == []
    assert all("--hash=sha256:" in entry for entry in pins)
    wanted = [line for line in (environment.PINS / "batch.in").read_text().splitlines() if not line.startswith("#")]
    assert {line.replace("[data]", "") for line in wanted} <= set(first)


def test_the_engine_has_an_environment_of_its_own_and_needs_a_newer_python(steps, places, monkeypatch):
    environment.bootstrap(places)
    assert environment.prepare_batch(places) == environment.program_in(places.batch, "python")
    assert steps.asked == ["bootstrap", "venv", "batch.txt"]
    monkeypatch.setattr(environment.sys, "version_info", (3, 10, 4))
    monkeypatch.setattr(environment.sys, "version", "3.10.4 (main)")
    with pytest.raises(Problem, match=r"needs Python 3\.11 or newer; this is 3\.10\.4"):
        environment.prepare_batch(places)


def test_the_tools_have_an_environment_of_their_own(steps, places):
    prepare(places, environment.HOST)
    environment.prepare_tools(places)
    assert steps.asked == ["bootstrap", "venv", "host.txt", "venv", "tools.txt"]
