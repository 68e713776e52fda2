"""A training that goes on -> what the row on its node shows, told to every open page, and the button that stops it there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from comfy.model_management import InterruptProcessingException
from comfy_api.v0_0_2 import io, ui
from server import PromptServer
from torch import Tensor

EVENT = "likeness.training"
LOOKS = 8
"""Pictures that the row keeps: the last ones."""
POINTS = 96
RECENT = 20
"""Steps over which the loss that is told is averaged, as in the report."""
LIVE = ("preparing", "training", "stopping")
_PAUSE = 0.25  # seconds between two messages

RUNNING: dict[str, CourseRow] = {}
"""The rows whose training can be stopped, by node."""
_PACES: dict[str, float] = {}
"""Seconds a step of trainings since ComfyUI was started, by the file's name, the last one at the end."""

Send = Callable[[str, dict[str, Any]], None]


def to_pages(event: str, told: dict[str, Any]) -> None:
    """Tell all pages; where none is open nothing is queued for them."""
    server = getattr(PromptServer, "instance", None)
    if server is not None and server.sockets:
        server.send_sync(event, told)


class Curve:
    """Means of a growing list of numbers: at most POINTS of them, each of as many."""

    def __init__(self) -> None:
        self._means: list[float] = []
        self._each = 1
        self._open: list[float] = []

    def add(self, value: float) -> None:
        self._open.append(value)
        if len(self._open) < self._each:
            return
        self._means.append(sum(self._open) / self._each)
        self._open = []
        if len(self._means) == POINTS:
            self._means = [(a + b) / 2 for a, b in zip(self._means[::2], self._means[1::2], strict=True)]
            self._each *= 2

    def points(self) -> list[float]:
        rest = [sum(self._open) / len(self._open)] if self._open else []
        return [*self._means, *rest]


class CourseRow:
    """What the page shows of one training. All pages are told, so that one that was opened later shows it too."""

    def __init__(
        self,
        node: str | None,
        name: str,
        send: Send = to_pages,
        clock: Callable[[], float] = time.monotonic,
        planned: int = 0,
    ) -> None:
        """`name` is the file's, by which a page knows whether its node is this one; `planned` is how many steps it will take."""
        self._node = node
        self._send = send
        self._clock = clock
        self._asked = threading.Event()
        self._told_at = -_PAUSE
        self._began: tuple[float, int] | None = None
        self._curve = Curve()
        self._recent: list[float] = []
        self._looks: list[dict[str, Any]] = []
        self._pictures: tuple[float, int] | None = None
        former = {"former": _PACES.get(name) or next(reversed(_PACES.values()))} if _PACES else {}
        self._told: dict[str, Any] = {
            "name": name, "phase": "preparing", "done": 0, "of": 0, "planned": planned, **former
        }  # fmt: skip

    @contextmanager
    def running(self) -> Generator[None]:
        """Within it the page may stop the training."""
        if self._node is not None:
            RUNNING[self._node] = self
        try:
            yield
        finally:
            RUNNING.pop(self._node or "", None)

    def ask_to_stop(self) -> None:
        """Have the training end after the step it is in, with what is trained written to a file."""
        self._asked.set()
        self._tell("stopping")

    def is_asked(self) -> bool:
        return self._asked.is_set()

    def prepared(self, done: int, of: int) -> None:
        """So many pictures are encoded."""
        now = self._clock()
        if self._pictures is None:
            self._pictures = now, done
        since, first = self._pictures
        pace = (now - since) / (done - first) if done > first else None
        self._tell("preparing", done=done, of=of, pace=pace)

    def begun(self, losses: Sequence[float], of: int, resumable: bool) -> None:
        """The first step is next, after those that an earlier run took."""
        for loss in losses:
            self._take(loss)
        self._began = None
        self._tell("training", done=len(losses), of=of, resumable=resumable, pace=None)

    def step(self, done: int, of: int, loss: float) -> None:
        self._take(loss)
        now = self._clock()
        if self._began is None:
            self._began = now, done  # not the first step, in which kernels are chosen and memory is found
        since, first = self._began
        pace = (now - since) / (done - first) if done > first else None
        if pace is not None:
            _PACES.pop(self._told["name"], None)
            _PACES[self._told["name"]] = pace
        self._tell("stopping" if self.is_asked() else "training", done=done, of=of, pace=pace)

    def look(self, step: int, pictures: Sequence[Tensor]) -> None:
        """Pictures (1, H, W, 3) were drawn after a step."""
        for picture in pictures:
            shown: Any = ui.PreviewImage(picture).as_dict()["images"]
            self._looks.append({"step": step, "file": shown[0]})
        self._looks = self._looks[-LOOKS:]
        self._tell(self._told["phase"], at_once=True)

    def stopped(self, done: int, files: Sequence[Path]) -> None:
        """It ended before its end; these files have what was trained."""
        self._tell("stopped", done=done, files=[f"{file.parent.name}/{file.name}" for file in files])

    def broken_off(self, by_a_person: bool) -> None:
        """It ended by an error, or was interrupted before its first step, unless its end has been told."""
        if self._told["phase"] not in LIVE:
            return
        if self._told["phase"] == "preparing":
            self._told |= {"done": 0, "of": 0}  # those were pictures
        self._tell("unbegun" if by_a_person else "failed")

    def finished(self, files: Sequence[Path]) -> dict[str, Any]:
        """It is at its end: what stays to be shown."""
        self._tell("finished", files=[f"{file.parent.name}/{file.name}" for file in files])
        return self.told()

    def told(self) -> dict[str, Any]:
        """All that the row shows."""
        loss = sum(self._recent) / len(self._recent) if self._recent else None
        return {**self._told, "loss": loss, "curve": self._curve.points(), "looks": self._looks}

    def _take(self, loss: float) -> None:
        self._curve.add(loss)
        self._recent = [*self._recent[1 - RECENT :], loss]

    def _tell(self, phase: str, at_once: bool = False, **values: Any) -> None:
        is_new = phase != self._told["phase"]
        self._told |= {"phase": phase, **values}
        now = self._clock()
        if self._node is not None and (is_new or at_once or now - self._told_at >= _PAUSE):
            self._told_at = now
            self._send(EVENT, {"node": self._node, **self.told()})


@contextmanager
def row_of(cls: type[io.ComfyNode], given: Mapping[str, Any]) -> Generator[CourseRow]:
    """The row of a training node, which tells its pages of an error too: the host tells the page that queued alone."""
    row = CourseRow(cls.hidden.unique_id if cls.hidden else None, given["name"], planned=given.get("steps", 0))
    try:
        yield row
    except BaseException as error:
        row.broken_off(isinstance(error, InterruptProcessingException))
        raise
