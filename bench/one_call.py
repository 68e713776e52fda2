"""Whether the fused kernel's difference is an error or rounding: one call of an SDXL model, layer by layer, and eight steps.

python bench/one_call.py                                     # a GPU with 40 GB: published widths, seeded weights; a minute
TRITON_INTERPRET=1 python bench/one_call.py --small          # without one: the miniature, by Triton's interpreter

The same weights (of values that float16 and bfloat16 both hold) are run in float32, float16 and bfloat16. Three ways
are told apart in half precision: `unfused` is the host's attention and an addition, `fused` the kernel, and `exact`
computes the attention of every such layer in float64 and rounds once, which no half-precision layer can do better. What
`unfused` and `exact` differ in is what rounding does in a model of random weights. Figures are relative: the length
of the difference over the length of what it is compared with.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import host

host.reach()

import comfy.model_management as management  # noqa: E402
import comfy.model_patcher  # noqa: E402
import comfy.sample  # noqa: E402
import torch  # noqa: E402
from comfy.ldm.modules.attention import BasicTransformerBlock  # noqa: E402
from miniature import families, models, seeded  # noqa: E402
from pack.attention.adapter.key_values import KeyValues  # noqa: E402
from pack.attention.branch.attachment import Attachment  # noqa: E402
from pack.attention.models.unet import model_layers  # noqa: E402
from pack.attention.sampling import dispatch as dispatching  # noqa: E402
from pack.attention.sampling import fused  # noqa: E402
from pack.attention.sampling.attach import attach  # noqa: E402
from pack.attention.sampling.layer import Layer  # noqa: E402
from torch import Tensor  # noqa: E402
from widths import widen  # noqa: E402

OUT = Path(os.environ.get("OUT", "bench/results"))
DEVICE = management.get_torch_device()
SWITCH = "LIKENESS_FUSED"
WAYS = ("unfused", "fused", "exact")
TOKENS = 16
STEPS = 1 if "--small" in sys.argv else 8
NOISE = 1.1
"""Two errors of equal size differ by chance: `not above` allows this much over the larger of unfused and exact."""


@dataclass(frozen=True)
class Size:
    """A latent's height and width, the seeds of its noise."""

    name: str
    side: int
    seeds: tuple[int, ...]


def normal(seed: int, name: str, shape: Any, std: float = 1.0, mean: float = 0.0) -> Tensor:
    """As the miniature's, but made on the device, of numbers that both half types hold."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    generator = torch.Generator(DEVICE).manual_seed(int.from_bytes(digest[:7], "big"))
    made = torch.randn(tuple(shape), generator=generator, device=DEVICE).mul_(std).add_(mean)
    return made.to(torch.bfloat16).to(torch.float16).float()


@dataclass(frozen=True)
class Base:
    """The base model in a type, and the weights with which it denoises instead of giving numbers without meaning."""

    model: Any
    denoising: dict[str, Tensor]

    @classmethod
    def of(cls, dtype: torch.dtype) -> Base:
        """Made on the device: nothing of it is kept in main memory."""
        config = models.host_config(families.family_named("sdxl"), dtype)
        config.set_inference_dtype(dtype, None)  # computed in this type, whatever the host would choose for the device
        model = config.get_model({}, device=DEVICE)
        tensors = seeded.values(model.diffusion_model, 1)
        model.diffusion_model.load_state_dict(tensors, strict=False)
        model.diffusion_model.requires_grad_(False)
        last = f"output_blocks.{len(model.diffusion_model.output_blocks) - 1}"
        ends = ("input_blocks.0.0.", f"{last}.", "out.")
        denoising = {name: tensor for name, tensor in tensors.items() if name.startswith(ends)}
        models.hand_the_latent_through(denoising, last)
        return cls(comfy.model_patcher.ModelPatcher(model, DEVICE, DEVICE), denoising)

    def denoise(self) -> None:
        """From here on the noisy latent passes through to the output, where it would hide what one call's errors are."""
        self.model.model.diffusion_model.load_state_dict(self.denoising, strict=False)


def adapted(model: Any) -> Any:
    """The model with keys and values of 16 tokens in all its layers, as a plus adapter gives them."""
    shapes = model_layers(model).shapes

    def side(name: str) -> KeyValues:
        def part(block: Any, which: str) -> Tensor:
            return normal(7, f"{name}/{block}/{which}", (1, TOKENS, shapes[block].width))

        return KeyValues({block: (part(block, "key"), part(block, "value")) for block in shapes}, TOKENS)

    return attach(model, Attachment(side("positive"), side("negative"), scale=0.8))


def conditioning(seed: int) -> list[Any]:
    generator = torch.Generator().manual_seed(seed)
    sdxl = families.family_named("sdxl")
    pooled = torch.randn(1, sdxl.text["clip_g"], generator=generator)
    return [[torch.randn(1, 77, sdxl.context_dim, generator=generator), {"pooled_output": pooled}]]


def sampled(model: Any, side: int, steps: int, seed: int) -> Tensor:
    noise = torch.randn(1, 4, side, side, generator=torch.Generator().manual_seed(seed))
    latent = torch.zeros_like(noise)
    return comfy.sample.sample(
        model,
        noise,
        steps,
        5.0,
        "euler",
        "normal",
        conditioning(1),
        conditioning(2),
        latent,
        disable_pbar=True,
        seed=seed,
    ).double()


def apart(found: Tensor, wanted: Tensor) -> float:
    return float((found.double() - wanted.double()).norm() / wanted.double().norm())


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int, keys: float = 1.0) -> Tensor:
    """In float64, one row at a time."""
    rows = []
    for row in zip(q, k, v, strict=True):
        one, key, value = (x.double().unflatten(-1, (heads, -1)).transpose(0, 1) for x in row)
        share = torch.softmax(keys * (one @ key.transpose(-1, -2)) * one.shape[-1] ** -0.5, -1)
        rows.append((share @ value).transpose(0, 1).flatten(1))
    return torch.stack(rows)


def exact(layer: Layer, q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """The layer's answer in float64, of the queries, keys and values that it is given."""
    out = attention(q, k, v, heads)
    for one in layer.branches:
        key, value = (x.repeat_interleave(len(q) // len(x), 0) for x in (one.tokens.key, one.tokens.value))
        out += float(one.scaled.output) * attention(q, key, value, heads, float(one.scaled.keys))
    return out


@dataclass
class Watched:
    """What was seen in one call: the outputs of the model and of its transformer blocks, the errors of its layers."""

    out: Tensor | None = None
    blocks: list[Tensor] = field(default_factory=list)
    layers: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def by(way: str, watched: Watched | None = None) -> Iterator[None]:
    """Every cross-attention is computed this way; with `watched` each layer also in all others, from the very same tensors."""
    kept, os.environ[SWITCH] = dispatching._dispatched, "0" if way == "unfused" and watched is None else "1"

    def dispatched(q: Tensor, k: Tensor, v: Tensor, options: Mapping[str, Any]) -> Tensor:
        call = options[dispatching.CALL]
        site = dispatching._site(options, call, q)
        layer = call.layer(site, q, k)
        assert layer is not None and layer.fused is not None, "the kernel is not on"
        answers: dict[str, Callable[[], Tensor]] = {
            "fused": lambda: layer.fused(q, k, v),
            "unfused": lambda: layer.add_to(call.previous(site.key)(q, k, v, options), q),
            "exact": lambda: exact(layer, q, k, v, site.heads).to(q),
        }
        if watched is None:
            return answers[way]()
        wanted = exact(layer, q, k, v, site.heads)
        made = {name: answer() for name, answer in answers.items()}
        errors = {name: apart(answer, wanted) for name, answer in made.items()}
        watched.layers.append({"block": str(site.key), "shape": list(q.shape), **errors})
        return made[way]

    if way != "unfused" or watched is not None:
        dispatching._dispatched = dispatched
    try:
        yield
    finally:
        dispatching._dispatched = kept


def one_call(model: Any, size: Size, seed: int, way: str, layers: bool = False, blocks: bool = False) -> Watched:
    """One call of the model with both conditionings, watched."""
    seen = Watched()
    network = model.model.diffusion_model
    hooks = [network.register_forward_hook(lambda _m, _i, out: setattr(seen, "out", out.detach().clone()))]
    if blocks:
        keep = lambda _m, _i, out: seen.blocks.append(out.detach().clone())  # noqa: E731
        hooks += [m.register_forward_hook(keep) for m in network.modules() if isinstance(m, BasicTransformerBlock)]
    try:
        with by(way, seen if layers else None):
            sampled(model, size.side, 1, seed)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


@dataclass
class Findings:
    """What was measured, written after each part, so that a later failure costs nothing."""

    path: Path
    values: dict[str, Any] = field(default_factory=dict)

    def note(self, name: str, value: Any, show: str | None = None) -> None:
        self.values[name] = value
        print(f"{name}: {show or value}", flush=True)
        self.path.write_text(json.dumps(self.values, indent=1))

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        except Exception as error:  # noqa: BLE001  a part that fails must not cost the others
            import traceback

            traceback.print_exc()
            self.note(f"{name} failed", f"{type(error).__name__}: {str(error)[-400:]}")
        self.note(f"{name}, seconds", round(time.monotonic() - started, 1))


@dataclass
class Reference:
    """What float32 gives: the calls by size and seed, the blocks of one call, the end of eight steps."""

    calls: dict[tuple[str, int], Tensor] = field(default_factory=dict)
    blocks: list[Tensor] = field(default_factory=list)
    ends: dict[int, Tensor] = field(default_factory=dict)


def reference(sizes: tuple[Size, ...], findings: Findings) -> Reference:
    found = Reference()
    base = Base.of(torch.float32)
    model = adapted(base.model)
    for size in sizes:
        for seed in size.seeds:
            seen = one_call(model, size, seed, "unfused", blocks=(size, seed) == (sizes[0], sizes[0].seeds[0]))
            found.calls[size.name, seed] = seen.out
            found.blocks = found.blocks or seen.blocks
    findings.note("float32 output, deviation", float(found.calls[sizes[0].name, sizes[0].seeds[0]].std()))
    without = one_call(base.model, sizes[0], sizes[0].seeds[0], "unfused").out
    acts = apart(without, found.calls[sizes[0].name, sizes[0].seeds[0]])
    findings.note("what the adapter changes in one call", acts)
    base.denoise()
    for seed in sizes[0].seeds[:2]:
        with by("unfused"):
            found.ends[seed] = sampled(model, sizes[0].side, STEPS, seed)
    return found


def compared(dtype: torch.dtype, sizes: tuple[Size, ...], wanted: Reference, findings: Findings) -> None:
    """One type: calls against float32, layers against float64, where runs part, and eight steps."""
    name = str(dtype).removeprefix("torch.")
    base = Base.of(dtype)
    model = adapted(base.model)
    if dtype == torch.float16:
        with findings.part(f"{name}: speed"):
            speed(name, base, model, sizes[0], findings)
    errors: dict[str, list[float]] = {way: [] for way in WAYS}
    for size in sizes:
        for seed in size.seeds:
            outs = {way: one_call(model, size, seed, way).out for way in WAYS}
            these = {way: apart(out, wanted.calls[size.name, seed]) for way, out in outs.items()}
            these["fused from unfused"] = apart(outs["fused"], outs["unfused"])
            these["exact from unfused"] = apart(outs["exact"], outs["unfused"])
            findings.note(f"{name}, {size.name}, seed {seed}: one call", these, shown(these))
            for way in WAYS:
                errors[way].append(these[way])
    mean = {way: sum(values) / len(values) for way, values in errors.items()}
    findings.note(f"{name}: mean error of a call against float32", mean, shown(mean))
    verdict(f"{name}: a call's error", mean, findings)
    by_layer(name, model, sizes, findings)
    where_runs_part(name, model, sizes[0], wanted, findings)
    base.denoise()
    by_steps(name, model, sizes[0], wanted, findings)


def by_steps(name: str, model: Any, size: Size, wanted: Reference, findings: Findings) -> None:
    ends: dict[str, list[float]] = {}
    for seed, end in wanted.ends.items():
        made = {}
        for way in WAYS:
            with by(way):
                made[way] = sampled(model, size.side, STEPS, seed)
        these = {way: apart(out, end) for way, out in made.items()}
        these["fused from unfused"] = apart(made["fused"], made["unfused"])
        these["exact from unfused"] = apart(made["exact"], made["unfused"])
        findings.note(f"{name}, {STEPS} steps, seed {seed}", these, shown(these))
        for way in WAYS:
            ends.setdefault(way, []).append(these[way])
    mean = {way: sum(values) / len(values) for way, values in ends.items()}
    verdict(f"{name}: {STEPS} steps' error", mean, findings)


def by_layer(name: str, model: Any, sizes: tuple[Size, ...], findings: Findings) -> None:
    for size in sizes:
        seen = one_call(model, size, size.seeds[0], "unfused", layers=True)
        worst = sorted(seen.layers, key=lambda one: -one["fused"] / max(one["unfused"], 1e-30))
        mean = {way: sum(one[way] for one in worst) / len(worst) for way in WAYS}
        most = {way: max(one[way] for one in worst) for way in WAYS}
        findings.note(f"{name}, {size.name}: layers", worst, f"{len(worst)}")
        for one in worst[:5]:
            print("   ", one["block"], one["shape"], shown({way: one[way] for way in WAYS}))
        findings.note(f"{name}, {size.name}: mean error of a layer against float64", mean, shown(mean))
        findings.note(f"{name}, {size.name}: largest error of a layer against float64", most, shown(most))
        verdict(f"{name}, {size.name}: a layer's error", mean, findings)
        above = sum(one["fused"] > NOISE * one["unfused"] for one in worst)
        findings.note(f"{name}, {size.name}: layers in which fused is above unfused", above)


def where_runs_part(name: str, model: Any, size: Size, wanted: Reference, findings: Findings) -> None:
    seen = {way: one_call(model, size, size.seeds[0], way, blocks=True).blocks for way in WAYS}
    table = []
    for i, block in enumerate(wanted.blocks):
        row = {way: apart(seen[way][i], block) for way in WAYS}
        row["fused from unfused"] = apart(seen["fused"][i], seen["unfused"][i])
        row["exact from unfused"] = apart(seen["exact"][i], seen["unfused"][i])
        table.append(row)
    findings.note(f"{name}: after each transformer block", table, f"{len(table)}")
    for i in sorted({0, 1, 3, 7, 15, 31, len(table) // 2, len(table) - 1} & set(range(len(table)))):
        print(f"    block {i}:", shown(table[i]))


def speed(name: str, base: Base, model: Any, size: Size, findings: Findings) -> None:
    """Seconds of a run's first step and of its others: the plain model, the host's attention, the kernel as users get it."""
    ways = {"plain": (base.model, "0"), "unfused": (model, "0"), "fused": (model, None)}

    def run(way: str, side: int, steps: int) -> float:
        steered, switch = ways[way]
        os.environ.pop(SWITCH, None)
        if switch is not None:
            os.environ[SWITCH] = switch
        settled()
        started = time.perf_counter()
        sampled(steered, side, steps, 0)
        settled()
        return time.perf_counter() - started

    first = {way: run(way, size.side, 1) for way in ways}
    findings.note(f"{name}: seconds of the first run of one step, nothing compiled", first, shown(first))
    again = {way: min(run(way, size.side, 1) for _ in range(2)) for way in ways}
    findings.note(f"{name}: seconds of another of one step", again, shown(again))
    if kernel := fused._kernel():
        kernel._compiled.clear()
        if hasattr(kernel.fused, "device_caches"):
            kernel.fused.device_caches.clear()
    read = run("fused", size.side, 1)
    findings.note(f"{name}: the same, compiled code read from disk", read, f"{read:.3e}")
    for side in (size.side, size.side // 8):  # the second is so small that the processor's time is all there is
        rounds = [{way: run(way, side, STEPS) / STEPS for way in ways} for _ in range(3)]
        best = {way: min(one[way] for one in rounds) for way in ways}
        findings.note(f"{name}, latent of {side}: seconds of a step", best, shown(best))
        each = {way: 1e6 * (best[way] - best["plain"]) / 70 for way in ("unfused", "fused")}
        findings.note(f"{name}, latent of {side}: us above the plain model, a layer", each, shown(each))
    findings.note(f"{name}: the kernel is on by itself and did not fail", _serves(model, size))


def settled() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _serves(model: Any, size: Size) -> bool:
    """Whether every layer of a call was answered by the kernel."""
    answered: list[bool] = []
    kept = fused.FusedLayer.__call__

    def counted(layer: Any, *given: Tensor) -> Tensor | None:
        made = kept(layer, *given)
        answered.append(made is not None)
        return made

    fused.FusedLayer.__call__ = counted  # type: ignore[method-assign]
    try:
        sampled(model, size.side, 1, 0)
    finally:
        fused.FusedLayer.__call__ = kept  # type: ignore[method-assign]
    return len(answered) == 70 and all(answered)


def shown(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3e}" for name, value in values.items())


def verdict(name: str, errors: Mapping[str, float], findings: Findings) -> None:
    fused, unfused = errors["fused"], errors["unfused"]
    by_chance = fused <= NOISE * max(unfused, errors["exact"])
    answer = "yes" if fused <= unfused else "yes, within chance" if by_chance else "NO"
    findings.note(f"VERDICT {name}: not above?", answer, f"{answer} ({shown(errors)})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="the miniature on the processor, by Triton's interpreter")
    parser.add_argument("--types", nargs="*", default=["float16", "bfloat16"], help="half types that are compared")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    findings = Findings(OUT / "one-call.json")
    os.environ.setdefault("TRITON_CACHE_DIR", tempfile.mkdtemp(prefix="likeness-triton-"))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    seeded.normal = normal
    if options.small:
        sizes = (Size("64 px", 8, (0,)),)
    else:
        widen("sdxl")
        sizes = (Size("1024 px", 128, (0, 1, 2)), Size("512 px", 64, (0, 1, 2, 3)))
        findings.note("device", f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    with torch.inference_mode():
        wanted = Reference()
        with findings.part("float32"):
            wanted = reference(sizes, findings)
        for name in options.types:
            gc.collect()
            management.unload_all_models()
            management.soft_empty_cache()
            with findings.part(name):
                compared(getattr(torch, name), sizes, wanted, findings)


if __name__ == "__main__":
    main()
