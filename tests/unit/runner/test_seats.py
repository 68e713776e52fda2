"""A process finds its place among several in what torchrun, Accelerate or SLURM left in the environment."""

import pytest

from runner.problems import Problem
from runner.train.seats import Seat, card_of, complete, first_of, seat_in

STEP = {"SLURM_PROCID": "5", "SLURM_NTASKS": "8", "SLURM_LOCALID": "1", "SLURM_STEP_ID": "0"}


@pytest.mark.parametrize(
    ("environ", "seat"),
    [
        ({}, None),
        ({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}, Seat(3, 4, 1)),
        (STEP, Seat(5, 8, 1)),
        ({**STEP, "RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}, Seat(0, 2, 0)),  # torchrun in a step of SLURM
        ({name: value for name, value in STEP.items() if name != "SLURM_STEP_ID"}, None),  # a batch script
    ],
)
def test_the_place_is_found(environ, seat):
    assert seat_in(environ) == seat


def test_a_place_that_cannot_be_is_named():
    with pytest.raises(Problem, match="RANK=4, WORLD_SIZE=4, LOCAL_RANK=0"):
        seat_in({"RANK": "4", "WORLD_SIZE": "4"})


def test_srun_tells_where_the_first_is():
    environ = {**STEP, "SLURM_STEP_NODELIST": "gpu[07-09,12],login"}
    complete(environ, Seat(5, 8, 1))
    assert {name: environ[name] for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")} == {
        "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "MASTER_ADDR": "gpu07", "MASTER_PORT": "29400"
    }  # fmt: skip
    environ = {"MASTER_ADDR": "head", "MASTER_PORT": "1"}
    complete(environ, Seat(0, 1, 0))
    assert (environ["MASTER_ADDR"], environ["MASTER_PORT"]) == ("head", "1")


@pytest.mark.parametrize(
    ("machines", "first"), [("n1", "n1"), ("n1,n2", "n1"), ("n[3,5-6]", "n3"), ("n[010-012]-ib", "n010-ib")]
)
def test_the_first_machine_of_a_list(machines, first):
    assert first_of(machines) == first


def test_each_process_sees_one_card():
    assert card_of({}, 2) == "2"
    assert card_of({"CUDA_VISIBLE_DEVICES": "4,6"}, 1) == "6"
    assert card_of({"CUDA_VISIBLE_DEVICES": "4"}, 3) == "4"  # SLURM has bound it
    with pytest.raises(Problem, match=r"Process 3 of this machine has no card: CUDA_VISIBLE_DEVICES shows 2 \(4,6\)"):
        card_of({"CUDA_VISIBLE_DEVICES": "4,6"}, 2)
