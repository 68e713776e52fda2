"""How near two results must be: bit for bit on the CPU, and on a card within a bound that is stated beside the claim."""

import torch
from torch import Tensor

from .device import is_card

FLOAT32 = 1e-4
"""Largest difference in float32, TF32 off, between two ways to the same sum: what parity allows on any device."""


def assert_same(found: Tensor, expected: Tensor, on_a_card: float = FLOAT32) -> None:
    """Both are one bit for bit; on a card, where another number of rows takes another kernel, within `on_a_card`.

    Not for what is untouched (weight 0, mask 0, outside the range): that is the same call, with the same bits anywhere.
    """
    assert found.shape == expected.shape and found.dtype == expected.dtype
    if is_card():
        torch.testing.assert_close(found, expected, rtol=0, atol=on_a_card)
    else:
        assert torch.equal(found, expected)


def assert_as_near(found: Tensor, hosts: Tensor, exact: Tensor) -> None:
    """In half precision: no further from the float32 result `exact` than twice what the host's own way is."""
    ours, own = ((one.double() - exact.double()).abs().max().item() for one in (found, hosts))
    assert ours <= 2 * own, f"{ours:.1e} from float32, where the host's own is {own:.1e}"
