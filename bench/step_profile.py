"""One step of a training, watched: which kernels took the device's time, what the host called, how often it waited."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch.autograd import DeviceType


class Profile:
    """Watches one step of a training; writes what took the time."""

    def __init__(self, path: Path, at: int, on_card: bool) -> None:
        kinds = [torch.profiler.ProfilerActivity.CPU]
        self.path, self.at, self.on_card = path, at, on_card
        self.profiler = torch.profiler.profile(activities=kinds + [torch.profiler.ProfilerActivity.CUDA] * on_card)
        self.began = 0.0

    def step(self, done: int) -> None:
        if done == self.at:
            if self.on_card:
                torch.cuda.synchronize()
            self.profiler.start()
            self.began = time.perf_counter()
        if done == self.at + 1:
            host_ms = 1000 * (time.perf_counter() - self.began)
            if self.on_card:
                torch.cuda.synchronize()
            whole_ms = 1000 * (time.perf_counter() - self.began)
            self.profiler.stop()
            self.write(host_ms, whole_ms)

    def write(self, host_ms: float, whole_ms: float) -> None:
        """The device's kernels by time, what the host called, and how often it waited."""
        kernels: dict[str, list[float]] = {}
        calls: dict[str, list[float]] = {}
        for event in self.profiler.events():
            if event.name.startswith("Optimizer."):  # a mark over kernels that are counted themselves
                continue
            kept = kernels if event.device_type == DeviceType.CUDA else calls
            kept.setdefault(event.name, []).append(event.time_range.elapsed_us())
        device = sum(map(sum, kernels.values())) / 1000
        lines = [
            f"host {host_ms:.1f} ms, whole {whole_ms:.1f} ms (profiled, so slower), device busy {device:.1f} ms, "
            f"{sum(map(len, kernels.values()))} kernels and copies",
            "",
            *("  ".join(row) for row in _rows(kernels, 45)),
            "",
            "called by the host (own and nested):",
            *("  ".join(row) for row in _rows(calls, 60)),
        ]
        waits = {name: len(spans) for name, spans in calls.items() if "ynchronize" in name or "local_scalar" in name}
        lines += ["", f"waits: {waits}", f"copies: { {n: len(s) for n, s in kernels.items() if 'Mem' in n} }"]
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _rows(spans: Mapping[str, list[float]], count: int) -> Iterator[tuple[str, ...]]:
    order = sorted(spans.items(), key=lambda item: -sum(item[1]))
    for name, times in order[:count]:
        yield f"{sum(times) / 1000:9.2f} ms", f"{len(times):6}", name[:150]


def profiling(path: Path, steps: int, on_card: bool) -> Profile:
    """A profile of the last step but one, written to a path."""
    return Profile(path, max(1, steps - 2), on_card)
