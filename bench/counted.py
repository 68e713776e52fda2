"""What a branch adds to one call of a model of published widths: operators, FLOPs and bytes, counted without weights.

    python bench/counted.py            # a minute; the same on every machine
    python bench/counted.py --take     # and writes counted.csv and the table of bench/README.md

Models, adapters and latents are on PyTorch's meta device, where tensors have shapes and no numbers. A call is the host's
own `calc_cond_batch` for the two sides of guidance.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
FIGURES = HERE / "counted.csv"
README = HERE / "README.md"
MARKS = "<!-- counted -->", "<!-- end of counted -->"

import host  # noqa: E402  needs this folder on the path
from table import read  # noqa: E402

SIDES = 2
"""Rows of a call: guidance has the prompt and the negative prompt."""


@dataclass(frozen=True)
class Published:
    """A model of published widths: how the host makes it, and the inputs of a call."""

    family: str
    what: str
    config_class: str
    config: Callable[[], dict[str, Any]]
    latent: tuple[int, ...]
    text: tuple[int, int]
    pooled: int = 0
    extra: Callable[[], dict[str, Any]] = dict


@dataclass(frozen=True)
class Counted:
    """One row: of a plain call (`branches` none), or of one with branches, and what these add to it.

    `tflops` of the call; `more_percent` of FLOPs and `more_operators` are the branches'; `held_mib` are their keys and
    values in half precision.
    """

    family: str
    what: str
    branches: str
    tflops: float
    more_percent: float
    operators: int
    more_operators: int
    held_mib: float


def _unet(name: str) -> Callable[[], dict[str, Any]]:
    def config() -> dict[str, Any]:
        from miniature import families
        from widths import WIDTHS

        return {**families.FAMILIES[name].unet_config, **WIDTHS[name]["unet_config"]}

    return config


def _flux() -> dict[str, Any]:
    from miniature.flux_kinds import FLUX

    wide = {"hidden_size": 3072, "num_heads": 24, "context_in_dim": 4096, "vec_in_dim": 768, "axes_dim": [16, 56, 56]}
    return {**FLUX, **wide, "guidance_embed": True}


def _sd3() -> dict[str, Any]:
    from miniature.sd3_kinds import kind_named

    text = {"target": "torch.nn.Linear", "params": {"in_features": 4096, "out_features": 2432}}
    wide = {"depth": 38, "context_embedder_config": text, "pos_embed_max_size": 192, "num_patches": 192**2}
    return {**kind_named("sd3.5 large"), **wide}


def _wan(kind: str) -> Callable[[], dict[str, Any]]:
    def config() -> dict[str, Any]:
        from miniature.wan_kinds import config_of, kind_named

        wide = {"dim": 5120, "num_heads": 40, "ffn_dim": 13824, "freq_dim": 256, "text_dim": 4096}
        return {**config_of(kind_named(kind)), **wide}

    return config


def _seen(pictures: int) -> Callable[[], dict[str, Any]]:
    def given() -> dict[str, Any]:
        import torch
        from comfy.clip_vision import Output

        seen = Output()
        seen.penultimate_hidden_states = torch.empty(1, 257 * pictures, 1280, device="meta")
        return {"clip_vision_output": seen}

    return given


def _qwen() -> dict[str, Any]:
    from miniature.without_branches_kinds import QWEN

    wide = {"attention_head_dim": 128, "num_attention_heads": 24, "joint_attention_dim": 3584}
    return {**QWEN, **wide, "axes_dims_rope": (16, 56, 56)}


def _two_references(*shape: int) -> Callable[[], dict[str, Any]]:
    def given() -> dict[str, Any]:
        import torch

        return {"reference_latents": [torch.empty(*shape, device="meta") for _ in range(2)]}

    return given


MODELS = (
    Published("sd15", "SD1.5, 512 px", "SD15", _unet("sd15"), (1, 4, 64, 64), (77, 768)),
    Published("sdxl", "SDXL, 1024 px", "SDXL", _unet("sdxl"), (1, 4, 128, 128), (77, 2048), 1280),
    Published("flux", "FLUX.1, 1024 px", "Flux", _flux, (1, 16, 128, 128), (512, 4096), 768),
    Published("sd3", "SD3.5 Large, 1024 px", "SD3", _sd3, (1, 16, 128, 128), (154, 4096), 2048),
    Published(
        "references", "FLUX.1 Kontext, 1024 px, two references of 1024 px", "Flux", _flux,
        (1, 16, 128, 128), (512, 4096), 768, _two_references(1, 16, 128, 128),
    ),
    Published(
        "references", "Qwen-Image-Edit, 1024 px, two references of 1024 px", "QwenImage", _qwen,
        (1, 16, 1, 128, 128), (1024, 3584), extra=_two_references(1, 16, 1, 128, 128),
    ),
    Published(
        "wan14b", "Wan 2.1 I2V 14B, 81 frames of 832 x 480", "WAN21_I2V", _wan("wan2.1 i2v"),
        (1, 16, 21, 60, 104), (512, 4096), extra=_seen(1),
    ),
    Published(
        "wan14b", "Wan 2.1 FLF2V 14B, 81 frames of 832 x 480", "WAN21_I2V", _wan("wan2.1 flf2v"),
        (1, 16, 21, 60, 104), (512, 4096), extra=_seen(2),
    ),
)  # fmt: skip


def model_of(row: Published) -> Any:
    """The host's model, without numbers."""
    import comfy.model_patcher
    import comfy.supported_models
    import torch
    from miniature import families

    published = getattr(comfy.supported_models, row.config_class)
    config = published(row.config())
    if row.family in families.FAMILIES:
        heads = {"num_heads": -1, "num_head_channels": 64} if row.family == "sdxl" else {"num_heads": 8}
        config.unet_config.update(heads)
    config.set_inference_dtype(torch.float16, None)
    model = config.get_model({}, device=torch.device("meta"))
    meta = torch.device("meta")
    return comfy.model_patcher.ModelPatcher(model, meta, meta)


def adapted(model: Any, *tokens: int, variant: str = "base") -> Any:
    """The model with a reference of so many tokens for each number, where and as adapters of a variant act."""
    import torch
    from pack.attention.adapter.key_values import KeyValues, NoTokens
    from pack.attention.adapter.variants import variant_named
    from pack.attention.branch.attachment import Attachment
    from pack.attention.models.kinds import layers_for_adapters
    from pack.attention.sampling.attach import attach

    row = variant_named(variant)
    shapes = layers_for_adapters(model).shapes
    if variant == "xlabs":
        shapes = {block: shape for block, shape in shapes.items() if block[0] == "double"}

    class Shapes(KeyValues):
        """Keys and values without numbers, which have no hash."""

        digest = property(lambda self: f"{self.num_tokens}")

    def side(count: int) -> Any:
        def pair(width: int) -> tuple[Any, Any]:
            return tuple(torch.empty(1, count, width, device="meta", dtype=torch.float16) for _ in range(2))

        return Shapes({block: pair(shape.width) for block, shape in shapes.items()}, count)

    nothing = NoTokens({block: shape.width for block, shape in shapes.items()}) if row.leaves_negative else None
    return attach(model, *(Attachment(side(count), nothing or side(count), scale=0.8, way=row.way) for count in tokens))


def adapted_by_time(model: Any) -> Any:
    """SD3.5 with a reference of InstantX's adapter, whose keys and values are made anew for each call, as for each step."""
    import torch
    from miniature import sparse
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.attention.adapter.timed import KeyValuesByTime
    from pack.attention.branch.attachment import Attachment
    from pack.attention.reference.embeds import Embeds
    from pack.attention.sampling import mmdit, run
    from pack.attention.sampling.attach import attach

    class Seen(KeyValuesByTime):
        """Features without numbers, which have no hash."""

        digest = property(lambda self: "seen")

    with TemporaryDirectory() as folder:
        adapter = Adapter(checkpoint.read_outline(sparse.write("instantx_sd35_ip-adapter", Path(folder))))
    embeds = Embeds(penultimate=torch.zeros(1, 729, 1152))
    made = vars(adapter.key_values_by_time(embeds, False, torch.float16))
    side = Seen(**{**made, "features": torch.empty(1, 729, 1152, device="meta")})
    norms = {block: (torch.ones(64), torch.ones(64)) for block in adapter.picture_norms}
    mmdit.time_of = lambda _given: 500.0  # a level without a number
    run.MOMENTS_BUDGET = 0
    return attach(model, Attachment(side, side, scale=0.5, way=adapter.identity.variant.way, norms=norms))


@dataclass(frozen=True)
class Controlled:
    """A model, and a net that both conditionings of its calls carry."""

    model: Any
    net: Any


def with_infusenet(model: Any) -> Controlled:
    """FLUX with InfiniteYou's net of the published size, which reads 8 tokens and is shown a latent."""
    import comfy.controlnet
    import comfy.latent_formats
    import comfy.ops
    import torch
    from comfy.ldm.flux.controlnet import ControlNetFlux
    from pack.attention.identitynet import net as nets
    from pack.attention.identitynet.hint import Hint
    from pack.attention.identitynet.net import FaceContext
    from pack.attention.identitynet.wrap import identitynet_from

    class VAE:
        """An autoencoder without numbers."""

        latent_channels = 16

        def spacial_compression_encode(self) -> int:
            return 8

        def encode(self, pixels: Any) -> Any:
            return torch.empty(len(pixels), 16, pixels.shape[1] // 8, pixels.shape[2] // 8, device="meta")

    meta = torch.device("meta")
    config = {**_flux(), "depth": 4, "depth_single_blocks": 10}
    network = ControlNetFlux(
        latent_input=True,
        control_latent_channels=16,
        dtype=torch.float16,
        device=meta,
        operations=comfy.ops.disable_weight_init,
        **config,
    )
    theirs = comfy.controlnet.ControlNet(
        network,
        compression_ratio=1,
        latent_format=comfy.latent_formats.Flux(),
        load_device=meta,
        extra_conds=["y", "guidance"],
    )
    context = FaceContext(torch.empty(1, 8, 4096, device=meta, dtype=torch.float16), None)
    net = identitynet_from(theirs, context, "flux_all").showing(Hint(torch.empty(1, 1024, 1024, 3), vae=VAE()))
    net.model_sampling_current = model.model.model_sampling
    nets._Checked = lambda network, _hint, _sure: network  # hints without numbers cannot be compared
    return Controlled(model, net)


def scaled(model: Any, **inputs: Any) -> Any:
    from pack.nodes.forms.scale_image_branch import ScaleImageBranch

    return ScaleImageBranch.execute(model, **inputs).args[0]


def weighed(model: Any, text: str, masks: Any = None) -> Any:
    from pack.nodes.forms.reference_weights import ReferenceWeights

    return ReferenceWeights.execute(model, text, masks).args[0]


def ways(row: Published) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """What is put on a model."""
    if row.family == "wan14b":
        yield "weight 0.5", lambda model: scaled(model, weight=0.5)
        yield "weight 0.5 with a mask", lambda model: scaled(model, weight=0.5, attn_mask=_mask())
        yield "weight 0", lambda model: scaled(model, weight=0.0)
        return
    if row.family == "references":
        yield "weights 0.5 and 2", lambda model: weighed(model, "0.5, 2")
        yield "the same with masks", lambda model: weighed(model, "0.5, 2", _halves())
        yield "weights 1 and 1", lambda model: weighed(model, "1, 1")
        yield "weights 0 and 0", lambda model: weighed(model, "0, 0")
        return
    if row.family == "flux":
        for tokens in ((4,), (16,), (16, 16)):
            words = " and ".join(map(str, tokens))
            yield f"XLabs, {words} tokens", lambda model, tokens=tokens: adapted(model, *tokens, variant="xlabs")
        yield "InstantX, 128 tokens", lambda model: adapted(model, 128, variant="instantx")
        yield "InfiniteYou's net", with_infusenet
        return
    if row.family == "sd3":
        yield "InstantX, 64 tokens", adapted_by_time
        return
    yield "4 tokens", lambda model: adapted(model, 4)
    yield "16 tokens", lambda model: adapted(model, 16)
    yield "257 tokens", lambda model: adapted(model, 257)
    yield "16 and 16 tokens", lambda model: adapted(model, 16, 16)


def _mask() -> Any:
    import torch

    return torch.ones(1, 60, 104)


def _halves() -> Any:
    """A mask for each of two references, half of the picture."""
    import torch

    mask = torch.zeros(2, 128, 128)
    mask[0, :, :64] = mask[1, :, 64:] = 1
    return mask


def call(row: Published, model: Any, net: Any = None) -> tuple[float, int]:
    """FLOPs and operators of a call of the model that is not a run's first, with a net on both conditionings."""
    import comfy.samplers
    import torch
    from counts import Operators
    from pack.attention.sampling.attach import RUN, attachments
    from pack.attention.sampling.rows import Conditionings
    from pack.attention.sampling.run import Run
    from torch.utils.flop_counter import FlopCounterMode

    model.model.current_patcher = model
    x = torch.empty(row.latent, device="meta", dtype=torch.float32)
    conds = [comfy.sampler_helpers.convert_cond(_text(row)) for _ in range(SIDES)]
    sides = comfy.samplers.process_conds(model.model, x, {"positive": conds[0], "negative": conds[1]}, x.device)
    for entry in (*sides["positive"], *sides["negative"]):
        entry.update({} if net is None else {"control": net})
    sampling = model.model.model_sampling.to("meta")
    given = [sides["positive"], sides["negative"]], x, torch.empty(1, device="meta")
    run = Run(attachments(model), sampling, Conditionings({}, {}))
    options = {**model.model_options["transformer_options"], **({RUN: run} if run.branches else {})}
    for _ in range(2):  # the first makes what a run needs once
        with Operators() as operators, FlopCounterMode(display=False) as flops:
            comfy.samplers.calc_cond_batch(model.model, *given, {**model.model_options, "transformer_options": options})
    run.release()
    return flops.get_total_flops(), operators.count


def _text(row: Published) -> list[Any]:
    import torch

    pooled = {"pooled_output": torch.zeros(1, row.pooled)} if row.pooled else {}
    return [[torch.empty(1, *row.text, device="meta"), {**pooled, **row.extra()}]]


def held(model: Any) -> float:
    """MiB of keys and values on a model."""
    from pack.attention.sampling.attach import attachments

    sources = [
        side
        for each in attachments(model)
        for side in (getattr(each, "positive", None), getattr(each, "negative", None))
    ]
    return sum(getattr(source, "nbytes", 0) for source in sources) / 2**20


def counted() -> Iterator[Counted]:
    """Every row, model by model."""
    for row in MODELS:
        model = model_of(row)
        flops, operators = call(row, model)
        yield Counted(row.family, row.what, "none", flops / 1e12, 0.0, operators, 0, 0.0)
        for name, put in ways(row):
            made = put(model)
            steered, net = (made.model, made.net) if isinstance(made, Controlled) else (made, None)
            more, above = call(row, steered, net)
            yield Counted(
                row.family,
                row.what,
                name,
                more / 1e12,
                100 * (more / flops - 1),
                above,
                above - operators,
                held(steered),
            )


def main() -> None:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("--take", action="store_true", help="write counted.csv and the table")
    options = form.parse_args()
    host.reach(use_pytorch_cross_attention=True)  # as on a card
    import comfy.model_management as management
    import torch

    management.get_free_memory = lambda *_: 2**50  # tensors without numbers take none
    with torch.inference_mode():
        rows = []
        for row in counted():
            rows.append(row)
            print(row, flush=True)
    if options.take:
        take(rows)


def take(rows: Sequence[Counted]) -> None:
    """Write the figures down and fill the table."""
    with FIGURES.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [each.name for each in fields(Counted)], lineterminator="\n")
        table.writeheader()
        table.writerows({k: round(v, 3) if isinstance(v, float) else v for k, v in asdict(row).items()} for row in rows)
    README.write_text(with_table(README.read_text(encoding="utf-8"), read(FIGURES)), encoding="utf-8")


def with_table(text: str, rows: Sequence[Mapping[str, str]]) -> str:
    """A document with the table of these rows between its marks."""
    before, rest = text.split(MARKS[0])
    return f"{before}{MARKS[0]}\n{_table(rows)}\n{MARKS[1]}{rest.split(MARKS[1])[1]}"


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    lines = ["| model, both sides of a step | on it | TFLOP | more | operators | MiB held |", "|" + " --- |" * 6]
    for row in rows:
        more = "" if row["branches"] == "none" else f"{float(row['more_percent']):+.2f} %"
        above = row["operators"] if row["branches"] == "none" else f"{int(row['more_operators']):+}"
        held = f"{float(row['held_mib']):.1f}" if float(row["held_mib"]) else ""
        lines.append(f"| {row['what']} | {row['branches']} | {float(row['tflops']):.2f} | {more} | {above} | {held} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
