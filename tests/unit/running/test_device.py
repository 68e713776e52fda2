"""A run on a card holds what computes, leaves out what says why, and bounds are bits on the CPU."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from running import bounds, device

from runner import testing

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(params=testing.DEVICES)
def card(request, monkeypatch):
    monkeypatch.setattr(device, "NAME", request.param)


def collected(place):
    return device.pytest_ignore_collect(TESTS / place) is None


def test_the_runner_and_the_tests_know_the_same_devices():
    assert testing.DEVICES == device.CARDS


def test_on_the_cpu_everything_is_collected():
    assert all(map(collected, ("unit", "rules", "browser", "host/server", "host/world")))


def test_on_a_card_what_computes_is_collected(card):
    for place in ("host", "host/test_laws.py", "host/flux/test_costs.py", "parity", "parity/face/test_people.py"):
        assert collected(place) and (TESTS / place).exists()
    for place in ("unit", "rules/test_rules.py", "browser", "batch", "host/server/test_world.py", "host/world"):
        assert not collected(place) and (TESTS / place).exists()


def test_a_test_for_the_cpu_alone_is_skipped_on_a_card_and_says_why(card):
    added = []
    mark = SimpleNamespace(args=("the card rounds in another order",))
    item = SimpleNamespace(get_closest_marker={"cpu_only": mark}.get, add_marker=added.append)
    other = SimpleNamespace(get_closest_marker=lambda name: None)
    device.pytest_collection_modifyitems([item, other])
    assert [one.kwargs["reason"] for one in added] == ["on the CPU alone: the card rounds in another order"]


def test_what_a_played_card_cannot_do_runs_on_a_real_one(monkeypatch):
    added = []
    item = SimpleNamespace(
        get_closest_marker={"not_played": SimpleNamespace(args=("it compiles",))}.get, add_marker=added.append
    )
    for name, reasons in ((device.CARDS[0], []), (device.PLAYED, ["not on a played card: it compiles"])):
        monkeypatch.setattr(device, "NAME", name)
        device.pytest_collection_modifyitems([item])
        assert [one.kwargs["reason"] for one in added] == reasons


def test_a_card_that_is_not_there_is_named(card, monkeypatch):
    import comfy.cli_args

    monkeypatch.setattr(comfy.cli_args.args, "cpu", True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(pytest.UsageError, match="LIKENESS_DEVICE is cuda, but .* finds no card"):
        device.choose()


def test_a_bound_is_bits_on_the_cpu_and_a_number_on_a_card(monkeypatch):
    one = torch.linspace(0, 1, 5)
    near, far = one + 1e-5, one + 1e-3
    bounds.assert_same(one, one.clone())
    with pytest.raises(AssertionError):
        bounds.assert_same(near, one)
    monkeypatch.setattr(device, "NAME", "cuda")
    bounds.assert_same(near, one)
    with pytest.raises(AssertionError):
        bounds.assert_same(far, one)


def test_half_precision_may_be_twice_as_far_from_float32_as_the_hosts_own_way():
    exact = torch.zeros(3)
    bounds.assert_as_near(exact + 2e-3, exact - 1e-3, exact)
    with pytest.raises(AssertionError, match="from float32, where the host's own is"):
        bounds.assert_as_near(exact + 3e-3, exact - 1e-3, exact)
