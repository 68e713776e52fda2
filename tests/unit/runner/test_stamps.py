"""A step runs once, and again when it was broken off or its ingredients changed."""

import pytest

from runner.stamps import contents, key_of, once


@pytest.fixture
def step(tmp_path):
    class Step:
        runs = 0
        fails = False
        made = tmp_path / "made"
        stamp = tmp_path / "stamps" / "step"

        def __call__(self):
            Step.runs += 1
            self.made.mkdir(exist_ok=True)
            if Step.fails:
                raise KeyboardInterrupt

        def once(self, key="k"):
            return once(self.stamp, key, self.made, self)

    return Step()


def test_a_second_run_does_nothing(step):
    assert step.once() is True
    assert step.once() is False
    assert step.runs == 1


def test_another_key_runs_it_again(step):
    step.once()
    assert step.once("other") is True
    assert step.once("other") is False


def test_an_interrupted_step_runs_again(step):
    step.once()
    type(step).fails = True
    with pytest.raises(KeyboardInterrupt):
        step.once("other")
    assert not step.stamp.exists()
    type(step).fails = False
    assert step.once("k") is True


def test_it_runs_again_when_what_it_made_is_gone(step):
    step.once()
    step.made.rmdir()
    assert step.once() is True


def test_the_key_changes_with_contents(tmp_path):
    file = tmp_path / "pins.txt"
    file.write_text("torch==1")
    before = key_of(contents([file]))
    assert key_of(contents([file])) == before
    file.write_text("torch==2")
    assert key_of(contents([file])) != before
