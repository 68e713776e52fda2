"""What each command of run.py does once its ComfyUI is in place."""

import argparse
import os
import time
import webbrowser
from collections.abc import Callable, Mapping

from . import frontends, lanes, testing, tried
from .batch.command import batch
from .client_process import START
from .comfyui import existing_host
from .demo.command import demo
from .encode.command import encode
from .folders import folders_in, options_for
from .places import Places
from .problems import Problem, say
from .processes import status_of
from .release.command import release
from .server import Server
from .setup import Wanted, prepare
from .train.command import train
from .verify.command import verify


def test(places: Places, options: argparse.Namespace) -> int:
    """check style and types and run the tests"""
    began = time.monotonic()
    device = {testing.DEVICE: options.device} if options.device else {}
    if options.python:
        host = existing_host(options.comfyui, options.python)
        return testing.run_in(places, host, options.extra, device)
    host = prepare(places, Wanted(options.comfyui, tests=True))
    page = frontends.frontend(places, options.frontend).environment if options.frontend else {}
    say(f"The set-up took {time.monotonic() - began:.0f} s")
    if options.lanes:
        outcomes, status = lanes.run(places, host, options.lanes, options.strict)
        if options.record:
            tried.record(places.root, host.tree, outcomes)
        return status
    form = testing.FORMS.get(options.form, testing.WHOLE if device else testing.EVERYDAY)
    return testing.run(places, host, form, options.extra, page | device)


def check(places: Places, options: argparse.Namespace) -> int:
    """say what the pack relies on in a ComfyUI, which of it holds there, and what is installed"""
    host = existing_host(options.comfyui, options.python) if options.comfyui else prepare(places, Wanted())
    command = [host.python, "-c", START, places.root, "runner.contract", host.tree]
    return status_of(command, env={**os.environ, "PYTHONUTF8": "1"}, cwd=host.tree)


def serve(places: Places, options: argparse.Namespace) -> int:
    """start ComfyUI with the pack, open it in the browser, and stay until Ctrl-C"""
    host = prepare(places, Wanted(options.comfyui, options.python, miniature=options.comfyui is None))
    folders = {} if host.is_private else folders_in(host.tree / "models")
    if options.models_dir:
        for category, group in folders_in(options.models_dir.resolve()).items():
            folders[category] = [*group, *folders.get(category, ())]
    if not host.is_private:
        say("Its models are offered; its other custom nodes are not loaded.")
    say("Starting ComfyUI")
    with Server(
        host, places.base, places.server_log, options_for(folders, places.work / "model-folders.yaml")
    ) as server:
        say(f"ComfyUI runs at {server.url} (log: {server.log}). Ctrl-C stops it.")
        webbrowser.open(server.url)
        return _stay(server)


def _stay(server: Server) -> int:
    try:
        while server.is_running():
            time.sleep(0.5)
    except KeyboardInterrupt:
        print()
        say("Stopping ComfyUI")
        return 0
    raise Problem(f"ComfyUI ended by itself. The end of {server.log}:\n{server.tail()}", "see the last lines above.")


def bench(places: Places, options: argparse.Namespace) -> int:
    """measure the pack and write the figures with their machine"""
    script = places.root / "bench" / "run.py"
    if not script.is_file():
        raise Problem(f"{script} does not exist.", "restore the repository: `git checkout -- bench`.")
    host = prepare(places, Wanted(options.comfyui, options.python))
    environment = {
        **os.environ,
        "LIKENESS_COMFYUI": str(host.tree),
        "LIKENESS_TEST_DATA": str(places.test_data),
    }
    return status_of([host.python, script, *options.extra], env=environment, cwd=places.root)


COMMANDS: Mapping[str, Callable[[Places, argparse.Namespace], int]] = {
    "demo": demo,
    "train": train,
    "encode": encode,
    "batch": batch,
    "test": test,
    "check": check,
    "serve": serve,
    "bench": bench,
    "verify": verify,
    "release": release,
}
