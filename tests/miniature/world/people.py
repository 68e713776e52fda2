"""The people of the world: those whom its models are trained on, and strangers."""

from __future__ import annotations

from .faces import IDENTITY, Identity
from .pictures import identities

TRAINED_SEED, TRAINED = 200, 500
STRANGERS_SEED, STRANGERS = 900, 48


def named(identity: Identity) -> tuple[str, ...]:
    """An identity without its numbers."""
    return tuple(getattr(identity, name) for name in IDENTITY)


def trained_on() -> list[Identity]:
    """Those whom the base model, the IdentityNet and its adapter are trained on."""
    return identities(TRAINED_SEED, TRAINED)


def strangers() -> list[Identity]:
    """Those who differ from every one of them in an attribute with a name."""
    known = {named(identity) for identity in trained_on()}
    others = [identity for identity in identities(STRANGERS_SEED, 600) if named(identity) not in known]
    return others[:STRANGERS]
