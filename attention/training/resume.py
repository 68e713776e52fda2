"""The resume state, from which a stopped training goes on: weights, optimizer and losses in one file, checked against the settings."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from .course import Course
from .ema import set_updates
from .settings import Settings
from .sharding import shared_out, whole


@dataclass(frozen=True)
class Given:
    """What a training was given beside its settings, as hashes: what is trained on, and the weights of `start` if any."""

    examples: str
    start: str = ""


@dataclass(frozen=True, eq=False)
class Moving:
    """What changes from step to step."""

    trainee: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    ema: AveragedModel | None

    def state(self, keep: bool) -> dict[str, Any]:
        """All of it, whole; without `keep` only what one process has to do so that another gets it."""
        state = {
            "weights": self.trainee.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "averaged": {} if self.ema is None else self.ema.module.state_dict(),
        }
        return whole(state, keep)

    def take(self, state: Mapping[str, Any], done: int, mapped: bool) -> None:
        """Be as it was after `done` steps; nothing of a state that is `mapped` is kept but as a copy."""
        _load(self.trainee, state["weights"])
        self.optimizer.load_state_dict(_as_here(state["optimizer"], self.optimizer, mapped))
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(state["scaler"])
        if self.ema is not None:
            _load(self.ema.module, state["averaged"])
            set_updates(self.ema, done)


def _load(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    own = module.state_dict()
    module.load_state_dict({name: shared_out(each, own.get(name, each)) for name, each in weights.items()})


def _as_here(state: Mapping[str, Any], optimizer: torch.optim.Optimizer, mapped: bool) -> dict[str, Any]:
    """An optimizer's state that was saved on another device, to be updated by the kernels of this one, in its shards."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]

    def own(each: Tensor, like: Tensor) -> Tensor:
        part = shared_out(each, like) if each.ndim else each
        return part.clone() if mapped else part  # else a view would keep all of the file

    moments = {
        number: {name: own(each, weights[number]) for name, each in values.items()}
        for number, values in state["state"].items()
    }
    ways = [{name: group[name] for name in ("foreach", "fused")} for group in optimizer.param_groups]
    return {"state": moments, "param_groups": [{**a, **b} for a, b in zip(state["param_groups"], ways, strict=True)]}


@dataclass(frozen=True, eq=False)
class StateFile:
    """Writes and reads the state of a training in `path`.

    `mapped`: it is not read into memory, since each of several processes takes a share of it alone.
    """

    path: Path
    settings: Settings
    given: Given
    moving: Moving
    writes: bool = True  # of several processes one alone
    mapped: bool = False

    def write(self, course: Course) -> None:
        """Write where the training stands: all of the file or nothing."""
        state = {
            "settings": self.settings.resumable(),
            **asdict(self.given),
            **self.moving.state(self.writes),
            "losses": list(course.losses),
            "checks": dict(course.checks),
        }
        if not self.writes:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(self.path.name + ".part")
        torch.save(state, part)
        os.replace(part, self.path)

    def resume(self) -> Course:
        """Put everything back where it stood; the course so far. An absent file is a beginning.

        Raises ValueError when the file is another training's.
        """
        if not self.path.is_file():
            return Course()
        state = self._read()
        # What an older state does not name was what is the default today.
        given = {name: state[name] for name in asdict(self.given) if name in state}
        found = {**Settings().resumable(), **state["settings"], **asdict(Given("")), **given}
        wanted = {**self.settings.resumable(), **asdict(self.given)}
        changed = [name for name, value in wanted.items() if found.get(name) != value]
        if changed:
            told = ", ".join(f"{name} {found.get(name)} there, {wanted[name]} now" for name in changed)
            raise ValueError(
                f"'{self.path}' was saved by a training run with other settings ({told}). Set them back to resume it, or "
                "give this run another name."
            )
        course = Course(state["losses"], state.get("checks", {}))
        self.moving.take(state, course.done, self.mapped)
        return course

    def _read(self) -> dict[str, Any]:
        try:
            if self.mapped:
                _check_sums(self.path)
            state: dict[str, Any] = torch.load(self.path, weights_only=True, map_location="cpu", mmap=self.mapped)
        except (pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, EOFError) as error:
            raise ValueError(
                f"'{self.path}' is damaged and cannot be resumed ({str(error).splitlines()[0]}). Delete it to begin anew."
            ) from error
        missing = [name for name in ("settings", "examples", "weights", "optimizer", "averaged") if name not in state]
        if missing:
            raise ValueError(f"'{self.path}' is not the state of a training run: it lacks {', '.join(missing)}.")
        return state


def _check_sums(path: Path) -> None:
    """Raise BadZipFile for a state that is not what was written: what is mapped is not checked when it is read."""
    with zipfile.ZipFile(path) as file:
        damaged = file.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"'{damaged}' is not what was written")
