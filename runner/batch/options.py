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
        "--out": {
            "metavar": "PLACE",
            "help": "where everything is written, a folder or an address. The same command goes on with what is there",
        },
        "--address": {
            "action": "append",
            "default": [],
            "metavar": "URL",
            "help": "draw on the ComfyUI that runs at this address (http://127.0.0.1:8188) in place of one of our own; may be given "
            "several times",
        },
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
    for find in (_missing, _no_number, _no_address, _not_together):
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


def _no_address(options: argparse.Namespace) -> str:
    wrong = [address for address in options.address if not re.match(r"https?://[^/]+", address)]
    return f"--address {wrong[0]} is no address of a ComfyUI, such as http://127.0.0.1:8188." if wrong else ""


def _not_together(options: argparse.Namespace) -> str:
    ours = [name for name in ("plain", "comfyui", "models_dir", "base_directory") if getattr(options, name)]
    if options.address and ours:
        return f"--{ours[0].replace('_', '-')} says how our own ComfyUI is started, and --address names another."
    if options.base_directory and not options.comfyui:
        return "--base-directory goes with --comfyui."
    return ""


def errors_allowed(options: argparse.Namespace, rows: int) -> int:
    """How many rows may have errors before the run ends."""
    if not options.max_errors:
        return max(LEAST_ERRORS, rows * 5 // 100)
    if options.max_errors.endswith("%"):
        return int(rows * float(options.max_errors[:-1]) / 100)
    return int(options.max_errors)
