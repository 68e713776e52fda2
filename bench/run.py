"""Measures the scenarios and writes the figures with their machine: a CSV and a plot in bench/results, tables on the screen."""

from __future__ import annotations

import argparse
import csv
import datetime
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import host  # noqa: E402  needs this folder on the path
from plot import plot  # noqa: E402
from table import full, read  # noqa: E402


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    import comfyui_version
    import torch

    git = shutil.which("git")
    asked = [git or "", "rev-parse", "--short", "HEAD"]
    commit = git and subprocess.run(asked, cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "date": datetime.datetime.now().isoformat(" ", "minutes"),
        "commit": commit or "unknown",
        "comfyui": comfyui_version.__version__,
        "torch": importlib.metadata.version("torch"),
        "python": platform.python_version(),
        "processor": f"{platform.machine()} {_processor()}, {os.cpu_count()} cores",
        "gpu": gpu,
    }


def _processor() -> str:
    """The name that Linux gives the processor, and what Python knows elsewhere."""
    info = Path("/proc/cpuinfo")
    names = (
        [line.split(":")[1].strip() for line in info.read_text().splitlines() if "model name" in line]
        if info.is_file()
        else []
    )
    return names[0] if names else platform.processor()


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="interleaved runs of each scenario")
    parser.add_argument("--only", default="", help="scenarios whose name or family contains this")
    parser.add_argument("--peer", type=Path, help="a driver for another pack, see bench/README.md")
    parser.add_argument(
        "--full",
        action="store_true",
        help="SD1.5 at its published widths (4 GB), and a load of SDXL's; its steps and Wan's stay narrow",
    )
    return parser.parse_args(arguments)


def measured(options: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows of all scenarios that were asked for, printed as they come."""
    import models
    from faces import measure_faces
    from host_time import measure_host_time
    from loading import measure_loading
    from measure import measure
    from scenarios import SCENARIOS
    from widths import widen

    if options.full:
        widen("sd15")  # the SDXL one stays narrow
    if options.peer:
        models.take_peer(options.peer)
    rows: list[dict[str, Any]] = []
    for scenario in SCENARIOS:
        if options.only not in f"{scenario.name} {scenario.family}" or (scenario.by == "peer" and not options.peer):
            continue
        rows.append(asdict(measure(scenario, options.repeats)))
        print(_line(rows[-1]), flush=True)
    if options.only in "host time":
        rows += measure_host_time(options.repeats)
    if options.only in "loading":
        rows += measure_loading(options.full)
    if options.only in "faces":
        rows += measure_faces(options.repeats)
    return rows


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['family']:5} {row['scenario']:28} x{row['ratio']:5.2f} x{row['fastest_ratio']:5.2f} {row['seconds_per_step']:7.3f} s/step {row['once_ms']:+5.0f} ms once  "
        f"{row['operators']:+} operators {row['waits']:+} waits  attentions {row['attentions']:.0f}  "
        f"encoded {row['encodes']}, {row['encodes_again']}  projected {row['projections']}, {row['projections_again']}  "
        f"held {row['adapter_mib_held']:.0f} MiB  peak {row['peak_mib']:.0f} MiB  alive {row['runs_alive']}"
    )


def main() -> None:
    options = options_of()
    import_seconds = host.reach()
    import torch

    about = machine()
    print(f"importing the pack: {1000 * import_seconds:.0f} ms beyond the host's own imports")
    with torch.inference_mode():
        rows = measured(options)
    if not rows:
        sys.exit(f"no scenario contains '{options.only}'")
    about |= {
        "widths": "SD1.5 published, SDXL and Wan small" if options.full else "small",
        "repeats": str(options.repeats),
        "import_ms": str(round(1000 * import_seconds)),
    }
    name = f"{about['date'].replace(':', '')}-{about['gpu']}-{about['commit']}.csv"
    path = HERE / "results" / name.replace(" ", "-").lower()
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, dict.fromkeys([*(name for row in rows for name in row), *about]))
        table.writeheader()
        table.writerows({**row, **about} for row in rows)
    print(f"\n{full(read(path))}\n\nwritten to {path}")
    if importlib.util.find_spec("matplotlib"):
        plot(rows, path.with_suffix(".png"))
    print(f"to make it the committed run: python {HERE / 'table.py'} {path} --take")


if __name__ == "__main__":
    main()
