"""A worker as a process that dies with this one: it is asked for one thing at a time, and given up where it falls silent."""

import json
import os
import queue
import socket
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ..batch.hosts import Gone, delete_folder, for_comfyui, new_folder
from ..batch.talk import Lost
from ..client_process import START
from ..places import ROOT
from ..problems import Problem
from ..server import STOP_SECONDS, TAIL_LINES
from ..train.headless import ONE_THREAD

START_SECONDS = 1800
"""For a ComfyUI to be there with its models, which may come over a network."""


@dataclass
class Encoder:
    """A ComfyUI that encodes: `words` are those of the command, `seconds` how long a picture may take."""

    tree: Path
    python: Path
    words: tuple[str, ...]
    seconds: float
    name: str = field(default="", init=False)
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    _lines: "queue.SimpleQueue[bytes | None]" = field(default_factory=queue.SimpleQueue, init=False)
    _folder: Path | None = field(default=None, init=False)
    _lock: IO[str] | None = field(default=None, init=False)

    def __enter__(self) -> "Encoder":
        """Start it. It is ready when it has answered for the first time."""
        self._folder, self._lock = new_folder()
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        command = [self.python, "-c", START, ROOT, "runner.encode.worker", "--tree", self.tree]
        command += ["--folder", self._folder, *self.words]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.tree,
                env={**for_comfyui(os.environ), **ONE_THREAD, "PYTHONUTF8": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        threading.Thread(target=self._read, args=[self._process.stdout], daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            with suppress(OSError):
                self._process.stdin.close()  # which ends it
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            self._lock.close()
            delete_folder(self._folder)
            self._folder = None

    def begin(self) -> Mapping[str, Any]:
        """Have it load its models and begin the lesson, or go on with it. Raises Problem, Gone where it ends."""
        return self._first("begin", 0)

    def end(self, count: int) -> Mapping[str, Any]:
        """Have it list `count` stretches. Raises as `begin`."""
        return self._first("end", count)

    def stretch(self, number: int) -> Mapping[str, Any]:
        """Have it encode a stretch. Raises Problem, and Lost where it went down with it or fell silent."""
        return self._asked("stretch", number, self.seconds)

    def _first(self, what: str, number: int) -> Mapping[str, Any]:
        try:
            return self._asked(what, number, START_SECONDS)
        except Lost as lost:
            raise Gone(f"{lost} The end of its log:\n{self._tail()}", "see the last lines above.") from lost

    def _asked(self, what: str, number: int, seconds: float) -> Mapping[str, Any]:
        try:
            self._process.stdin.write(json.dumps({"ask": what, "number": number}).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Lost("The ComfyUI that encodes has ended.") from error
        while True:
            answer = self._next(seconds)
            if "problem" in answer:
                raise Problem(*answer["problem"])
            if "done" in answer:
                return answer["done"]

    def _next(self, seconds: float) -> Mapping[str, Any]:
        try:
            line = self._lines.get(timeout=seconds)
        except queue.Empty:
            self._process.kill()
            raise Lost(f"The ComfyUI that encodes did not answer within {seconds:g} s.") from None
        if line is None:
            self._lines.put(None)  # for whoever asks again
            raise Lost("The ComfyUI that encodes has ended.")
        return json.loads(line)

    def _read(self, out: IO[bytes]) -> None:
        for line in out:
            self._lines.put(line)
        self._lines.put(None)

    @property
    def _log(self) -> Path:
        return self._folder / "host.log"

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:])
