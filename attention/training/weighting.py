"""Noise levels -> what the error of each counts in the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor

NONE, MIN_SNR = "none", "min_snr"
CLEAREST = 1000.0  # signal to noise: what is clearer counts as this, as kohya's scripts have it

WEIGHTINGS: Mapping[str, Callable[[Tensor, float], Tensor] | None] = MappingProxyType(
    {
        NONE: None,
        MIN_SNR: lambda snr, gamma: snr.clamp(max=gamma) / snr,
        "debiased": lambda snr, _: snr.clamp(max=CLEAREST) ** -0.5,
    }
)
"""Ways to weigh the error of the noise by the ratio of signal to noise, power to power, and gamma.

min_snr is that of 2303.09556, debiased that of 2310.08442. An error of the velocity is the same error of the
noise times (snr + 1) / snr, so that both hold for models of either kind: min(snr, gamma) / (snr + 1) of the one is
min(snr, gamma) / snr of the other.
"""


def weights_of(sigmas: Tensor, weighting: str, gamma: float) -> Tensor | None:
    """What each of the levels (B,) counts, (B,); None where all count alike."""
    weigh = WEIGHTINGS[weighting]
    return None if weigh is None else weigh(sigmas.double() ** -2, gamma).to(sigmas)
