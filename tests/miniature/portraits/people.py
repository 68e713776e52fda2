"""The people whom the portraits' models are trained on, and strangers."""

from __future__ import annotations

from .identity import Identity
from .pictures import identities

TRAINED_SEED, TRAINED = 400, 600
STRANGERS_SEED, STRANGERS = 950, 48


def trained_on() -> list[Identity]:
    """Those whom the models are trained on."""
    return identities(TRAINED_SEED, TRAINED)


def strangers() -> list[Identity]:
    """Those who differ from every one of them in an attribute with a name."""
    known = {identity.named for identity in trained_on()}
    others = [identity for identity in identities(STRANGERS_SEED, STRANGERS * 2) if identity.named not in known]
    return others[:STRANGERS]
