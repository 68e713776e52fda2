"""PuLID's other files at small width: EVA02-CLIP's image tower, and the face parsing network with random weights."""

from pathlib import Path

import torch
from torch import Tensor

from . import seeded
from .families import encoder_named

PATCH, GRID, BLOCKS, HEAD = 14, 4, 6, 64
BODY = "eva"


def tower(seed: int) -> dict[str, Tensor]:
    """The weights of a tower under the published keys; pictures of 56 pixels, one head, a state from each block."""
    sizes = encoder_named(BODY)
    width, hidden = sizes.hidden, 2 * sizes.hidden
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + GRID**2, width),
        "patch_embed.proj.weight": (width, 3, PATCH, PATCH),
        "patch_embed.proj.bias": (width,),
        **_norm("norm", width),
        "head.weight": (sizes.projection, width),
        "head.bias": (sizes.projection,),
    }
    for block in range(BLOCKS):
        at = f"blocks.{block}"
        shapes |= _norm(f"{at}.norm1", width) | _norm(f"{at}.norm2", width) | _norm(f"{at}.attn.inner_attn_ln", HEAD)
        shapes |= {f"{at}.attn.{name}_proj.weight": (HEAD, width) for name in "qkv"}
        shapes |= {f"{at}.attn.{name}_bias": (HEAD,) for name in "qv"}
        shapes |= {f"{at}.attn.proj.weight": (width, HEAD), f"{at}.attn.proj.bias": (width,)}
        for name, rows, columns in (("w1", hidden, width), ("w2", hidden, width), ("w3", width, hidden)):
            shapes |= {f"{at}.mlp.{name}.weight": (rows, columns), f"{at}.mlp.{name}.bias": (rows,)}
        shapes |= _norm(f"{at}.mlp.ffn_ln", hidden)
    return {f"visual.{name}": _value(seed, name, shape) for name, shape in shapes.items()}


def write_tower(seed: int, path: Path) -> None:
    """As the published file: a pickle that has the rotary positions and a text part too."""
    beside = {"visual.rope.freqs_cos": torch.ones(GRID**2, HEAD), "text.positional_embedding": torch.ones(77, 8)}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({**tower(seed), **beside}, path)


def write_parser(parser: torch.nn.Module, seed: int, path: Path) -> None:
    """A face parsing network's file; its counters and its norms' variances stay those of a new one."""
    drawn = {name: _value(seed, name, tuple(weight.shape)) for name, weight in parser.named_parameters()}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({**parser.state_dict(), **drawn}, path)


def _norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def _value(seed: int, name: str, shape: tuple[int, ...]) -> Tensor:
    if len(shape) > 1:
        return seeded.weight(seed, name, shape)
    return (seeded.bias if name.endswith("bias") else seeded.norm_weight)(seed, name, shape)
