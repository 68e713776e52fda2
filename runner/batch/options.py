"""What `run.py batch` can be told, and what is wrong with it before anything is read."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from ..problems import Problem

LEAST_ERRORS = 10
"""So many errors never end a run that was not told a number: a small manifest has 5 % at once."""
USAGE = 2
NO_ENGINE = (0, 0)


class Misused(Problem):
    """Options that do not go together."""


OPTIONS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "--manifest": {
            "metavar": "FILE",
            "help": "the rows: .csv, .jsonl or .parquet, a path or an address such as s3://. The column id names a row; "
            "every other is 'Title.input' with a value, or 'Title' with the picture that the node of that title "
            "loads (a path begins at the manifest); prompt names another prompt for the row. An empty cell leaves what the "
            "prompt has",
        },
        "--prompt": {"type": Path, "metavar": "FILE", "help": "the workflow, exported for the API"},
        "--references": {
            "type": Path,
            "metavar": "FILE",
            "help": "a workflow that ends in Save Embeds or Save Faces: it is run once for each photo that the manifest "
            "names for a Load Embeds or Load Faces of --prompt, before any picture is drawn",
        },
        "--out": {
            "metavar": "PLACE",
            "help": "where everything is written, a folder or an address. The same command goes on with what is there",
        },
        "--hosts": {
            "metavar": "N or MIN:MAX",
            "help": "ComfyUIs to draw on at once, which an engine starts, each with a card of its own where there are any; "
            "0 is one without the engine (default: one for each card; 0 where there is one card or none)",
        },
        "--address": {
            "action": "append",
            "default": [],
            "metavar": "ADDRESS",
            "help": "draw on the ComfyUI that runs at this address (http://127.0.0.1:8188) in place of one of our own; may be "
            "given several times. Anything else is the engine's cluster to start ours on: auto, or its head's address",
        },
        "--cards-per-host": {
            "type": float,
            "metavar": "N",
            "help": "cards that the engine reserves for a ComfyUI (default: 1 where the cluster has any, else 0)",
        },
        "--here": {"action": "store_true", "help": argparse.SUPPRESS},
        "--base-directory": {
            "type": Path,
            "metavar": "PATH",
            "help": "the base directory of --comfyui, where its models and custom nodes are not in its own folder",
        },
        "--rows-per-block": {
            "type": int,
            "default": 8,
            "help": "rows of one model and reference that one host draws before it takes others (default: 8)",
        },
        "--timeout": {"type": float, "default": 600, "help": "seconds that one row may take (default: 600)"},
        "--attempts": {
            "type": int,
            "default": 3,
            "help": "how often a row may take its host down before it is an error (default: 3)",
        },
        "--max-errors": {
            "metavar": "N or N%",
            "help": f"end when more rows have errors than this (default: 5%%, but not before {LEAST_ERRORS} have)",
        },
        "--recycle": {
            "type": int,
            "default": 1000,
            "help": "pictures after which our ComfyUI is started anew, since other packs may leak (default: 1000)",
        },
        "--plain": {"action": "store_true", "help": "leave the workflow out of the pictures that our ComfyUI saves"},
        "--dry-run": {
            "action": "store_true",
            "help": "check manifest, prompt and files against a ComfyUI, say how much is drawn already, draw nothing",
        },
    }
)


def add_to(form: argparse.ArgumentParser) -> None:
    """Put every option on a command's form."""
    form.add_argument(
        "report", nargs="?", choices=("report",), help="with --out alone: say what failed and what is missing"
    )
    for name, how in OPTIONS.items():
        form.add_argument(name, **how)


def check(options: argparse.Namespace) -> None:
    """Raise Misused when options are missing, or do not go together."""
    for find in (_missing, _no_number, wrong_hosts, _not_together):
        fault = find(options)
        if fault:
            raise Misused(fault, "`run.py batch --help` says what each option is.")


def _missing(options: argparse.Namespace) -> str:
    needed = ("out",) if options.report else ("manifest", "prompt", "out")
    missing = [f"--{name}" for name in needed if not getattr(options, name)]
    return f"{' and '.join(missing)} must be given." if missing else ""


def _no_number(options: argparse.Namespace) -> str:
    for name in ("rows_per_block", "timeout", "attempts", "recycle"):
        if getattr(options, name) <= 0:
            return f"--{name.replace('_', '-')} is {getattr(options, name)}; it must be more than 0."
    if options.max_errors and not re.fullmatch(r"\d+(\.\d+)?%|\d+", options.max_errors):
        return f"--max-errors is {options.max_errors}; it must be a number, or a share such as 5%."
    return ""


def wrong_hosts(options: argparse.Namespace) -> str:
    """What is wrong with the number of hosts and the engine's address, or nothing."""
    if options.hosts and not re.fullmatch(r"\d+|[1-9]\d*:[1-9]\d*", options.hosts):
        return f"--hosts is {options.hosts}; it must be a number, or the fewest and the most as 1:8."
    fewest, most = hosts_of(options) or NO_ENGINE
    if fewest > most:
        return f"--hosts is {options.hosts}; the fewest are more than the most."
    clusters = [address for address in options.address if address not in urls_of(options)]
    if len(clusters) > 1 or (clusters and not most):
        return (
            f"--address {' '.join(clusters)} is where the engine is; it can be at one place, with --hosts of 1 or more."
        )
    return ""


def _not_together(options: argparse.Namespace) -> str:
    ours = [name for name in ("plain", "comfyui", "models_dir", "base_directory") if getattr(options, name)]
    if urls_of(options) and ours:
        return f"--{ours[0].replace('_', '-')} says how our own ComfyUI is started, and --address names another."
    if urls_of(options) and (cluster_of(options) or hosts_of(options) not in (None, NO_ENGINE)):
        return "--address names a ComfyUI that runs; the engine and its --hosts are for our own."
    if options.base_directory and not options.comfyui:
        return "--base-directory goes with --comfyui."
    return ""


def urls_of(options: argparse.Namespace) -> list[str]:
    """The running ComfyUIs among the addresses."""
    return [address for address in dict.fromkeys(options.address) if re.match(r"https?://[^/]+", address)]


def cluster_of(options: argparse.Namespace) -> str | None:
    """The address of the engine's cluster; None for one of our own on this machine."""
    return next((address for address in options.address if address not in urls_of(options)), None)


def hosts_of(options: argparse.Namespace) -> tuple[int, int] | None:
    """How many hosts, at least and at most; None where it was not said."""
    if not options.hosts:
        return None
    fewest, _, most = options.hosts.partition(":")
    return int(fewest), int(most or fewest)


def errors_allowed(options: argparse.Namespace, rows: int) -> int:
    """How many rows may have errors before the run ends."""
    if not options.max_errors:
        return max(LEAST_ERRORS, rows * 5 // 100)
    if options.max_errors.endswith("%"):
        return int(rows * float(options.max_errors[:-1]) / 100)
    return int(options.max_errors)
