"""What is written of each step: all of it, once, whatever stopped a training; and the trackers that it can be sent to."""

import importlib.util
import json

import comfy.model_management
import pytest
from trainings import run, trainer


@pytest.fixture
def logs(tmp_path):
    from pack.attention.training.log import Logs

    return Logs(tmp_path / "below" / "mine.log.jsonl")


def read(logs):
    return [json.loads(line) for line in logs.path.read_text().splitlines()]


def test_every_step_is_a_line(logs):
    """In a file of its own: what an earlier training left under the name is gone."""
    logs.path.parent.mkdir()
    logs.path.write_text('{"step": 1, "loss": 7.0}\n')
    trained = run(trainer(steps=2, schedule="linear"), logs=logs)
    lines = read(logs)
    assert [line["step"] for line in lines] == [1, 2]
    assert [line["loss"] for line in lines] == trained.losses
    assert [line["rate"] for line in lines] == pytest.approx([1e-3, 1e-3 / 2])
    assert all(line["norm"] > 0 and line["pictures_per_second"] > 0 and line["memory"] > 1 << 20 for line in lines)


def test_a_stopped_one_writes_each_step_once(logs, tmp_path):
    """The state is of the second step, the file has a third, as after a power cut; it is written anew."""
    state = tmp_path / "state"

    def stop(done, *_):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(trainer(steps=4), state=state, write_every=2, logs=logs, after_step=stop)
    with logs.path.open("a") as file:
        file.write('{"step": 4, "lo')
    assert len(read_whole(logs)) == 3
    whole = run(trainer(steps=4), state=state, logs=logs)
    assert [(line["step"], line["loss"]) for line in read(logs)] == list(enumerate(whole.losses, 1))


def read_whole(logs):
    return [line for line in logs.path.read_text().splitlines() if line.endswith("}")]


def test_the_file_is_closed_when_the_user_cancels(logs):
    def cancel(*_):
        raise comfy.model_management.InterruptProcessingException

    with pytest.raises(comfy.model_management.InterruptProcessingException):
        run(trainer(steps=2), logs=logs, after_step=cancel)
    assert [line["step"] for line in read(logs)] == [1]


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb", "trackio"])
def test_a_package_that_is_not_installed_is_named_before_anything_is_trained(tracker, tmp_path, monkeypatch):
    from pack.attention.training.log import check_tracker

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=f"'{tracker}' needs a package .*-m pip install {tracker}', or set 'tracker'"):
        check_tracker(tracker)


def test_tensorboard_gets_every_value(tmp_path):
    pytest.importorskip("tensorboard", reason="the tracker's package is not installed")
    from pack.attention.training.log import Logs
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trained = run(trainer(steps=2), logs=Logs(tmp_path / "mine.log.jsonl", "tensorboard"))
    events = EventAccumulator(str(tmp_path / "mine.tensorboard"))
    events.Reload()
    assert [event.value for event in events.Scalars("loss")] == pytest.approx(trained.losses)
    assert [event.step for event in events.Scalars("norm")] == [1, 2]
