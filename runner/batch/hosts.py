"""The ComfyUIs that draw: one that is started here and dies with this process, or one that somebody else keeps."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from ..comfyui import Host
from ..folders import Folders, options_for
from ..links import link_folder, unlink_folder
from ..locks import locked
from ..places import ROOT
from ..problems import Problem
from ..server import STOP_SECONDS, Server
from .talk import Link, Lost, Refused, Slow

LEASH = Path(__file__).with_name("leash.py")
PACK = "comfyui-likeness"
PREFIX, LOCK = "likeness-host-", "lock"
YOUNG_SECONDS = 60
STARTS = 3  # in a row, then the run ends
BACK_SECONDS = 120
"""How long a host that somebody else keeps may be away, as while it is started again."""


class Gone(Problem):
    """A host that cannot be had again."""


class Drawing(Protocol):
    """What draws: a host with a name for the results, and the way to it."""

    name: str
    link: Link
    is_ours: bool

    def start(self) -> None:
        """Have it ready for prompts. Raises Gone when it cannot be."""
        ...

    def renew(self) -> None:
        """Have it ready again after it was lost, or to be rid of what it has gathered."""
        ...

    def kill(self) -> None:
        """End it at once, where that is ours to do."""
        ...

    def stop(self) -> None: ...

    def empty(self, file: Mapping[str, str]) -> None:
        """Free the room of a file that was fetched, where that is ours to do."""
        ...


@dataclass
class Given:
    """A running ComfyUI at an address: it is neither started nor ended, and its files stay."""

    url: str
    is_ours: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.link = Link(self.url)

    @property
    def name(self) -> str:
        return self.link.url

    def start(self) -> None:
        self._wait(0)

    def renew(self) -> None:
        self._wait(BACK_SECONDS)

    def kill(self) -> None:
        raise Lost(f"{self.name} does not let go of a prompt, and is not ours to end.")

    def stop(self) -> None:
        pass

    def empty(self, file: Mapping[str, str]) -> None:
        pass

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.link.json("/system_stats")
            except (Lost, Slow, Refused, ValueError) as error:
                if time.monotonic() >= deadline:
                    raise Gone(
                        f"No ComfyUI answers at {self.name}: {error}", "start it, then run the same command again."
                    ) from error
                time.sleep(1)
            else:
                return


def for_comfyui(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without what the engine tells its own Pythons."""
    return {name: value for name, value in environment.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


class Leashed(Server):
    """A ComfyUI that ends with this process, however that ends: an orphan would keep the memory of its card."""

    def _begun(
        self, command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        python, *program = command
        # In the group of this process, which is what an engine ends when it ends us.
        return subprocess.Popen(
            [python, str(LEASH), *program],
            cwd=self.host.tree,
            env=for_comfyui(environment),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        with suppress(OSError):
            process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(OSError):
            process.stdin.close()

    def kill(self) -> None:
        """End the process without asking."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@dataclass
class Own:
    """A headless ComfyUI of our own in a folder of its own, with the models and custom nodes that it is offered."""

    comfyui: Host
    offered: Folders
    options: tuple[str, ...] = ()
    starts: int = STARTS
    is_ours: bool = field(default=True, init=False)
    name: str = field(default="", init=False)
    _server: Leashed | None = field(default=None, init=False)
    _folder: Path | None = field(default=None, init=False)
    _lock: IO[str] | None = field(default=None, init=False)

    @property
    def link(self) -> Link:
        return Link(self._server.url)

    def start(self) -> None:
        self._folder, self._lock = new_folder()
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        custom_nodes = self._folder / "custom_nodes"
        custom_nodes.mkdir()
        if not any(has_the_pack(folder) for folder in self.offered.get("custom_nodes", ())):
            link_folder(ROOT, custom_nodes / PACK)
        extra = options_for(self.offered, self._folder / "offered.yaml")
        self._server = Leashed(self.comfyui, self._folder, self._folder / "server.log", [*extra, *self.options])
        self._begin()

    def renew(self) -> None:
        self._server.stop()
        self._begin()

    def kill(self) -> None:
        self._server.kill()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
        if self._folder is not None:
            self._lock.close()
            delete_folder(self._folder)

    def empty(self, file: Mapping[str, str]) -> None:
        # Not deleted: its name stays taken, so that a node which the host has cached never means another file by it.
        path = self._folder / "output" / file["subfolder"] / file["filename"]
        with suppress(OSError):
            os.truncate(path, 0)

    def _begin(self) -> None:
        for left in reversed(range(self.starts)):
            try:
                self._server.__enter__()
            except Problem as problem:
                if not left:
                    raise Gone(problem.what, problem.cure) from problem
            else:
                return


def new_folder() -> tuple[Path, IO[str]]:
    """A folder for a host, and its lock, which is to be held as long as the folder is used.

    What hosts of killed processes have left is deleted first: its locks are free.
    """
    for lock in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}"):
        with suppress(OSError):
            if time.time() - lock.stat().st_mtime > YOUNG_SECONDS:  # a newer one may not be locked yet
                with lock.open("a") as file:
                    is_left = locked(file)
                if is_left:
                    delete_folder(lock.parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = (folder / LOCK).open("w")
    locked(lock)
    return folder, lock


def delete_folder(folder: Path) -> None:
    """Delete a host's folder, whose lock is free."""
    unlink_folder(folder / "custom_nodes" / PACK)  # else a junction's target would be deleted with it
    shutil.rmtree(folder, ignore_errors=True)


def has_the_pack(custom_nodes: Path) -> bool:
    """Whether a folder of custom nodes has this pack already, under whatever name; two of it would clash."""
    projects = custom_nodes.glob("*/pyproject.toml") if custom_nodes.is_dir() else ()
    return any(f'\nname = "{PACK}"\n' in path.read_text(encoding="utf-8", errors="replace") for path in projects)
