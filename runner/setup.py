"""Puts everything a command needs in place and says where it is; quick when it is there already."""

import os
from dataclasses import dataclass
from pathlib import Path

from . import environment, testdata
from .comfyui import Host, existing_host, private_host
from .links import link_folder, unlink_folder
from .locks import only_one
from .places import Places
from .problems import Problem, say
from .processes import run
from .stamps import contents, key_of, once

PACK = "comfyui-likeness"
MINIATURE = "likeness-miniature"
FACES = "vectron"  # the test data's pack of face networks
AGAIN = "delete the folder .likeness and run the same command again."


@dataclass(frozen=True)
class Wanted:
    """What a command needs in addition to ComfyUI with the pack."""

    comfyui: Path | None = None
    python: Path | None = None
    tests: bool = False
    miniature: bool = True


def prepare(places: Places, wanted: Wanted) -> Host:
    """Set up what `wanted` says and return the ComfyUI to run. Raises Problem when a step fails."""
    with only_one(places.work / "lock"):
        pip_python = environment.bootstrap(places)
        host = _host(places, wanted, pip_python)
        if wanted.tests:
            environment.prepare_tools(places)
        testdata.fetch_all(places, pip_python)
        link(places, wanted.miniature)
        if wanted.miniature:
            _miniature_adapters(places, host)
    return host


def _host(places: Places, wanted: Wanted, pip_python: Path) -> Host:
    if wanted.comfyui and not wanted.tests:
        return existing_host(wanted.comfyui, wanted.python)
    layers = (environment.HOST, environment.TESTS) if wanted.tests else (environment.HOST,)
    python = environment.prepare(places, *layers)
    private = private_host(places, python, pip_python)
    if not wanted.comfyui:
        return private
    # The tests take the tree but run in our environment, where their tools are.
    return existing_host(wanted.comfyui, python)


def link(places: Places, miniature: bool) -> None:
    """Make the pack appear in ComfyUI's custom nodes, and the miniatures with it or not."""
    custom_nodes = places.base / "custom_nodes"
    link_folder(places.root, custom_nodes / PACK)
    faces = places.base / "models" / "insightface" / "models" / FACES
    if miniature:
        link_folder(places.root / "tests" / "miniature", custom_nodes / MINIATURE)
        link_folder(places.test_data / "insightface" / "models" / FACES, faces)
    else:
        unlink_folder(custom_nodes / MINIATURE)
        unlink_folder(faces)


def _miniature_adapters(places: Places, host: Host) -> None:
    source = places.root / "tests" / "miniature"
    script = source / "make_adapters.py"
    if not script.is_file():
        raise Problem(f"{script} does not exist.", "restore the repository: `git checkout -- tests/miniature`.")

    def write() -> None:
        say("Writing the miniatures' files")
        environ = {**os.environ, "LIKENESS_COMFYUI": str(host.tree), "OMP_NUM_THREADS": "1"}
        run(
            [host.python, script, places.base / "models"],
            "Writing the miniatures' files",
            AGAIN,
            env=environ,
        )

    key = key_of(contents([*source.rglob("*.py"), *source.rglob("*.safetensors")]), host.tree)
    once(places.stamps / "miniature", key, places.base / "models" / "ipadapter" / "miniature", write)
