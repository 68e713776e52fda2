"""Several processes train what one does, bit for bit, and stop and fail together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

STEPS = {"steps": 3, "accumulation": 4, "average": 0.9}
WHAT = ("sd15", "base")


def jobs(place):
    state = str(place / "state")
    yield {"name": "one", "count": 1, "settings": STEPS}
    yield {"name": "two", "count": 2, "settings": STEPS}
    yield {"name": "four", "count": 4, "settings": STEPS}
    yield {"name": "begun", "count": 4, "settings": STEPS, "state": state, "stop_at": 1}
    yield {"name": "resumed", "count": 2, "settings": STEPS, "state": state}
    yield {"name": "broken", "count": 2, "settings": STEPS, "break": 1}
    yield {"name": "uneven", "count": 3, "settings": STEPS}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What every process of every job knows in its end, by the job's name."""
    place = tmp_path_factory.mktemp("together")
    wanted = [*jobs(place)]
    (place / "jobs.json").write_text(json.dumps(wanted))
    script = Path(__file__).with_name("together.py")
    comfyui = os.environ.get("LIKENESS_COMFYUI") or Path(sys.modules["comfy"].__path__[0]).parent
    environment = {**os.environ, "LIKENESS_COMFYUI": str(comfyui), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, script, place, place / "jobs.json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        job["name"]: [json.loads((place / f"{job['name']}-{rank}.json").read_text()) for rank in range(job["count"])]
        for job in wanted
    }


@pytest.mark.parametrize("name", ["two", "four", "resumed"])
def test_any_number_of_processes_trains_the_same_bits(found, name):
    """Also where four of them were stopped after a step and two went on."""
    (one,) = found["one"]
    assert one["told"] == 3
    for each in found[name]:
        assert (each["losses"], each["weights"]) == (one["losses"], one["weights"])
    told = [each["told"] for each in found[name]]
    assert told == [2 if name == "resumed" else 3] + [0] * (len(told) - 1), "the first alone tells"


def test_all_stop_where_one_is_asked_to(found):
    assert found["begun"] == [{"stopped": True}] * 4


def test_a_loss_that_is_no_number_in_one_ends_all_with_the_same_sentence(found):
    (sentence,) = {each["error"] for each in found["broken"]}
    assert sentence.startswith("the loss of step 1 is nan")


def test_parts_that_cannot_be_shared_are_refused(found):
    (sentence,) = {each["error"] for each in found["uneven"]}
    assert "4 parts ('accumulation'), which 3 processes cannot share evenly. Start one of 1, 2, 4 processes" in sentence
