"""Runs one of our clients of ComfyUI in ComfyUI's own Python, which has what they import."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .comfyui import Host
from .places import Places
from .problems import Problem
from .server import Server

# A portable Python does not search the current folder for modules, so a client is started through this.
START = (
    "import runpy, sys; sys.path.insert(0, sys.argv[1]); module = sys.argv[2]; sys.argv[:3] = [module];"
    " runpy.run_module(module, run_name='__main__')"
)


def client_status(places: Places, host: Host, server: Server, module: str, arguments: Sequence[str | Path]) -> int:
    """Run the package `module` with the server's address and these arguments; its exit status.

    Ctrl-C reaches the client as well, which is given the time that it takes to leave in order. Raises Problem when the
    server has ended.
    """
    command = [host.python, "-c", START, places.root, module, "--server", server.url, *arguments]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    with subprocess.Popen([str(part) for part in command], env=environment, cwd=places.root) as client:
        status = ended(client)
    if status and not server.is_running():
        raise Problem(
            f"ComfyUI ended by itself. The end of {server.log}:\n{server.tail()}",
            "see the last lines above.",
        )
    return status


def ended(client: "subprocess.Popen[bytes]") -> int:
    """Wait for a client that is told of Ctrl-C as we are; its exit status."""
    while True:
        try:
            return client.wait()
        except KeyboardInterrupt:
            continue
        except BaseException:  # we are told to end ourselves
            client.kill()
            raise
