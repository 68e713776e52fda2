"""The state of a training is written by the clock too, so that a killed one of long steps loses minutes."""

import pytest
import torch
from trainings import run, trainer


def test_a_killed_training_goes_on_from_ten_minutes_ago_at_most(tmp_path):
    """By this clock a step takes six minutes, and the process ends after the fourth, far from 200."""
    now, state = [0.0], tmp_path / "state"

    def step(done, *_):
        now[0] += 6 * 60
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(trainer(steps=9, batch_size=1), state=state, clock=lambda: now[0], after_step=step)
    assert len(torch.load(state)["losses"]) == 3


def test_the_minutes_begin_when_the_state_is_written():
    """Also where writing takes longer than they are."""
    from pack.attention.training.due import Due

    now = [0.0]
    due = Due(200, 10, lambda: now[0])
    assert [due.after(done, 400) for done in (1, 199, 200, 400)] == [False, False, True, True]
    now[0] = 600
    assert due.after(1, 400)
    now[0] = 1300
    due.written()
    assert not due.after(2, 400)
