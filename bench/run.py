"""Measures the scenarios and writes the figures with their machine: bench/results/*.csv and a table on the screen."""

from __future__ import annotations

import argparse
import csv
import datetime
import platform
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import host  # noqa: E402  needs this folder on the path


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    import comfyui_version
    import torch

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False
    ).stdout.strip()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit or "unknown",
        "comfyui": comfyui_version.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "processor": platform.machine(),
        "gpu": gpu,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="interleaved runs of each scenario")
    parser.add_argument("--only", default="", help="scenarios whose name or family contains this")
    options = parser.parse_args()

    import_seconds = host.reach()
    import torch
    from measure import measure
    from scenarios import SCENARIOS

    about = machine()
    print(f"importing the pack: {1000 * import_seconds:.0f} ms beyond the host's own imports")
    rows = []
    with torch.inference_mode():
        for scenario in SCENARIOS:
            if options.only in f"{scenario.name} {scenario.family}":
                result = measure(scenario, options.repeats)
                rows.append({**asdict(result), **about, "import_ms": round(1000 * import_seconds)})
                print(
                    f"{result.family:5} {result.scenario:26} x{result.ratio:5.2f}  {result.seconds_per_step:7.3f} s/step  "
                    f"{result.attention_calls_per_step:6.0f} attentions/step  projections {result.projections_first_run} "
                    f"then {result.projections_second_run}",
                    flush=True,
                )
    if not rows:
        sys.exit(f"no scenario contains '{options.only}'")
    path = HERE / "results" / f"{about['date']}-{about['gpu'].replace(' ', '-').lower()}-{about['commit']}.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    print(f"written to {path}")


if __name__ == "__main__":
    main()
