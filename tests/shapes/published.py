"""The published files: name, variant, size, dtype, and the authors' class with their projection's shapes."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from torch import nn

Projection = Callable[[ModuleType], nn.Module]


@dataclass(frozen=True)
class File:
    """One published file; `stem` names its JSON where the file's own name is not unique."""

    file: str
    variant: str
    family: str
    projection: Projection | None
    bytes: int | None
    source: str
    dtype: str | dict[str, str] = "F16"
    lora: bool = False
    attention_prefix: str = "ip_adapter"
    stem: str | None = None
    sha256: str | None = None
    about_bytes: int | None = None
    metadata_bytes: int | None = None
    transcribed: str | None = None


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
    File("ip-adapter_sd15.safetensors", "base", "sd15", base15, 44642768, PLAIN),
    File("ip-adapter_sd15_light.safetensors", "base", "sd15", base15, 44642768, PLAIN),
    File("ip-adapter_sd15_light_v11.bin", "base", "sd15", base15, 44642977, PLAIN),
    File("ip-adapter_sd15_vit-G.safetensors", "base", "sd15", lambda a: a.base(768, 1280), 46215640, PLAIN),
    File("ip-adapter-plus_sd15.safetensors", "plus", "sd15", plus15, 98183288, PLAIN),
    File("ip-adapter-plus-face_sd15.safetensors", "plus", "sd15", plus15, 98183288, PLAIN),
    File("ip-adapter-full-face_sd15.safetensors", "full_face", "sd15", lambda a: a.full(768), 43592352, PLAIN),
    File("ip_plus_composition_sd15.safetensors", "plus", "sd15", plus15, 98183728, OSTRIS, metadata_bytes=440),
)

SDXL = (
    File("ip-adapter_sdxl.safetensors", "base", "sdxl", lambda a: a.base(2048, 1280), 702585376, PLAIN_XL),
    File("ip-adapter_sdxl_vit-h.safetensors", "base", "sdxl", lambda a: a.base(2048, 1024), 698391064, PLAIN_XL),
    File("ip-adapter-plus_sdxl_vit-h.safetensors", "plus", "sdxl", plus_xl, 847517512, PLAIN_XL),
    File("ip-adapter-plus-face_sdxl_vit-h.safetensors", "plus", "sdxl", plus_xl, 847517512, PLAIN_XL),
    File("ip_plus_composition_sdxl.safetensors", "plus", "sdxl", plus_xl, None, OSTRIS),
    File(
        "ip-adapter.bin",
        "instantid",
        "sdxl",
        face_resampler,
        1691134141,
        "InstantX/InstantID" + CLASS,
        dtype="F32",
        stem="instantid_ip-adapter",
        sha256="02b3618e36d803784166660520098089a81388e61a93ef8002aa79a5b1c546e1",
    ),
)

FACEID = (
    File("ip-adapter-faceid_sd15.bin", "faceid", "sd15", lambda a: a.faceid(768), 96740574, FACE, lora=True),
    File(
        "ip-adapter-faceid-plus_sd15.bin",
        "faceid_plus",
        "sd15",
        lambda a: a.faceid_plus(768, shortcut=False),
        156558503,
        FACE,
        lora=True,
        sha256="252fb53e0d018489d9e7f9b9e2001a52ff700e491894011ada7cfb471e0fadf2",
    ),
    File(
        "ip-adapter-faceid-plusv2_sd15.bin",
        "faceid_plus_v2",
        "sd15",
        lambda a: a.faceid_plus(768, shortcut=True),
        156558509,
        FACE,
        lora=True,
        sha256="26d0d86a1d60d6cc811d3b8862178b461e1eeb651e6fe2b72ba17aa95411e313",
    ),
    File("ip-adapter-faceid-portrait_sd15.bin", "portrait", "sd15", lambda a: a.faceid(768, 16), 64586611, FACE),
    File(
        "ip-adapter-faceid-portrait-v11_sd15.bin",
        "portrait",
        "sd15",
        lambda a: a.faceid(768, 16),
        64586623,
        FACE,
    ),
    File("ip-adapter-faceid_sdxl.bin", "faceid", "sdxl", lambda a: a.faceid(2048), 1071149741, FACE, lora=True),
    File(
        "ip-adapter-faceid-plusv2_sdxl.bin",
        "faceid_plus_v2",
        "sdxl",
        lambda a: a.faceid_plus(2048, shortcut=True),
        1487555181,
        FACE,
        lora=True,
        sha256="c6945d82b543700cc3ccbb98d363b837e9c596281607857c74b713a876daf5fb",
    ),
    File(
        "ip-adapter-faceid-portrait_sdxl.bin",
        "portrait",
        "sdxl",
        lambda a: a.faceid(2048, 16),
        None,
        FACE,
        about_bytes=750_000_000,
    ),
    File(
        "ip-adapter-faceid-portrait_sdxl_unnorm.bin",
        "portrait_unnorm",
        "sdxl",
        face_resampler,
        1009523411,
        FACE,
        dtype={"image_proj": "F32", "ip_adapter": "F16"},
        sha256="220bb86e205393a3d0411631cb473caddbf35fd371be2905ca9008818170db55",
    ),
    File("ip-adapter-faceid_sd15_lora.safetensors", "refused", "sd15", None, 51059544, LORA),
    File(
        "ip-adapter-faceid_sdxl_lora.safetensors",
        "refused",
        "sdxl",
        None,
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
        1013163359,
        "Kwai-Kolors/Kolors-IP-Adapter-Plus" + CLASS,
    ),
    File(
        "ipa-faceid-plus.bin",
        "kolors_faceid_plus",
        "kolors",
        lambda a: a.faceid_plus(4096, shortcut=True, encoder=1024, tokens=6),
        None,
        "Kwai-Kolors/Kolors-IP-Adapter-FaceID-Plus" + CLASS,
        attention_prefix="adapter_modules",
        about_bytes=2_390_000_000,
        sha256=None,
    ),
)


def refused(file: str, family: str, name: str, repository: str, about: int, dtype: str) -> File:
    return File(
        file,
        "refused",
        family,
        None,
        None,
        repository + BY_HAND,
        dtype=dtype,
        stem=name,
        about_bytes=about,
        transcribed=name,
    )


REFUSED = (
    refused("pulid_v1.bin", "sdxl", "pulid_v1", "guozinan/PuLID", 1_580_000_000, "F32"),
    refused("pulid_v1.1.safetensors", "sdxl", "pulid_v1.1", "guozinan/PuLID", 984_000_000, "F16"),
    refused(
        "ip_adapter.safetensors",
        "flux",
        "xlabs_flux_ip_adapter",
        "XLabs-AI/flux-ip-adapter",
        982_000_000,
        "F16",
    ),
    refused(
        "ip-adapter.bin",
        "flux",
        "instantx_flux_ip-adapter",
        "InstantX/FLUX.1-dev-IP-Adapter",
        5_290_000_000,
        "BF16",
    ),
    refused(
        "ip-adapter.bin",
        "sd35",
        "instantx_sd35_ip-adapter",
        "InstantX/SD3.5-Large-IP-Adapter",
        1_600_000_000,
        "F16",
    ),
)

FILES = SD15 + SDXL + FACEID + KOLORS + REFUSED
