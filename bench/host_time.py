"""What a layer costs in Python: microseconds above the plain model, where operators cost next to nothing.

The host samples as always, on latents of 8 by 8, but of SDXL's UNet only its 70 cross-attentions run, with queries and
keys that were recorded from it: in the whole network they would drown in the time of its convolutions.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import comfy.ldm.modules.attention as host_attention
import comfy.sample
import torch
from comfy.patcher_extension import WrappersMP
from models import adapters_of, base, steered
from scenarios import Branch, Scenario
from torch import Tensor

SIDE = 8
"""Of the latent, in cells."""
STEPS = 12
"""Of a run that is timed; the first makes what the run needs once and is left out."""
PLUS, THIRD, FOURTH = Branch("plus", (2,)), Branch(pictures=(3,)), Branch("plus", (4,))
ROWS = (
    Scenario("no adapter, again", "sdxl"),
    Scenario("minimal patch, base", "sdxl", (Branch(),), by="minimal"),
    Scenario("base", "sdxl", (Branch(),)),
    Scenario("base with a mask", "sdxl", (Branch(mask=True),)),
    Scenario("two adapters", "sdxl", (Branch(), PLUS)),
    Scenario("three adapters", "sdxl", (Branch(), PLUS, THIRD)),
    Scenario("four adapters", "sdxl", (Branch(), PLUS, THIRD, FOURTH)),
)
ALONE = "an adapter's attention alone"
Options = dict[str, Any]


@dataclass(frozen=True)
class Attention:
    """A cross-attention of the UNet: what it was given, and what the host told it."""

    q: Tensor
    k: Tensor
    v: Tensor
    told: Options

    def run(self, options: Options, patches: dict[Any, Callable[..., Tensor]]) -> Tensor:
        """Computed as the host's block computes it: by the replacement that is there, or by the host's attention."""
        given = {**options, **self.told}
        patch = patches.get((*self.told["block"], self.told["block_index"]))
        if patch is not None:
            return patch(self.q, self.k, self.v, given)
        heads = self.told["n_heads"]
        return host_attention.optimized_attention(self.q, self.k, self.v, heads, transformer_options=given)


class AttentionAlone:
    """The text's attention, and an adapter's to keys and values that are ready and seen by heads: what the host's
    function takes for it, with nothing around it and no addition.
    """

    def __init__(self, patch: Any) -> None:
        self.patch = patch
        self.ready: tuple[Tensor, ...] = ()

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, options: Options) -> Tensor:
        heads = options["n_heads"]
        if not self.ready:  # the queries are the same ones in every call here
            self.ready = tuple(
                t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, self.patch.key, self.patch.value)
            )
        host_attention.attention_pytorch(*self.ready, heads, skip_reshape=True, skip_output_reshape=True)
        return host_attention.optimized_attention(q, k, v, heads, attn_precision=options["attn_precision"])


def _attention_alone() -> SimpleNamespace:
    """The model of the hand-written patch with nothing but the attention of it."""
    scenario = Scenario(ALONE, "sdxl", (Branch(),), by="minimal")
    given = steered(scenario, adapters_of(scenario))
    model = given.model.clone()
    for (name, number, index), patch in given.model.model_options["transformer_options"]["patches_replace"][
        "attn2"
    ].items():
        model.set_model_attn2_replace(AttentionAlone(patch), name, number, index)
    return SimpleNamespace(**{**vars(given), "model": model})


def measure_host_time(repeats: int) -> list[dict[str, Any]]:
    """A row for each way to steer: the medians of the differences of neighbouring runs, and those of the fastest steps."""
    only = partial(_of_attentions, layers := recorded(base("sdxl")))
    plain = only(base("sdxl"))
    given = {row.name: only(steered(row, adapters_of(row))) for row in ROWS}
    given[ALONE] = only(_attention_alone())
    for each in (plain, *given.values()):
        steps_of(each)
    differences: dict[str, list[float]] = {name: [] for name in given}
    fastest = dict.fromkeys(("plain", *given), float("inf"))
    gc.collect()
    for _ in range(4 * repeats):
        for name, each in given.items():
            before, ours = steps_of(plain), steps_of(each)
            fastest["plain"] = min(fastest["plain"], *before)
            fastest[name] = min(fastest[name], *ours)
            differences[name].append(statistics.median(ours) - statistics.median(before))
    return [
        {
            "scenario": name,
            "family": "host time",
            "us_per_layer": 1e6 * statistics.median(differences[name]) / len(layers),
            "fastest_us_per_layer": 1e6 * (fastest[name] - fastest["plain"]) / len(layers),
        }
        for name in given
    ]


def recorded(given: SimpleNamespace) -> list[Attention]:
    """The cross-attentions of a call of the model, in order."""
    model, found = given.model.clone(), list[Attention]()

    def record(q: Tensor, k: Tensor, v: Tensor, options: Options) -> Tensor:
        names = ("block", "block_index", "n_heads", "dim_head", "attn_precision", "activations_shape")
        found.append(Attention(q, k, v, {name: options[name] for name in names}))
        return host_attention.optimized_attention(q, k, v, options["n_heads"])

    from pack.attention.models.families import layers

    for layer in layers("sdxl"):
        model.set_model_attn2_replace(record, *layer.key)
    sample(model, given, 1)
    return found


def _of_attentions(layers: list[Attention], given: SimpleNamespace) -> SimpleNamespace:
    """The same, but of the network only its cross-attentions run."""

    def attend(_executor: Any, x: Tensor, *rest: Any, **kwargs: Any) -> Tensor:
        options: Options = next(each for each in rest if isinstance(each, dict))
        patches = options.get("patches_replace", {}).get("attn2", {})
        told = {key: value for key, value in options.items() if key not in ("patches", "patches_replace")}
        for layer in layers:
            layer.run(told, patches)
        return torch.zeros_like(x)

    model = given.model.clone()
    model.add_wrapper(WrappersMP.DIFFUSION_MODEL, attend)
    return SimpleNamespace(**{**vars(given), "model": model})


def sample(model: Any, given: SimpleNamespace, steps: int, after_step: Any = None) -> None:
    noise = torch.randn(1, 4, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    comfy.sample.sample(
        model, noise, steps, 5.0, "euler", "normal", given.positive, given.negative, torch.zeros_like(noise),
        disable_pbar=True, seed=0, callback=after_step,
    )  # fmt: skip


def steps_of(given: SimpleNamespace) -> list[float]:
    """Processor seconds of the steps of a run, without the first and without collections of garbage."""
    marks: list[float] = []
    gc.disable()
    try:
        sample(given.model, given, STEPS, lambda *_: marks.append(time.process_time()))
    finally:
        gc.enable()
    return [after - before for before, after in itertools.pairwise(marks)]
