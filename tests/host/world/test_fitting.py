"""A fitting that is stopped goes on as if it had not been, and its parts are one step."""

import pytest
import torch
from torch.nn import Linear, init

STEPS, PICTURES = 8, 6


@pytest.fixture
def fitted(tmp_path, monkeypatch):
    """Fits a small network for some steps, in as many parts: its averaged weights, as one tensor."""
    from miniature.world import fitting

    class Evenly(fitting.Plan):
        def rate_at(self, _step):
            return self.rate

    monkeypatch.setattr(fitting, "KEEP", 1)

    def made(name, steps=STEPS, parts=1):
        with torch.inference_mode(False):
            network = Linear(3, 2)
        init.constant_(network.weight, 0.1)
        init.zeros_(network.bias)

        def loss(number):
            first = number * PICTURES // parts
            rows = torch.arange(first, first + PICTURES // parts).float()[:, None].repeat(1, 3).sin()
            return (network(rows) - rows[:, :2] ** 2).square().mean()

        files = tmp_path / f"{name}.state", tmp_path / f"{name}.log"
        with torch.inference_mode(False):
            kept = fitting.fit(network, loss, Evenly(steps, 0.01), *files, parts)
        return torch.cat([tensor.flatten() for tensor in kept.values()])

    return made


def test_a_stopped_fitting_goes_on_as_if_it_had_not_been(fitted):
    begun = fitted("stopped", STEPS // 2)
    assert torch.equal(fitted("stopped"), fitted("whole"))
    assert not torch.equal(begun, fitted("whole"))


def test_the_parts_of_a_step_are_one_step(fitted):
    whole, parts = fitted("whole"), fitted("in parts", parts=2)
    assert torch.allclose(whole, parts, atol=1e-6) and not torch.equal(whole, fitted("shorter", STEPS - 1))
