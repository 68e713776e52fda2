"""Learning-rate schedules: torch's own, with a warm-up before and a floor below, as functions of the step alone."""

import pytest
import torch
from torch.optim import lr_scheduler
from trainings import run, settings, trainer

STEPS, WARMUP = 60, 12
LEFT = STEPS - WARMUP


def rates_of(**changes):
    made = settings(steps=STEPS, learning_rate=2e-4, warmup=WARMUP, **changes)
    return [made.rate_at(step) for step in range(STEPS)]


def torchs(scheduler):
    """What one of torch's schedulers gives step by step after the warm-up."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=2e-4)
    made, found = scheduler(optimizer), []
    for _ in range(LEFT):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    return found


@pytest.mark.parametrize(
    ("changes", "scheduler"),
    [
        ({}, lambda o: lr_scheduler.ConstantLR(o, 1.0)),
        ({"schedule": "linear", "floor": 0.1}, lambda o: lr_scheduler.LinearLR(o, 1.0, 0.1, LEFT)),
        ({"schedule": "cosine", "floor": 0.05}, lambda o: lr_scheduler.CosineAnnealingLR(o, LEFT, 0.05 * 2e-4)),
        (
            {"schedule": "cosine_with_restarts", "cycles": 3},
            lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, LEFT // 3),
        ),
        ({"schedule": "inverse_sqrt"}, lambda o: lr_scheduler.LambdaLR(o, lambda s: (1 + s / WARMUP) ** -0.5)),
    ],
    ids=lambda each: each.get("schedule", "constant") if isinstance(each, dict) else "",
)
def test_a_schedule_is_the_one_of_its_name(changes, scheduler):
    found = rates_of(**changes)
    assert found[:WARMUP] == pytest.approx([2e-4 * (step + 1) / WARMUP for step in range(WARMUP)], rel=1e-12)
    assert found[WARMUP:] == pytest.approx(torchs(scheduler), rel=1e-9)
    assert found[WARMUP] == 2e-4 and min(found) > 0


def test_no_schedule_is_what_it_was():
    """Bit for bit the rates of before there were schedules."""
    assert rates_of() == [2e-4 * min(1.0, (step + 1) / WARMUP) for step in range(STEPS)]


def test_a_step_is_taken_at_its_rate():
    made = trainer(steps=2, schedule="linear")
    run(made)
    assert made.optimizer.param_groups[0]["lr"] == made.settings.rate_at(1) == 0.5e-3


def test_a_longer_run_goes_on_only_where_no_rate_depends_on_its_length(tmp_path):
    assert "steps" not in settings(schedule="inverse_sqrt").resumable()
    state = tmp_path / "state"
    run(trainer(steps=1, schedule="cosine"), state=state)
    with pytest.raises(ValueError, match="steps 1 there, 2 now"):
        run(trainer(steps=2, schedule="cosine"), state=state)


def test_a_state_from_before_there_were_schedules_goes_on(tmp_path):
    state = tmp_path / "state"
    run(trainer(steps=1), state=state)
    kept = torch.load(state)
    for name in ("schedule", "floor", "cycles"):
        del kept["settings"][name]
    torch.save(kept, state)
    assert run(trainer(steps=2), state=state).losses[:1] == kept["losses"]
    with pytest.raises(ValueError, match="schedule constant there, linear now"):
        run(trainer(steps=3, schedule="linear"), state=state)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schedule": "steep"}, "no schedule 'steep'; choose one of: constant, linear"),
        ({"floor": 1.5}, "floor is 1.5; it must be between 0 and 1"),
        ({"cycles": 0}, "cycles is 0"),
    ],
)
def test_bad_schedules_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        settings(**changes)
