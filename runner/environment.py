"""Makes the private Python environment that ComfyUI and the tests run in, with every package pinned."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .downloads import CURE
from .pinned import UV
from .places import ROOT, Places, program_in
from .problems import Problem, say
from .processes import run
from .stamps import contents, key_of, once

PINS = ROOT / "runner" / "pins"
ENGINE_PYTHON = (3, 11)
# The interpreter itself, also when run.py is started with the Python of a virtual environment, even of ours.
BASE_PYTHON = str(getattr(sys, "_base_executable", sys.executable))


@dataclass(frozen=True)
class Layer:
    """One list of pinned packages that is installed as a whole."""

    name: str
    pins: str
    says: str


HOST = Layer("host", "host.txt", "Installing ComfyUI's packages and torch (several GB the first time)")
TESTS = Layer("tests", "tests.txt", "Installing the test tools and the reference implementations")


def bootstrap(places: Places) -> Path:
    """Make the small environment that holds pip and uv; return its Python. Raises Problem when that fails."""
    uv = program_in(places.bootstrap, "uv")
    once(
        places.stamps / "bootstrap",
        key_of(UV, sys.version, sys.base_prefix),
        uv,
        lambda: _make_bootstrap(places),
    )
    return program_in(places.bootstrap, "python")


def prepare(places: Places, *layers: Layer) -> Path:
    """Make the environment with `layers` where anything is missing, after `bootstrap`; return its Python.

    Raises Problem when a package cannot be installed.
    """
    maker = (places.python,) if places.python else (sys.version, sys.base_prefix)
    key = key_of(*maker, UV, os.environ.get("UV_TORCH_BACKEND"))
    if places.unfinished.exists():  # uv takes a half-copied package for an installed one
        say("The last installation was interrupted; making the environment again.")
        (places.stamps / "env").unlink(missing_ok=True)
    once(places.stamps / "env", key, program_in(places.env, "python"), lambda: _new_env(places))
    for layer in layers:
        _install(places, layer, key)
    return program_in(places.env, "python")


def prepare_tools(places: Places) -> Path:
    """Make the environment of the programs that judge node packs, whose packages are not ComfyUI's; return its folder.

    Raises Problem when a package cannot be installed.
    """
    pins = PINS / "tools.txt"
    key = key_of(sys.version, sys.base_prefix, UV, contents([pins]))
    once(places.stamps / "tools", key, program_in(places.tools, "python"), lambda: _make_tools(places, pins))
    return places.tools


def prepare_batch(places: Places) -> Path:
    """Make the environment of the engine that draws on many hosts, after `bootstrap`; return its Python.

    Raises Problem when a package cannot be installed, and for a Python that the packages have no wheels for.
    """
    if sys.version_info < ENGINE_PYTHON:
        raise Problem(
            f"The engine needs Python {'.'.join(map(str, ENGINE_PYTHON))} or newer; this is {sys.version.split()[0]}.",
            "start run.py with a newer Python, or draw with --hosts 0.",
        )
    pins = PINS / "batch.txt"
    key = key_of(sys.version, sys.base_prefix, UV, contents([pins]))
    once(places.stamps / "batch", key, program_in(places.batch, "python"), lambda: _make_batch(places, pins))
    return program_in(places.batch, "python")


def _make_batch(places: Places, pins: Path) -> None:
    say("Installing the engine (about 600 MB on disk)")
    shutil.rmtree(places.batch, ignore_errors=True)
    _make_venv(places, places.batch)
    _install_list(places, pins, places.batch)


def _make_tools(places: Places, pins: Path) -> None:
    say("Installing comfy-cli and comfy-test")
    shutil.rmtree(places.tools, ignore_errors=True)
    _make_venv(places, places.tools)
    _install_list(places, pins, places.tools)


def _make_bootstrap(places: Places) -> None:
    say(f"Making a private environment in {places.work}")
    shutil.rmtree(places.bootstrap, ignore_errors=True)
    try:
        venv.create(places.bootstrap, with_pip=True)
    except (subprocess.CalledProcessError, OSError, ImportError) as error:
        raise Problem(
            f"This Python ({sys.executable}) cannot make virtual environments ({error}).",
            "on Debian and Ubuntu: `apt install python3-venv`; elsewhere use the Python from python.org.",
        ) from error
    python = program_in(places.bootstrap, "python")
    run(
        [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", UV],
        f"Installing {UV}",
        CURE,
    )


def _new_env(places: Places) -> None:
    for stamp in places.stamps.glob("packages-*"):
        stamp.unlink()
    shutil.rmtree(places.env, ignore_errors=True)
    places.unfinished.unlink(missing_ok=True)
    _make_venv(places, places.env)


def _make_venv(places: Places, folder: Path) -> None:
    command = [program_in(places.bootstrap, "uv"), "venv", "--quiet", "--python", places.python or BASE_PYTHON, folder]
    run(command, "Making the virtual environment", f"delete {places.work} and run the same command again.")


def _install(places: Places, layer: Layer, env_key: str) -> None:
    pins = PINS / layer.pins
    key = key_of(env_key, contents([pins]))
    once(places.stamps / f"packages-{layer.name}", key, places.env, lambda: _install_pins(places, layer, pins))


def _install_pins(places: Places, layer: Layer, pins: Path) -> None:
    say(layer.says)
    places.unfinished.touch()
    _install_list(places, pins, places.env)
    places.unfinished.unlink()


def _install_list(places: Places, pins: Path, folder: Path) -> None:
    # The lists are complete, so nothing is resolved anew (--no-deps) and nothing unlisted can come in.
    # Compiled here once, or every process does it where PYTHONDONTWRITEBYTECODE is set, as in many containers.
    options = ["--no-deps", "--compile-bytecode", "--requirement", pins]
    command = [program_in(places.bootstrap, "uv"), "pip", "install", *options]
    python = program_in(folder, "python")
    run([*command, "--python", python], f"Installing {pins.name}", CURE, env=index_settings(places))


def index_settings(places: Places) -> Mapping[str, str]:
    """The environment for uv, which does not read pip's configuration: hand it pip's index if it has none."""
    env = {"UV_HTTP_TIMEOUT": "180", **os.environ}
    if not any(name in env for name in ("UV_INDEX_URL", "UV_DEFAULT_INDEX")):
        command = [
            str(program_in(places.bootstrap, "python")),
            "-m",
            "pip",
            "config",
            "get",
            "global.index-url",
        ]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        index = env.get("PIP_INDEX_URL") or (answer.stdout.strip() if answer.returncode == 0 else "")
        if index:
            env["UV_DEFAULT_INDEX"] = index
    return env
