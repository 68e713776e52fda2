"""The files for a public forge say what it can run: their commands are run.py's, their jobs are on every system."""

import re
import shlex

import pytest
import yaml

from runner import cli, pythons
from runner.lanes import LANES
from runner.places import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
SYSTEMS = {"ubuntu-latest", "windows-latest", "macos-latest"}
COMMAND = re.compile(r"^python (?:\S+/)?run\.py (.+)$", re.MULTILINE)


def jobs(file):
    return yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]


ALL = {f"{file.name} {name}": job for file in FILES for name, job in jobs(file).items()}


def commands(job):
    """What follows run.py in each step, for each entry of the job's matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    for step in job["steps"]:
        for words in COMMAND.findall(step.get("run", "")):
            named = re.findall(r"\$\{\{ matrix\.(\w+) \}\}", words)
            for value in matrix[named[0]] if named else [None]:
                yield shlex.split(re.sub(r"\$\{\{.*?\}\}", str(value), words))


@pytest.mark.parametrize("name", ALL)
def test_each_command_is_one_of_run_py(name):
    found = list(commands(ALL[name]))
    assert found
    for words in found:
        options = cli.parse(words)
        assert not options.extra, words
        assert all(lane in LANES for lane in getattr(options, "lanes", None) or ())


@pytest.mark.parametrize("name", ALL)
def test_each_job_ends_by_itself_and_takes_no_more_rights_than_it_says(name):
    job, file = ALL[name], FOLDER / name.partition(" ")[0]
    assert job["timeout-minutes"] <= 120
    assert yaml.safe_load(file.read_text(encoding="utf-8"))["permissions"]
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", action) for action in used)


def test_quick_tests_and_the_contract_run_on_every_system():
    for name in ("quick", "contract"):
        assert set(ALL[f"test.yml {name}"]["strategy"]["matrix"]["os"]) == SYSTEMS
    assert set(ALL["test.yml quick"]["strategy"]["matrix"]["python"]) == {pythons.VERSIONS[0], pythons.VERSIONS[-1]}


def test_the_portable_version_is_installed_as_the_page_says():
    steps = "\n".join(step.get("run", "") for step in ALL["test.yml portable"]["steps"])
    install = r"python_embeded\python.exe -s -m pip install -r ComfyUI\custom_nodes\comfyui-likeness\requirements.txt"
    assert install.replace("\\", "/") in steps
    assert install in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


def test_every_python_has_a_lane_but_the_one_of_the_whole_run():
    lanes = ALL["whole.yml lanes"]["strategy"]["matrix"]["lane"]
    (whole,) = (step["with"]["python-version"] for step in ALL["whole.yml tests"]["steps"] if "with" in step)
    assert {f"python-{version}" for version in pythons.VERSIONS} - {*lanes} == {f"python-{whole}"}
