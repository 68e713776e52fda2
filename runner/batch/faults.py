"""What is wrong with a batch before it starts: all of it, in one list."""

from collections.abc import Sequence

from ..problems import Problem

MOST = 60  # lines that a person still reads


class Faulty(Problem):
    """A manifest or prompt that cannot be drawn as it is; nothing was started."""

    def __init__(self, faults: Sequence[str]) -> None:
        lines = [f"  - {fault}" for fault in faults[:MOST]]
        if len(faults) > MOST:
            lines.append(f"  and {len(faults) - MOST} more.")
        count = "One thing is" if len(faults) == 1 else f"{len(faults)} things are"
        super().__init__(
            "\n".join([f"{count} wrong with this batch, so nothing was started:", *lines]),
            "mend what is listed, then run the same command again.",
        )
        self.faults = tuple(faults)


def some(names: Sequence[str], most: int = 3) -> str:
    """The first of them as a list in words, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
