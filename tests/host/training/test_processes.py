"""Several processes train what one does, bit for bit, and stop and fail together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from serving.patience import PATIENCE

STEPS = {"steps": 3, "accumulation": 4, "average": 0.9}
OF_EIGHT = {"steps": 2, "accumulation": 8, "average": 0.9}
SHARDED = {"steps": 3, "accumulation": 2, "average": 0.9, "gradient_limit": 0.001, "checkpointing": True}


def jobs(place):
    state = str(place / "state")
    yield {"name": "one", "count": 1, "settings": STEPS}
    yield {"name": "two", "count": 2, "settings": STEPS}
    yield {"name": "four", "count": 4, "settings": STEPS}
    yield {"name": "one of eight parts", "count": 1, "settings": OF_EIGHT}
    yield {"name": "eight", "count": 8, "settings": OF_EIGHT}
    yield {"name": "begun", "count": 4, "settings": STEPS, "state": state, "stop_at": 1}
    yield {"name": "resumed", "count": 2, "settings": STEPS, "state": state}
    yield {"name": "broken", "count": 2, "settings": STEPS, "break": 1}
    yield {"name": "uneven", "count": 3, "settings": STEPS}
    shared = {"what": ["sd15", "instantid"], "log": True}
    state = str(place / "shards")
    yield {"name": "net", "count": 1, "settings": SHARDED, **shared, "keep": True}
    yield {"name": "shards", "count": 2, "settings": SHARDED, **shared, "shard": True, "state": state, "stop_at": 1}
    yield {"name": "put together", "count": 1, "settings": {**SHARDED, "steps": 2}, **shared, "state": state}
    yield {"name": "shared out", "count": 2, "settings": SHARDED, **shared, "shard": True, "state": state, "keep": True}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("together")


@pytest.fixture(scope="module")
def found(place):
    """What every process of every job knows in its end, by the job's name."""
    wanted = [*jobs(place)]
    (place / "jobs.json").write_text(json.dumps(wanted))
    script = Path(__file__).with_name("together.py")
    comfyui = os.environ.get("LIKENESS_COMFYUI") or Path(sys.modules["comfy"].__path__[0]).parent
    environment = {**os.environ, "LIKENESS_COMFYUI": str(comfyui), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, script, place, place / "jobs.json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=10 * PATIENCE, cwd=place)
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


def test_eight_processes_train_the_same_bits_too(found):
    (one,) = found["one of eight parts"]
    assert len(found["eight"]) == 8 and len(one["losses"]) == 2
    assert all((each["losses"], each["weights"]) == (one["losses"], one["weights"]) for each in found["eight"])


def test_all_stop_where_one_is_asked_to(found):
    assert found["begun"] == [{"stopped": True}] * 4


def test_a_loss_that_is_no_number_in_one_ends_all_with_the_same_sentence(found):
    (sentence,) = {each["error"] for each in found["broken"]}
    assert sentence.startswith("the loss of step 1 is nan")


def test_parts_that_cannot_be_shared_are_refused(found):
    (sentence,) = {each["error"] for each in found["uneven"]}
    assert "4 parts ('accumulation'), which 3 processes cannot share evenly. Start one of 1, 2, 4 processes" in sentence


def test_shards_of_an_identitynet_train_what_one_process_does(found, place):
    """Two of them take a step, one process the next and two the last: the state is the same file for both.

    Gradients that meet in a tensor are added in another order where weights come together block by block, which changes
    their last bits; AdamW, at a rate of 0.001, makes 4e-7 of that in three steps.
    """
    assert found["shards"] == [{"stopped": True}] * 2
    (one,), (first, second) = found["net"], found["shared out"]
    assert first["losses"] == second["losses"] and second["weights"] is None
    if sys.platform == "linux":
        assert first["mapped"] == second["mapped"] == [True, False], "a state is read where it lies, and let go of"
    adapter = first["held"] + second["held"] - one["held"]  # which is whole in both
    assert 0 < adapter < one["held"] / 4 and first["held"] == pytest.approx(second["held"], rel=0.01)
    assert [float.fromhex(loss) for loss in first["losses"]] == pytest.approx(
        [float.fromhex(loss) for loss in one["losses"]], rel=1e-6
    )
    assert first["norms"] == pytest.approx(one["norms"][2:], rel=1e-5) and one["norms"][2] > SHARDED["gradient_limit"]
    whole, shared = (torch.load(place / f"{name}.pt") for name in ("net", "shared out"))
    assert whole.keys() == shared.keys()
    for name, weight in whole.items():
        torch.testing.assert_close(shared[name], weight, atol=2e-6, rtol=0)
