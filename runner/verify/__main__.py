"""Compares what is in a folder of weights; run in an environment with ComfyUI and the reference packages."""

import argparse
import importlib
import logging
import sys
import tempfile
from pathlib import Path

from ..contract.__main__ import load_package

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Put ComfyUI and the references on the path in place of the repository; print the table, write the report."""
    form = argparse.ArgumentParser(prog="verify", description=__doc__)
    form.add_argument("tree", type=Path)
    form.add_argument("--models", type=Path, required=True)
    form.add_argument("--photo", type=Path, required=True)
    form.add_argument("--output", type=Path, required=True)
    form.add_argument("--device", required=True)
    options = form.parse_args(arguments)
    kept = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
    sys.path[:] = [str(options.tree), *kept, str(ROOT / "tests" / "parity")]
    _start(options.device)
    for name, folder in (("pack", ROOT), ("attention", ROOT / "attention")):
        load_package(name, folder)
    return _report(options)


def _start(device: str) -> None:
    """ComfyUI on the device that was asked for, every product in float32."""
    logging.disable(logging.WARNING)
    cli_args = importlib.import_module("comfy.cli_args")
    cli_args.args.cpu = device == "cpu"
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit(
            "--device cuda: this environment's torch finds no CUDA card. Leave --device out to compare on the CPU."
        )


def _report(options: argparse.Namespace) -> int:
    import folder_paths
    import torch

    from .compare import compared
    from .found import found_in
    from .job import photograph
    from .report import head, line, page
    from .row import status_of

    found = found_in(options.models)
    device = torch.device(options.device)
    rows = []
    print(head())
    with tempfile.TemporaryDirectory() as previews:
        folder_paths.set_temp_directory(previews)
        for row in compared(found, photograph(options.photo), device):
            rows.append(row)
            print(line(row.cells()), flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    report = options.output / "report.md"
    report.write_text(page(found, rows, device), encoding="utf-8")
    print(f"\nReport: {report}", flush=True)
    return status_of(rows)


if __name__ == "__main__":
    import torch

    with torch.inference_mode():
        sys.exit(main(sys.argv[1:]))
