"""Finds real checkpoints in a folder by what is inside them: base model, CLIP image encoder, IP-Adapter."""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .identity_models import IdentityFiles, identity_files
from .problems import Problem, say

Shapes = Mapping[str, Sequence[int]]

LARGEST_HEADER = 100 << 20
FAMILIES = ("sdxl", "sd15")
UNREAD = {".bin", ".ckpt", ".pt", ".pth"}


@dataclass(frozen=True)
class Kind:
    """What a file is, told by keys it holds, each with the sizes of its first dimensions (None: any)."""

    role: str  # the folder of ComfyUI's models it belongs to
    family: str  # base model it belongs to; empty for an encoder
    encoder: str  # image encoder it is or needs; empty for a base model
    name: str
    keys: Mapping[str, tuple[int | None, ...]]

    def fits(self, shapes: Shapes) -> bool:
        """Whether every key is there with these sizes."""
        return all(key in shapes and _same(shapes[key], sizes) for key, sizes in self.keys.items())


def _same(shape: Sequence[int], sizes: tuple[int | None, ...]) -> bool:
    return len(shape) >= len(sizes) and all(size in (None, found) for size, found in zip(sizes, shape, strict=False))


UNET = "model.diffusion_model.input_blocks"
VAE = {"first_stage_model.decoder.conv_in.weight": ()}
FROM_TEXT = "transformer_blocks.0.attn2.to_k.weight"
IP_KEY = "ip_adapter.1.to_k_ip.weight"


def _checkpoint(family: str, name: str, block: str, context: int) -> Kind:
    latent = {f"{UNET}.0.0.weight": (None, 4)}  # 4 channels in: not an inpainting model
    return Kind("checkpoints", family, "", name, {f"{UNET}.{block}.{FROM_TEXT}": (None, context), **latent, **VAE})


def _adapter(family: str, encoder: str, name: str, keys: Mapping[str, tuple[int | None, ...]]) -> Kind:
    return Kind("ipadapter", family, encoder, name, {IP_KEY: (None, {"sd15": 768, "sdxl": 2048}[family]), **keys})


def _plus(width: int) -> Mapping[str, tuple[int | None, ...]]:
    return {"image_proj.latents": (), "image_proj.proj_in.weight": (None, width)}


def _base(width: int) -> Mapping[str, tuple[int | None, ...]]:
    return {"image_proj.proj.weight": (None, width)}


# Of several adapters that fit, the one that stands first here is taken.
KINDS = (
    _checkpoint("sdxl", "SDXL checkpoint", "4.1", 2048),
    _checkpoint("sd15", "SD1.5 checkpoint", "1.1", 768),
    Kind("clip_vision", "", "vit_h", "CLIP ViT-H image encoder", {"visual_projection.weight": (1024, 1280)}),
    Kind(
        "clip_vision",
        "",
        "vit_bigg",
        "CLIP ViT-bigG image encoder",
        {"visual_projection.weight": (1280, 1664)},
    ),
    *(_adapter(family, "vit_h", "IP-Adapter Plus (ViT-H)", _plus(1280)) for family in FAMILIES),
    *(_adapter(family, "vit_bigg", "IP-Adapter Plus (ViT-bigG)", _plus(1664)) for family in FAMILIES),
    *(_adapter(family, "vit_h", "IP-Adapter (ViT-H)", _base(1024)) for family in FAMILIES),
    *(_adapter(family, "vit_bigg", "IP-Adapter (ViT-bigG)", _base(1280)) for family in FAMILIES),
)


@dataclass(frozen=True)
class Found:
    """A file and what it is."""

    path: Path
    kind: Kind


@dataclass(frozen=True)
class RealModels:
    """Three files that work together, and InstantID's where they are there."""

    checkpoint: Found
    encoder: Found
    adapter: Found
    identity: IdentityFiles | None = None

    @property
    def family(self) -> str:
        return self.checkpoint.kind.family

    def folders(self) -> dict[str, list[Path]]:
        """ComfyUI's model categories and the folder of the file that is wanted in each."""
        three = {found.kind.role: [found.path.parent] for found in (self.checkpoint, self.encoder, self.adapter)}
        return three | (self.identity.folders() if self.identity else {})


def shapes_in(path: Path) -> Shapes:
    """Key and shape of every tensor of a safetensors file, from its header alone; empty if it is not one."""
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else LARGEST_HEADER
        if length >= LARGEST_HEADER:
            return {}
        try:
            header = json.loads(file.read(length))
        except ValueError:
            return {}
    return {key: entry["shape"] for key, entry in header.items() if isinstance(entry, dict) and "shape" in entry}


def search(folder: Path) -> Iterator[Found]:
    """Every safetensors file below `folder` that is of a known kind, in the order of their paths."""
    for path in sorted(folder.rglob("*.safetensors")):
        shapes = shapes_in(path) if path.is_file() else {}
        yield from (Found(path, kind) for kind in KINDS if kind.fits(shapes))


def choose(folder: Path) -> RealModels:
    """The base model, adapter and encoder below `folder` that work together, and InstantID; SDXL and Plus are preferred.

    Prints what was found and taken. Raises Problem when there is no such three.
    """
    if not folder.is_dir():
        raise Problem(f"{folder} is not a folder.", "give --models-dir the folder that holds your checkpoints.")
    found = list(search(folder))
    for each in found:
        say(f"Found {each.kind.name}: {each.path.relative_to(folder)}")
    adapters = sorted((f for f in found if f.kind.role == "ipadapter"), key=lambda f: KINDS.index(f.kind))
    for family in FAMILIES:
        for adapter in (f for f in adapters if f.kind.family == family):
            checkpoint = next((f for f in found if f.kind.role == "checkpoints" and f.kind.family == family), None)
            encoder = next(
                (f for f in found if f.kind.role == "clip_vision" and f.kind.encoder == adapter.kind.encoder),
                None,
            )
            if checkpoint and encoder:
                say(f"Taking {checkpoint.path.name}, {encoder.path.name} and {adapter.path.name}")
                return RealModels(checkpoint, encoder, adapter, identity_files(folder, family))
    raise Problem(_what_is_missing(folder, found), _where_to_put())


def _what_is_missing(folder: Path, found: Sequence[Found]) -> str:
    listed = "".join(f"\n  {each.kind.name}: {each.path}" for each in found) or "\n  nothing of a known kind"
    unread = sorted(path.name for path in folder.rglob("*") if path.suffix in UNREAD)
    passed = f"\n  passed over, only safetensors files are read: {', '.join(unread)}" if unread else ""
    return f"{folder} does not hold three files that work together. Found:{listed}{passed}"


def _where_to_put() -> str:
    return (
        "put a base checkpoint (SD1.5 or SDXL, not an inpainting one), an IP-Adapter or IP-Adapter Plus for it, "
        "and the CLIP image encoder that adapter names (ViT-H or ViT-bigG) below that folder, as .safetensors."
    )
