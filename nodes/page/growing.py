"""Inputs of a node that grow -> an error that says how many there may be, where a prompt gives more."""

from __future__ import annotations

from collections.abc import Mapping


def check_none_beyond(beyond: Mapping[str, object], most: int, instead: str) -> None:
    """Raise ValueError for inputs that no node has, as the host hands on what a prompt links to any name."""
    if beyond:
        names = ", ".join(f"'{name}'" for name in sorted(beyond))
        raise ValueError(f"There is no input {names}: {most} is the most that this node takes. {instead}")
