"""The choice among presets that says that the values are one's own, and an error where there are none."""

from __future__ import annotations

OWN = "own"


def check_own(choice: str, given: str, name: str, text: str) -> None:
    """Raise ValueError where the input `choice` says 'own' and the input `name` holds no text."""
    if given == OWN and not text.strip():
        raise ValueError(
            f"'{choice}' is '{OWN}' and '{name}' is empty: draw on the node, write into '{name}', or choose a preset."
        )
