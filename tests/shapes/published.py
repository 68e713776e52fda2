"""The published files: name, variant, dtype, and the authors' class with their projection's shapes.

Sizes are those of the pack's own table of published files, where it has the file.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

Projection = Callable[[ModuleType], nn.Module]
TABLE = Path(__file__).resolve().parents[2] / "attention" / "files" / "published.json"
ROWS: dict[str, dict[str, Any]] = {
    row["path"].rpartition("/")[2]: row
    for row in json.loads(TABLE.read_text(encoding="utf-8"))["files"]
    if row["folder"] in ("ipadapter", "instantid", "pulid")
}


@dataclass(frozen=True)
class File:
    """One published file; `stem` names its JSON where the file's own name is not unique."""

    file: str
    variant: str
    family: str
    projection: Projection | None
    source: str
    dtype: str | dict[str, str] = "F16"
    lora: bool = False
    attention_prefix: str = "ip_adapter"
    stem: str | None = None
    about_bytes: int | None = None
    metadata_bytes: int | None = None
    transcribed: str | None = None
    unlisted_bytes: int | None = None

    @property
    def bytes(self) -> int | None:
        """The exact size, None where it was never recorded."""
        return self.unlisted_bytes if self.transcribed or self.variant == "refused" else ROWS[self.file]["size"]


CLASS = "; the authors' projection class and processors on meta, numbering of diffusers' attn_processors"
PLAIN = "h94/IP-Adapter models" + CLASS
PLAIN_XL = "h94/IP-Adapter sdxl_models" + CLASS
FACE = "h94/IP-Adapter-FaceID" + CLASS
LORA = "h94/IP-Adapter-FaceID; the inner LoRA of the authors' processors under kohya's names"
OSTRIS = "ostris/ip-composition-adapter" + CLASS
BY_HAND = "; transcribed from the authors' source"

base15 = lambda a: a.base(768, 1024)  # noqa: E731
plus15 = lambda a: a.plus(768, 768, 12)  # noqa: E731
plus_xl = lambda a: a.plus(2048, 1280, 20)  # noqa: E731
face_resampler = lambda a: a.plus(2048, 1280, 20, encoder=512)  # noqa: E731

SD15 = (
    File("ip-adapter_sd15.safetensors", "base", "sd15", base15, PLAIN),
    File("ip-adapter_sd15_light.safetensors", "base", "sd15", base15, PLAIN),
    File("ip-adapter_sd15_light_v11.bin", "base", "sd15", base15, PLAIN),
    File("ip-adapter_sd15_vit-G.safetensors", "base", "sd15", lambda a: a.base(768, 1280), PLAIN),
    File("ip-adapter-plus_sd15.safetensors", "plus", "sd15", plus15, PLAIN),
    File("ip-adapter-plus-face_sd15.safetensors", "plus", "sd15", plus15, PLAIN),
    File("ip-adapter-full-face_sd15.safetensors", "full_face", "sd15", lambda a: a.full(768), PLAIN),
    File("ip_plus_composition_sd15.safetensors", "plus", "sd15", plus15, OSTRIS, metadata_bytes=440),
)

SDXL = (
    File("ip-adapter_sdxl.safetensors", "base", "sdxl", lambda a: a.base(2048, 1280), PLAIN_XL),
    File("ip-adapter_sdxl_vit-h.safetensors", "base", "sdxl", lambda a: a.base(2048, 1024), PLAIN_XL),
    File(
        "noobIPAMARK1_mark1.safetensors",
        "base",
        "sdxl",
        lambda a: a.base(2048, 1280),
        "NoobAI-XL IPA Mark 1" + CLASS,
        dtype="F32",
        metadata_bytes=16_080,
    ),
    File("ip-adapter-plus_sdxl_vit-h.safetensors", "plus", "sdxl", plus_xl, PLAIN_XL),
    File("ip-adapter-plus-face_sdxl_vit-h.safetensors", "plus", "sdxl", plus_xl, PLAIN_XL),
    File("ip_plus_composition_sdxl.safetensors", "plus", "sdxl", plus_xl, OSTRIS),
    File(
        "ip-adapter.bin",
        "instantid",
        "sdxl",
        face_resampler,
        "InstantX/InstantID" + CLASS,
        dtype="F32",
        stem="instantid_ip-adapter",
    ),
)

FACEID = (
    File("ip-adapter-faceid_sd15.bin", "faceid", "sd15", lambda a: a.faceid(768), FACE, lora=True),
    File(
        "ip-adapter-faceid-plus_sd15.bin",
        "faceid_plus",
        "sd15",
        lambda a: a.faceid_plus(768, shortcut=False),
        FACE,
        lora=True,
    ),
    File(
        "ip-adapter-faceid-plusv2_sd15.bin",
        "faceid_plus_v2",
        "sd15",
        lambda a: a.faceid_plus(768, shortcut=True),
        FACE,
        lora=True,
    ),
    File("ip-adapter-faceid-portrait_sd15.bin", "portrait", "sd15", lambda a: a.faceid(768, 16), FACE),
    File(
        "ip-adapter-faceid-portrait-v11_sd15.bin",
        "portrait",
        "sd15",
        lambda a: a.faceid(768, 16),
        FACE,
    ),
    File("ip-adapter-faceid_sdxl.bin", "faceid", "sdxl", lambda a: a.faceid(2048), FACE, lora=True),
    File(
        "ip-adapter-faceid-plusv2_sdxl.bin",
        "faceid_plus_v2",
        "sdxl",
        lambda a: a.faceid_plus(2048, shortcut=True),
        FACE,
        lora=True,
    ),
    File(
        "ip-adapter-faceid-portrait_sdxl.bin",
        "portrait",
        "sdxl",
        lambda a: a.faceid(2048, 16),
        FACE,
    ),
    File(
        "ip-adapter-faceid-portrait_sdxl_unnorm.bin",
        "portrait_unnorm",
        "sdxl",
        face_resampler,
        FACE,
        dtype={"image_proj": "F32", "ip_adapter": "F16"},
    ),
    File("ip-adapter-faceid_sd15_lora.safetensors", "refused", "sd15", None, LORA, unlisted_bytes=51059544),
    File(
        "ip-adapter-faceid_sdxl_lora.safetensors",
        "refused",
        "sdxl",
        None,
        LORA,
        about_bytes=372_000_000,
    ),
)

KOLORS = (
    File(
        "ip_adapter_plus_general.bin",
        "kolors_plus",
        "kolors",
        lambda a: a.plus(2048, 2048, 12, encoder=1024),
        "Kwai-Kolors/Kolors-IP-Adapter-Plus" + CLASS,
    ),
    File(
        "ipa-faceid-plus.bin",
        "kolors_faceid_plus",
        "kolors",
        lambda a: a.faceid_plus(4096, shortcut=True, encoder=1024, tokens=6),
        "Kwai-Kolors/Kolors-IP-Adapter-FaceID-Plus" + CLASS,
        attention_prefix="adapter_modules",
    ),
)


def transcribed(
    file: str, family: str, name: str, repository: str, about: int, dtype: str, variant: str = "refused"
) -> File:
    return File(
        file,
        variant,
        family,
        None,
        repository + BY_HAND,
        dtype=dtype,
        stem=name,
        about_bytes=about,
        transcribed=name,
    )


INSTANTX_SD35 = (
    transcribed(
        "sd3.5-large-ip-adapter.bin",
        "sd35l",
        "instantx_sd35_ip-adapter",
        "InstantX/SD3.5-Large-IP-Adapter",
        1_600_000_000,
        "F16",
        "instantx_sd35",
    ),
)

PULID = (
    transcribed("pulid_v1.bin", "sdxl", "pulid_v1", "guozinan/PuLID", 1_580_000_000, "F32", "pulid_v1"),
    transcribed(
        "ip-adapter_pulid_sdxl_fp16.safetensors",
        "sdxl",
        "ip-adapter_pulid_sdxl_fp16",
        "huchenlei/ipadapter_pulid",
        791_000_000,
        "F16",
        "pulid_v1",
    ),
    transcribed("pulid_v1.1.safetensors", "sdxl", "pulid_v1.1", "guozinan/PuLID", 984_000_000, "F16", "pulid_v1_1"),
)

XLABS = (
    transcribed(
        "flux-ip-adapter.safetensors",
        "flux",
        "xlabs_flux_ip_adapter",
        "XLabs-AI/flux-ip-adapter",
        982_000_000,
        "F16",
        "xlabs",
    ),
    transcribed(
        "flux-ip-adapter-v2.safetensors",
        "flux",
        "xlabs_flux_ip_adapter_v2",
        "XLabs-AI/flux-ip-adapter-v2",
        1_060_000_000,
        "F16",
        "xlabs",
    ),
)

INSTANTX = (
    transcribed(
        "flux-ip-adapter-instantx.bin",
        "flux_all",
        "instantx_flux_ip-adapter",
        "InstantX/FLUX.1-dev-IP-Adapter",
        5_290_000_000,
        "BF16",
        "instantx",
    ),
)

INFINITE_YOU = (
    transcribed(
        "infiniteyou_aes_image_proj_model.bin",
        "flux_all",
        "infiniteyou_image_proj_model",
        "ByteDance/InfiniteYou",
        338_413_026,
        "F32",
        "infinite_you",
    ),
)

FILES = SD15 + SDXL + FACEID + KOLORS + PULID + XLABS + INSTANTX + INSTANTX_SD35 + INFINITE_YOU
