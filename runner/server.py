"""Runs a ComfyUI server on a free loopback port for as long as a with-block lasts."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from .comfyui import Host
from .problems import Problem

READY_SECONDS = 300
PORTS = 5  # tries: another program can take a port between the moment it was found free and its use
TAKEN = re.compile(r"address already in use|WinError 10048", re.IGNORECASE)
STOP_SECONDS = 10
TAIL_LINES = 25

ASK_FOR_GPU = (
    "import torch; gpu = torch.cuda.is_available() or torch.backends.mps.is_available()"
    " or (hasattr(torch, 'xpu') and torch.xpu.is_available()); raise SystemExit(0 if gpu else 9)"
)


def free_port() -> int:
    """A TCP port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def has_gpu(python: Path) -> bool:
    """Whether the torch of this Python can use a GPU. Raises Problem when its torch cannot be imported."""
    done = subprocess.run([str(python), "-c", ASK_FOR_GPU], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 9):
        raise Problem(
            f"torch does not start in {python}:\n{done.stderr.strip()}",
            "repair that environment (or delete .likeness/env) and try again.",
        )
    return done.returncode == 0


def start_command(host: Host, base: Path, port: int, on_cpu: bool, extra: Sequence[str] = ()) -> list[str]:
    """The command that starts ComfyUI with `base` as its only base directory."""
    command = [str(host.python), str(host.tree / "main.py"), "--listen", "127.0.0.1", "--port", str(port)]
    command += ["--disable-api-nodes", "--disable-auto-launch", "--base-directory", str(base)]
    # Without this the database goes into the tree, which may be somebody's own ComfyUI.
    command += ["--database-url", f"sqlite:///{(base / 'user' / 'comfyui.db').as_posix()}", *extra]
    return command + (["--cpu"] if on_cpu else [])


class Server:
    """A ComfyUI process: started on entry, answering after entry, stopped on exit, with its log in a file."""

    def __init__(
        self, host: Host, base: Path, log: Path, extra: Sequence[str] = (), on_cpu: bool | None = None
    ) -> None:
        self.host = host
        self.base = base
        self.log = log
        self.extra = tuple(extra)
        self.port = 0
        self._on_cpu = on_cpu
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Server":
        for folder in ("custom_nodes", "models", "input", "output", "user", "temp"):
            (self.base / folder).mkdir(parents=True, exist_ok=True)
        if self._on_cpu is None:  # torch takes seconds to say so
            self._on_cpu = not has_gpu(self.host.python)
        try:
            for _ in range(PORTS):
                self._start(free_port(), self._on_cpu)
                if self._is_ready():
                    return self
                self.stop()
        except BaseException:
            self.stop()
            raise
        raise Problem(
            f"ComfyUI found its port taken {PORTS} times. The end of {self.log}:\n{self.tail()}", "try again."
        )

    def _start(self, port: int, on_cpu: bool) -> None:
        self.port = port
        command = start_command(self.host, self.base, port, on_cpu, self.extra)
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "PYTHONUTF8": "1",
            **({"OMP_NUM_THREADS": "1"} if on_cpu else {}),
        }
        with self.log.open("wb") as log:
            self._process = self._begun(command, environment, log)

    def _begun(
        self, command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            command,
            cwd=self.host.tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            **own_group(),
        )

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        stop_group(process)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def tail(self) -> str:
        """The last lines of the log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:])

    def stop(self) -> None:
        """End the process and everything it started; a second call does nothing."""
        if self._process is None:
            return
        self._end(self._process)
        self._process = None

    def _is_ready(self) -> bool:
        """Wait until it answers; False when another program took its port. Raises Problem when it ends or hangs."""
        deadline = time.monotonic() + READY_SECONDS
        while str(self.base) not in command_line_at(self.url):  # else another's answers on that port
            if not self.is_running():
                if TAKEN.search(self.tail()):
                    return False
                raise Problem(
                    f"ComfyUI ended while starting. The end of {self.log}:\n{self.tail()}",
                    "see the last lines above.",
                )
            if time.monotonic() > deadline:
                raise Problem(
                    f"ComfyUI did not answer within {READY_SECONDS} s. The end of its log:\n{self.tail()}",
                    f"read {self.log}.",
                )
            time.sleep(0.3)
        return True


def command_line_at(url: str) -> Sequence[str]:
    """The arguments with which the ComfyUI at `url` was started; empty where none answers."""
    # No proxy: a proxy set for the internet must not see loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/system_stats", timeout=5) as answer:
            return json.load(answer)["system"]["argv"]
    except (OSError, ValueError, LookupError):  # nobody there, not yet, or somebody else
        return ()


def own_group(system: str = os.name) -> dict[str, object]:
    """Popen arguments for a group of its own, so that Ctrl-C does not reach it before we stop it."""
    if system == "nt":
        return {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200)}
    return {"start_new_session": True}


def stop_group(process: "subprocess.Popen[bytes]", system: str = os.name) -> None:
    """End a process made with `own_group` and all its children: politely first, then by force."""
    if process.poll() is None:
        _ask_to_stop(process, system)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        _force_to_stop(process, system)
        process.wait()


def _ask_to_stop(process: "subprocess.Popen[bytes]", system: str) -> None:
    if system == "nt":
        process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))
    else:
        os.killpg(process.pid, signal.SIGTERM)


def _force_to_stop(process: "subprocess.Popen[bytes]", system: str) -> None:
    if system == "nt":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        os.killpg(process.pid, signal.SIGKILL)
