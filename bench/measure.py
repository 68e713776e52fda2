"""Runs scenarios beside the model without adapters, interleaved in one run, and counts what does not depend on the machine."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.ldm.modules.attention as host_attention
import comfy.sample
import torch
from minimal import patched
from scenarios import Branch, Scenario

STEPS = 2
LATENT = {"sd15": (24, 24), "sdxl": (32, 32)}


@dataclass(frozen=True)
class Result:
    """One row of the table: seconds per step are medians, counts are of one sampling run."""

    scenario: str
    family: str
    seconds_per_step: float
    ratio: float
    attention_calls_per_step: float
    projections_first_run: int
    projections_second_run: int
    runs_alive_after: int


@cache
def base(family: str) -> SimpleNamespace:
    from miniature import models

    clip = models.clip(family, 1)
    positive, negative = (clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red cat", ""))
    noise = torch.randn(1, 4, *LATENT[family], generator=torch.Generator().manual_seed(0))
    return SimpleNamespace(model=models.unet(family, 1), positive=positive, negative=negative, noise=noise)


def loaded(family: str, variant: str) -> Any:
    """A freshly loaded adapter: its memory is empty."""
    from miniature import adapters, models
    from pack.attention import checkpoint
    from pack.attention.adapter import Adapter
    from pack.nodes.wires import LoadedAdapter

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{family}-{variant}.safetensors"
        adapters.write_safetensors(adapters.adapter_state_dict(family, variant, 7), path)
        adapter = Adapter(checkpoint.read(path))
        adapter.module.load_state_dict({k: v.clone() for k, v in adapter.module.state_dict().items()}, assign=True)
    return LoadedAdapter(adapter, models.clip_vision(adapters.encoder_of(family, variant), 3))


def picture(seed: int) -> torch.Tensor:
    coarse = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(96, 128), mode="bilinear").movedim(1, -1)


def steered(scenario: Scenario, adapters: list[Any]) -> Any:
    from pack.attention.attach import attachments
    from pack.nodes.apply_ip_adapter import ApplyIPAdapter

    model = base(scenario.family).model
    for branch, adapter in zip(scenario.branches, adapters, strict=True):
        mask = {"attn_mask": _half_mask()} if branch.mask else {}
        applied = ApplyIPAdapter.execute(model, adapter, image=picture(branch.picture), **branch.inputs, **mask)
        model = applied.args[0]
    return patched(base(scenario.family).model, attachments(model)[0]) if scenario.minimal else model


def _half_mask() -> torch.Tensor:
    mask = torch.zeros(1, 64, 64)
    mask[..., :32] = 1
    return mask


def seconds(family: str, model: Any) -> float:
    """Seconds per step of one sampling run."""
    given = base(family)
    started = time.perf_counter()
    comfy.sample.sample(
        model,
        given.noise,
        STEPS,
        5.0,
        "euler",
        "normal",
        given.positive,
        given.negative,
        torch.zeros_like(given.noise),
        disable_pbar=True,
        seed=0,
    )
    return (time.perf_counter() - started) / STEPS


class Counts:
    """Counts calls of functions while a with-block lasts."""

    def __init__(self, *places: tuple[Any, str]) -> None:
        self.places = places
        self.calls = 0

    def __enter__(self) -> Counts:
        self.originals = [getattr(place, name) for place, name in self.places]
        for (place, name), original in zip(self.places, self.originals, strict=True):
            setattr(place, name, self._counting(original))
        return self

    def _counting(self, original: Any) -> Any:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            return original(*args, **kwargs)

        return counted

    def __exit__(self, *_: object) -> None:
        for (place, name), original in zip(self.places, self.originals, strict=True):
            setattr(place, name, original)


def measure(scenario: Scenario, repeats: int) -> Result:
    """Warm up, then alternate between the scenario and the plain model; the ratio is that of the medians."""
    from pack.attention.adapter import Adapter
    from pack.attention.run import Run

    adapters = [loaded(scenario.family, branch.variant) for branch in scenario.branches]
    with Counts((Adapter, "_project")) as first:
        model = steered(scenario, adapters)
        seconds(scenario.family, model)
    with Counts((Adapter, "_project")) as second:
        model = steered(scenario, adapters)
        with Counts((host_attention, "optimized_attention"), (host_attention, "attention_pytorch")) as attention:
            seconds(scenario.family, model)
    plain_model = base(scenario.family).model
    seconds(scenario.family, plain_model)
    ours, plain = [], []
    for _ in range(repeats):
        plain.append(seconds(scenario.family, plain_model))
        ours.append(seconds(scenario.family, model))
    gc.collect()
    return Result(
        scenario=scenario.name,
        family=scenario.family,
        seconds_per_step=statistics.median(ours),
        ratio=statistics.median(ours) / statistics.median(plain),
        attention_calls_per_step=attention.calls / STEPS,
        projections_first_run=2 * first.calls,
        projections_second_run=2 * second.calls,
        runs_alive_after=sum(type(found) is Run for found in gc.get_objects()),
    )


__all__ = ["Branch", "Result", "measure"]
