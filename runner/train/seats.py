"""The environment that a launcher of several processes leaves -> which of them this one is."""

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from ..problems import Problem

OUTCOME = "LIKENESS_TRAIN_OUTCOME"
"""The variable with the file that says how it ended; a process that finds it there was started again for nothing."""
STOPPED = 130
"""The status of a training that was asked to stop."""
PORT = 29400
"""Where processes that a launcher gives no port find each other: torchrun's own."""


@dataclass(frozen=True)
class Seat:
    """This process's number among all that train together, how many these are, and its number on this machine."""

    rank: int
    count: int
    local: int

    @property
    def first(self) -> bool:
        """Whether it is this one that writes and tells."""
        return self.rank == 0


LAUNCHERS: Mapping[str, tuple[str, str, str]] = {
    "torchrun": ("RANK", "WORLD_SIZE", "LOCAL_RANK"),  # and what starts processes as it does: Accelerate, Ray Train
    "srun": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
}
"""The variables with a process's number, the number of processes, and its number on its machine."""


def seat_in(environ: Mapping[str, str]) -> Seat | None:
    """Which process of several this is; None where nothing has started several.

    SLURM's variables count only inside of a step that srun began: a batch script has them as well, and is alone.
    Raises Problem where they do not fit each other.
    """
    for launcher, names in LAUNCHERS.items():
        if launcher == "srun" and "SLURM_STEP_ID" not in environ:
            continue
        if names[0] in environ and names[1] in environ:
            return _seat(launcher, {name: environ.get(name, "0") for name in names})
    return None


def _seat(launcher: str, told: Mapping[str, str]) -> Seat:
    numbers = [int(value) if value.isdigit() else -1 for value in told.values()]
    seat = Seat(*numbers)
    if min(numbers) < 0 or seat.rank >= seat.count:
        found = ", ".join(f"{name}={value}" for name, value in told.items())
        raise Problem(
            f"The variables of {launcher} say {found}, which is no process of several.",
            f"unset them, or start the command by {launcher}.",
        )
    return seat


def complete(environ: MutableMapping[str, str], seat: Seat) -> None:
    """Add what torch's group reads from the environment where the launcher did not: srun sets variables of its own."""
    for name, value in zip(LAUNCHERS["torchrun"], (seat.rank, seat.count, seat.local), strict=True):
        environ[name] = str(value)
    machines = environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_JOB_NODELIST") or "localhost"
    environ.setdefault("MASTER_ADDR", first_of(machines))
    environ.setdefault("MASTER_PORT", str(PORT))


def first_of(machines: str) -> str:
    """The first machine of SLURM's list, such as 'gpu[07-09,12],login' -> 'gpu07'."""
    found = re.match(r"([^\[,]+)(?:\[(\w+)[^\]]*\]([^\[,]*))?", machines)
    return "".join(part or "" for part in found.groups()) if found else machines


def card_of(environ: Mapping[str, str], local: int) -> str:
    """What CUDA_VISIBLE_DEVICES is to be so that the process sees its own card alone.

    Raises Problem where the launcher shows fewer cards than processes; a single one is taken to be the process's own, as
    SLURM binds them.
    """
    shown = environ.get("CUDA_VISIBLE_DEVICES")
    if shown is None:
        return str(local)
    cards = [card.strip() for card in shown.split(",") if card.strip()]
    if len(cards) <= 1:
        return shown
    if local >= len(cards):
        raise Problem(
            f"Process {local + 1} of this machine has no card: CUDA_VISIBLE_DEVICES shows {len(cards)} ({shown}).",
            "start as many processes as there are cards, or show more.",
        )
    return cards[local]
