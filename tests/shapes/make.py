"""Writes one JSON of keys, shapes, dtypes and size for each published file, from the authors' own classes.

Run from anywhere: `python tests/shapes/make.py`. The modules are built on the meta device at their published
sizes; the attention parts follow `attn_processors` of diffusers' full-size UNets, so that the numbering is
diffusers' and not ours. Nothing here reads the pack. Models without a class in the reference packages are
transcribed in `transcribed.py`.
"""

import json
import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "parity"))
sys.path.insert(0, str(HERE))

from diffusers import UNet2DConditionModel  # noqa: E402
from oracles import authors  # noqa: E402
from published import FILES, File  # noqa: E402
from transcribed import TRANSCRIBED  # noqa: E402

Shapes = dict[str, list[int]]

SD15 = {"cross_attention_dim": 768, "attention_head_dim": 8}
SDXL = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "attention_head_dim": (5, 10, 20),
    "cross_attention_dim": 2048,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}


def shapes_of(module: nn.Module) -> Shapes:
    return {key: list(tensor.shape) for key, tensor in module.state_dict().items()}


def lora_shapes(unet: nn.Module) -> Shapes:
    """The separate LoRA files: the inner LoRA under kohya's names, without alpha."""
    paths = [name.removesuffix(".processor").replace(".", "_") for name in unet.attn_processors]
    named = {}
    for key, shape in shapes_of(authors.attention_part(unet, 4, lora_rank=128)).items():
        if "_lora." not in key:
            continue
        index, layer, direction, _ = key.split(".")
        target = {"to_out_lora": "to_out_0"}.get(layer, layer.removesuffix("_lora"))
        named[f"lora_unet_{paths[int(index)]}_{target}.lora_{direction}.weight"] = shape
    return named


def shapes_for(file: File, unets: dict[str, nn.Module]) -> Shapes:
    if file.transcribed:
        return TRANSCRIBED[file.transcribed]
    unet = unets["sd15" if file.family == "sd15" else "sdxl"]
    if file.projection is None:
        return lora_shapes(unet)
    rank = 128 if file.lora else None
    parts = {
        "image_proj": shapes_of(file.projection(authors)),
        file.attention_prefix: shapes_of(authors.attention_part(unet, 4, rank)),
    }
    return {f"{part}.{key}": shape for part, shapes in parts.items() for key, shape in shapes.items()}


def write(file: File, shapes: Shapes) -> None:
    head = {
        "file": file.file,
        "variant": file.variant,
        "family": file.family,
        "container": Path(file.file).suffix[1:],
        "dtype": file.dtype,
        "bytes": file.bytes,
        **{name: value for name in ("about_bytes", "metadata_bytes") if (value := getattr(file, name)) is not None},
        "parameters": sum(torch.Size(shape).numel() for shape in shapes.values()),
        "source": file.source,
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items()]
    rows = ",\n".join(f"{json.dumps(key)}: {json.dumps(shape)}" for key, shape in sorted(shapes.items()))
    text = "{\n" + ",\n".join(lines) + ',\n"shapes": {\n' + rows + "\n}}\n"
    (HERE / f"{file.stem or Path(file.file).stem}.json").write_text(text, encoding="ascii", newline="\n")


def main() -> None:
    with torch.device("meta"):
        unets = {"sd15": UNet2DConditionModel(**SD15), "sdxl": UNet2DConditionModel(**SDXL)}
        for file in FILES:
            write(file, shapes_for(file, unets))


if __name__ == "__main__":
    main()
