"""Measures the fused kernel: against exact attention, against attention and addition, and against the text alone.

python bench/kernel.py --seconds 150          # on a GPU of compute capability 8.0 or newer; JSON lines and a table in $OUT
python bench/kernel.py --chosen --seconds 50          # what the pack chooses, in every case
python bench/kernel.py --only 257 --seconds 50        # the cases of so many tokens alone
TRITON_INTERPRET=1 python bench/kernel.py --small     # without one: whether it is right, slowly

It needs neither ComfyUI nor the rest of the pack. `as it is` is what the pack chooses for a size; the other rows are tile
sizes it could choose, and for 257 tokens the ways of `kernel_variants.py` to write it. Each is compared with attention in float64 before it is timed. `device` is
the time of the kernels alone, of many calls in one CUDA graph over tensors that do not fit the card's cache; `bench` is
what Triton's do_bench says, which is longer where launching is; `host` is what a launch takes of the processor.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from triton.testing import do_bench

OUT = Path(os.environ.get("OUT", "bench/results"))
TEXT = 77
SPREAD = 200 << 20
"""Bytes of queries and outputs that timed calls go round: more than any card keeps in its cache."""
WITHIN = {torch.float32: 1e-5, torch.float16: 1e-3, torch.bfloat16: 6e-3}
"""Of the exact answer's length."""


@dataclass(frozen=True)
class Layer:
    """Rows, queries, heads and width of a head."""

    name: str
    rows: int
    queries: int
    heads: int
    width: int


LAYERS = {
    "sdxl 4096": Layer("sdxl 4096", 2, 4096, 10, 64),
    "sdxl 1024": Layer("sdxl 1024", 2, 1024, 20, 64),
    "sdxl 4096 batch 8": Layer("sdxl 4096 batch 8", 16, 4096, 10, 64),
    "sd15 4096": Layer("sd15 4096", 2, 4096, 8, 40),
    "sd15 1024": Layer("sd15 1024", 2, 1024, 8, 80),
    "sd15 256": Layer("sd15 256", 2, 256, 8, 160),
    "odd": Layer("odd", 3, 777, 5, 64),
}
PICTURES = {"16": (16,), "16+16": (16, 16), "257": (257,), "16 masked": (16,), "4x16": (16, 16, 16, 16), "4": (4,)}
HALF, BRAIN = torch.float16, torch.bfloat16
CASES = (
    *((layer, "16", HALF) for layer in ("sdxl 4096", "sdxl 1024", "sdxl 4096 batch 8", "sd15 4096", "sd15 1024", "sd15 256")),
    *((layer, "257", HALF) for layer in ("sdxl 4096", "sdxl 1024", "sdxl 4096 batch 8")),
    *((layer, "16 masked", HALF) for layer in ("sdxl 4096", "sdxl 1024", "sdxl 4096 batch 8")),
    *((layer, what, HALF) for what in ("16+16", "4x16") for layer in ("sdxl 4096", "sdxl 1024")),
    ("sd15 256", "4", HALF),
    *((layer, "16", BRAIN) for layer in ("sdxl 4096", "sd15 256", "odd")),
    *(("odd", what, HALF) for what in ("16", "257")),
)  # fmt: skip
SMALL = {
    "64": Layer("64", 2, 100, 2, 64), "40": Layer("40", 2, 33, 1, 40), "80": Layer("80", 1, 17, 1, 80),
    "160": Layer("160", 2, 64, 1, 160),
}  # fmt: skip


def product() -> ModuleType:
    """The kernel of the pack, without the rest of the pack."""
    folder = sys.modules["sampling"] = ModuleType("sampling")
    folder.__path__ = [str(Path(__file__).resolve().parents[1] / "attention/sampling")]
    return importlib.import_module("sampling.fused_launch")


kernel = product()
variants = importlib.import_module("kernel_variants")
Config = kernel.Config
Tried = tuple[str, Any]
"""A way of `kernel_variants`, or '' for the pack's kernel, and the Config that it is tried with."""


@dataclass(frozen=True)
class Part:
    """One segment: keys and values (G, T, H * d), what its logits and its answer are multiplied by, its mask (rows or 1, N, 1)."""

    key: Tensor
    value: Tensor
    keys: float = 1.0
    factor: float = 1.0
    mask: Tensor | None = None


TRIED = (
    Config(),
    Config(queries=128, warps=8),
    *(Config(tiles=t, stages=3) for t in (2, 4, 8)),
    *(Config(tiles=4, stages=s) for s in (1, 2)),
)
TRIED_FOR_MANY = (
    *(Config(stages=s, registers=r) for s in (2, 3) for r in (0, 128)),
    *(Config(128, 1, 8, s, 64, r) for s in (2, 3) for r in (0, 128)),
    Config(stages=3, main=32),
    Config(stages=2, main=128),
    Config(128, 1, 8, 2, 128),
    Config(128, 1, 4, 2, 64),
)


VARIED = (
    *(Config(stages=s, registers=r) for s in (2, 3) for r in (0, 128)),
    Config(128, 1, 8, 2, 64, 128),
    Config(main=128),
)
"""What the ways of `kernel_variants` are tried with."""
WHOLE = (Config(main=256), Config(warps=8, main=256), Config(128, 1, 8, 2, 256))
"""All of 256 tokens in one piece, so that there is no running maximum."""
SMALL_TRIED = (Config(queries=16), Config(queries=16, tiles=3, main=32), Config(queries=32, main=128))


def configs(what: str, is_small: bool = False) -> tuple[Tried, ...]:
    """What is tried beside what the pack chooses."""
    if is_small:
        own, varied = SMALL_TRIED, SMALL_TRIED[:1]
    else:
        own, varied = (*TRIED_FOR_MANY, *WHOLE) if "257" in what else TRIED, VARIED
    others = [(way, config) for way in variants.WAYS for config in varied] if "257" in what else []
    return (*(("", config) for config in own), *others)


def named(way: str, config: Any) -> str:
    if config is None:
        return "as it is"
    told = ", ".join(f"{name} {n}" for name, n in asdict(config).items() if n)
    return f"{way}: {told}" if way else told


@dataclass
class Inputs:
    """Sets of queries and outputs that calls go round, and what they attend to."""

    queries: list[Tensor]
    outs: list[Tensor]
    text: Part
    pictures: tuple[Part, ...]
    heads: int

    @classmethod
    def of(cls, layer: Layer, what: str, dtype: torch.dtype, device: str, sets: int | None = None) -> Inputs:
        generator = torch.Generator(device).manual_seed(1)

        def random(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, device=device, dtype=dtype)

        size = (layer.rows, layer.queries, layer.heads * layer.width)
        bytes_of_a_set = 4 * layer.rows * layer.queries * layer.heads * layer.width
        sets = sets or min(24, SPREAD // bytes_of_a_set + 1)
        parts = [(random(layer.rows, n, size[2]), random(layer.rows, n, size[2])) for n in (TEXT, *PICTURES[what])]
        mask = torch.rand(1, layer.queries, 1, generator=generator, device=device).to(dtype) if "mask" in what else None
        pictures = tuple(Part(key, value, 1.0, 0.7, mask) for key, value in parts[1:])
        queries = [random(*size) for _ in range(sets)]
        return cls(queries, [torch.empty_like(q) for q in queries], Part(*parts[0]), pictures, layer.heads)


def by_heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention(q: Tensor, part: Part, heads: int) -> Tensor:
    """PyTorch's own."""
    made = F.scaled_dot_product_attention(*(by_heads(t, heads) for t in (q, part.key, part.value)))
    return made.transpose(1, 2).flatten(2)


def exact(q: Tensor, part: Part, heads: int) -> Tensor:
    """One row at a time, in float64."""
    rows = []
    for i in range(len(q)):
        of = i // (len(q) // len(part.key))
        one, key, value = (
            by_heads(t[n : n + 1].double(), heads) for t, n in ((q, i), (part.key, of), (part.value, of))
        )
        share = torch.softmax(part.keys * (one @ key.transpose(-1, -2)) * one.shape[-1] ** -0.5, -1)
        rows.append((share @ value).transpose(1, 2).flatten(2))
    answer = part.factor * torch.cat(rows)
    return answer if part.mask is None else answer * part.mask.double()


def wanted(given: Inputs) -> Tensor:
    return sum((exact(given.queries[0], part, given.heads) for part in given.pictures), exact(given.queries[0], given.text, given.heads))  # fmt: skip


def added(q: Tensor, given: Inputs) -> Tensor:
    """Attention to the text, attention to every picture, and their sum."""
    out = attention(q, given.text, given.heads)
    for part in given.pictures:
        image = attention(q, part, given.heads)
        out = torch.add(out, image, alpha=part.factor) if part.mask is None else torch.addcmul(out, image, part.mask, value=part.factor)  # fmt: skip
    return out


Call = Callable[[Tensor, Tensor], Any]


def ways(given: Inputs, tried: Iterable[Tried]) -> Iterator[tuple[str, Callable[[], Call]]]:
    """Every way by name, with what makes it ready: a call of (queries, output) that returns or writes the answer."""
    yield "text alone", lambda: lambda q, out: attention(q, given.text, given.heads)
    yield "text alone, cuDNN first", lambda: _cudnn(given)
    yield "attention and addition", lambda: lambda q, out: added(q, given)
    for way, config in (("", None), *tried):
        yield named(way, config), lambda way=way, config=config: fused(given, way, config)


def fused(given: Inputs, way: str, config: Any) -> Call:
    text = given.text
    launch = prepared(way, given.queries[0], text.key.shape[1], given.pictures, given.heads, config)
    return lambda q, out: launch(q, text.key, text.value, out)


def prepared(way: str, *given: Any) -> Any:
    """A launch of the pack's kernel, or of another way to write it."""
    return variants.Variant(way, *given) if way else kernel.prepared(*given)


def _cudnn(given: Inputs) -> Call:
    """As ComfyUI asks for PyTorch's attention on NVIDIA."""
    order = [SDPBackend.CUDNN_ATTENTION, SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]

    def call(q: Tensor, out: Tensor) -> Tensor:
        with sdpa_kernel(order, set_priority=True):
            return attention(q, given.text, given.heads)

    return call


@dataclass
class Row:
    """What one way took: microseconds, and its relative error; -1 for what was not measured."""

    layer: str
    pictures: str
    dtype: str
    way: str
    error: float = -1
    device: float = -1
    bench: float = -1
    host: float = -1
    registers: int = -1
    spills: int = -1
    shared: int = -1
    failed: str = ""


@dataclass
class Record:
    """Rows on the screen and in a file, each as soon as it is there."""

    path: Path
    rows: list[Row] = field(default_factory=list)

    def add(self, row: Row, quiet: bool = False) -> None:
        self.rows.append(row)
        line = json.dumps(asdict(row))
        if not quiet:
            print(line, flush=True)
        with self.path.open("a") as file:
            file.write(line + "\n")


def device_time(call: Call, given: Inputs) -> float:
    """Microseconds of one call in a graph of many."""
    calls = 3 * len(given.queries)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        call(given.queries[0], given.outs[0])
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for i in range(calls):
                call(given.queries[i % len(given.queries)], given.outs[i % len(given.outs)])
        graph.replay()
        times = []
        for _ in range(3):
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record(stream)
            graph.replay()
            end.record(stream)
            stream.synchronize()
            times.append(1000 * start.elapsed_time(end) / calls)
    return min(times)


def host_time(call: Call, given: Inputs, calls: int = 200) -> float:
    """Microseconds of the processor to launch one call."""
    q, out = given.queries[0], given.outs[0]
    for _ in range(5):
        call(q, out)
    torch.cuda.synchronize()
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(calls):
            call(q, out)
        best = min(best, time.perf_counter() - started)
        torch.cuda.synchronize()
    return 1e6 * best / calls


def measured(row: Row, make: Callable[[], Call], given: Inputs, target: Tensor | None, timed: bool) -> Row:
    """The row with what this way gave; a failure is a row too."""
    try:
        call = make()
        q, out = given.queries[0], given.outs[0]
        out.zero_()
        made = call(q, out)
        answer = made if isinstance(made, Tensor) else out
        if target is not None:
            row.error = float((answer.double() - target).norm() / target.norm())
        for name in ("n_regs", "n_spills"):
            setattr(row, {"n_regs": "registers", "n_spills": "spills"}[name], int(getattr(made, name, None) or 0))
        row.shared = int(getattr(getattr(made, "metadata", None), "shared", -1))
        if row.error > WITHIN[q.dtype] and row.way not in ("text alone", "text alone, cuDNN first"):
            row.failed = "wrong"
        elif timed:
            row.device = round(device_time(call, given), 2)
    except Exception as error:  # noqa: BLE001  one way that fails must not cost the others
        row.failed = f"{type(error).__name__}: {str(error)[-300:]}"
        with contextlib.suppress(Exception):
            torch.cuda.synchronize()
    return row


def finer(row: Row, make: Callable[[], Call], given: Inputs) -> Row:
    """do_bench's figure and the host's, which take long: only for the best."""
    try:
        call = make()
        q, out = given.queries[0], given.outs[0]
        row.bench = round(1000 * float(do_bench(lambda: call(q, out), warmup=3, rep=20, return_mode="median")), 2)
        row.host = round(host_time(call, given), 2)
    except Exception as error:  # noqa: BLE001
        row.failed = f"{type(error).__name__}: {str(error)[-300:]}"
    return row


COMPARED = ("text alone", "text alone, cuDNN first", "attention and addition", "as it is")


def case(layer: Layer, what: str, dtype: torch.dtype, device: str, record: Record, tried: Sequence[Tried]) -> None:
    """All ways of one case; those that are compared with and the three fastest others are timed finely as well."""
    timed = device == "cuda"
    given = Inputs.of(layer, what, dtype, device, None if timed else 1)
    target, text = wanted(given), exact(given.queries[0], given.text, given.heads)
    done: list[tuple[Row, Callable[[], Call]]] = []
    for name, make in ways(given, tried):
        if not timed and name in COMPARED[:2]:
            continue
        row = Row(layer.name, what, str(dtype).removeprefix("torch."), name)
        done.append((measured(row, make, given, text if name in COMPARED[:2] else target, timed), make))
    ours = sorted((r for r, _ in done if r.device > 0 and r.way not in COMPARED), key=lambda r: r.device)
    fine = {id(r) for r in ours[:3]} | {id(r) for r, _ in done if r.way in COMPARED}
    for row, make in done:
        record.add(finer(row, make, given) if timed and id(row) in fine else row)


@dataclass(frozen=True)
class Check:
    """A combination that is compared and not timed: G groups of rows for each segment, and a factor for its logits."""

    layer: Layer
    text: int
    tokens: tuple[int, ...]
    dtype: torch.dtype
    groups: int = 2
    masks: int = 0
    keys: float = 1.0

    def compile(self) -> None:
        """As it will be launched."""
        q, (text, *pictures) = self.parts("cuda")
        kernel.prepared(q, self.text, pictures, self.layer.heads).compile(q, text.key, text.value, q)

    def parts(self, device: str) -> tuple[Tensor, tuple[Part, ...]]:
        generator = torch.Generator(device).manual_seed(3)
        size = self.layer.heads * self.layer.width

        def random(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, device=device, dtype=self.dtype)

        q = random(self.layer.rows, self.layer.queries, size)
        text = Part(random(len(q), self.text, size), random(len(q), self.text, size))
        mask = random(self.masks, q.shape[1], 1).abs() if self.masks else None
        pairs = [(random(self.groups, n, size), random(self.groups, n, size)) for n in self.tokens]
        return q, (text, *(Part(*pair, self.keys, 0.6 - 0.2 * i, mask) for i, pair in enumerate(pairs)))


def checks() -> list[Check]:
    layers = [
        Layer(f"{d} x {n}", 4, n, h, d) for d, h in ((40, 8), (64, 10), (80, 8), (160, 8)) for n in (1024, 333, 37)
    ]
    made = [
        Check(layer, 77, tokens, dtype)
        for layer in layers
        for dtype in (HALF, BRAIN)
        for tokens in ((4,), (16,), (257,))
    ]
    wide, odd = layers[3], layers[4]
    made += [Check(wide, text, (16,), HALF) for text in (1, 16, 63, 64, 65, 128, 154, 231)]
    made += [Check(odd, 77, tokens, HALF, groups=1) for tokens in ((1,), (5, 33), (48,), (64, 64), (129, 4), (16,) * 8)]
    made += [Check(odd, 77, (16, 257), HALF, groups=4, masks=n) for n in (1, 4)]
    made += [Check(odd, 77, (16, 257), HALF, keys=n) for n in (0.0, -0.7, 1.6)]
    return made


def compiled(job: tuple[Layer, str, torch.dtype, Tried] | Check) -> str:
    """Compile for one case, in a process of its own: what it makes is found again in Triton's cache. Says what failed."""
    if isinstance(job, Check):
        with contextlib.suppress(Exception):  # what fails is said when it is launched
            job.compile()
        return ""
    layer, what, dtype, (way, config) = job
    try:
        size = layer.heads * layer.width
        device = "cuda" if config is None else "meta"  # what the pack chooses depends on the card
        q = torch.empty(layer.rows, layer.queries, size, dtype=dtype, device=device)
        pairs = [torch.empty(layer.rows, n, size, dtype=dtype, device=device) for n in (TEXT, *PICTURES[what])]
        text, *pictures = (Part(pair, pair, 1.0, 0.7, q[:1, :, :1] if "mask" in what else None) for pair in pairs)
        prepared(way, q, TEXT, pictures, layer.heads, config).compile(q, text.key, text.value, q)
    except Exception as error:  # noqa: BLE001
        return f"{layer.name}, {what}, {named(way, config)}: {type(error).__name__}: {str(error)[-200:]}"
    return ""


def compile_all(
    cases: Sequence[tuple[Layer, str, torch.dtype]], tries: Mapping[str, Sequence[Tried]], checked: bool
) -> None:
    """All that will be timed, on all cores; queries do not matter, so layers that differ in them alone share."""
    jobs = {}
    for layer, what, dtype in cases:
        for tried in tries[what] or (("", None),):
            alike = (layer.width, layer.queries % 16 == 0, layer.heads % 16 == 0, what, dtype, tried)
            jobs.setdefault(alike, (layer, what, dtype, tried))
    started = time.monotonic()
    all_jobs = [*jobs.values(), *(checks() if checked else ())]
    with ProcessPoolExecutor(max(1, (os.cpu_count() or 2) - 2), multiprocessing.get_context("spawn")) as pool:
        failed = [said for said in pool.map(compiled, all_jobs) if said]
    print(f"{len(all_jobs)} compiled in {time.monotonic() - started:.0f} s", *failed, sep="\n", flush=True)


def check_all(device: str) -> list[Row]:
    """Every combination; the error of attention and addition stands beside the kernel's as `text`."""
    rows = []
    for one in checks():
        row = Row(one.layer.name, f"{one.text} + {one.tokens}", str(one.dtype).removeprefix("torch."), "checked")
        try:
            q, parts = one.parts(device)
            wanted = sum((exact(q, part, one.layer.heads) for part in parts[1:]), exact(q, parts[0], one.layer.heads))
            out = torch.empty_like(q)
            kernel.prepared(q, one.text, parts[1:], one.layer.heads)(q, parts[0].key, parts[0].value, out)
            row.error = float((out.double() - wanted).norm() / wanted.norm())
            row.failed = "" if row.error <= WITHIN[one.dtype] else "wrong"
        except Exception as error:  # noqa: BLE001
            row.failed = f"{type(error).__name__}: {str(error)[-300:]}"
        rows.append(row)
    worst = max(rows, key=lambda row: row.error)
    wrong = [row for row in rows if row.failed]
    print(
        f"{len(rows) - len(wrong)} of {len(rows)} combinations are right; the largest error: {worst}",
        *wrong,
        sep="\n",
        flush=True,
    )
    return rows


def summary(rows: Sequence[Row]) -> str:
    """A table: the text alone, with the picture, today's kernel and the best way of each case."""
    lines = [
        "| layer | tokens | type | text alone | cuDNN first | attention and addition | fused | best tried | its name | do_bench: text / fused | host: text / two / fused |",
        "|" + " --- |" * 11,
    ]
    for key in dict.fromkeys((r.layer, r.pictures, r.dtype) for r in rows):
        these = [r for r in rows if (r.layer, r.pictures, r.dtype) == key]
        old = {r.way: r for r in these if r.way in COMPARED}
        new = sorted((r for r in these if r.device > 0 and r.way not in COMPARED), key=lambda r: r.device)
        if len(old) < len(COMPARED):
            continue
        text, cudnn, two, ours = (old[name] for name in COMPARED)
        best = new[0] if new else ours
        lines.append(
            f"| {' | '.join(key)} | {text.device} | {cudnn.device} | {two.device} | {ours.device} | {best.device} | {best.way} | "
            f"{text.bench} / {ours.bench} | {text.host} / {two.host} / {ours.host} |"
        )
    wrong = [
        f"{r.layer}, {r.pictures}, {r.dtype}, {r.way}: {r.failed}" for r in rows if r.failed and "unfit" not in r.failed
    ]
    return "\n".join([*lines, "", f"{len(wrong)} failed", *wrong])


def _only(what: str, cases: Sequence[tuple[Layer, str, torch.dtype]]) -> list[tuple[Layer, str, torch.dtype]]:
    return [case for case in cases if not what or case[1] == what]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=150, help="no case is begun after so many")
    parser.add_argument(
        "--only", default="", help="cases whose tokens are these, such as 257; the combinations are left out"
    )
    parser.add_argument(
        "--chosen", action="store_true", help="what the pack chooses and what it is compared with, alone"
    )
    parser.add_argument("--small", action="store_true", help="small shapes on the processor, by Triton's interpreter")
    options = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    record = Record(OUT / "kernel.jsonl")
    record.path.write_text("")
    started = time.monotonic()
    tries = {what: () if options.chosen else configs(what, options.small) for what in PICTURES}
    whole = not (options.only or options.chosen)
    if options.small:
        torch.set_num_threads(1)
        cases = [
            (layer, what, torch.float32) for layer in SMALL.values() for what in ("16", "16 masked", "4x16", "257")
        ]
        cases += [(SMALL["64"], "16", dtype) for dtype in (torch.float16, torch.bfloat16)]
        cases = _only(options.only, cases)
    else:
        print(torch.cuda.get_device_name(), torch.__version__, triton.__version__, flush=True)
        cases = _only(options.only, [(LAYERS[layer], what, dtype) for layer, what, dtype in CASES])
        compile_all(cases, tries, checked=whole)
    for layer, what, dtype in cases:
        if time.monotonic() - started > options.seconds:
            print("no time for", layer.name, what, dtype)
            continue
        case(layer, what, dtype, "cpu" if options.small else "cuda", record, tries[what])
    if not options.small and whole:
        for row in check_all("cuda"):
            record.add(row, quiet=True)
    text = summary(record.rows)
    (OUT / "kernel.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
