"""The table of presets: what people want an adapter for -> variant, encoder and published files, by family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..adapter.variants import PACKS, variant_named
from ..files.published import FILES, File
from ..reference.encoders import ENCODERS, Encoder

_VIT_H, _BIGG, _VIT_L, _VIT_L_336, _SIGLIP, _EVA = ENCODERS


@dataclass(frozen=True)
class Preset:
    """One purpose for one family of models.

    `files` are the published adapters that serve it, the best first; `variant` names a row of `variants.VARIANTS`.
    `encoder` is the image encoder it reads, None for face embeddings alone. `also` are files other than the
    adapter and the encoder that the method needs.
    """

    purpose: str
    family: str
    variant: str
    encoder: Encoder | None
    files: tuple[File, ...]
    also: tuple[File, ...] = ()

    @property
    def encoder_file(self) -> File | None:
        """The published file of the encoder."""
        return FILES[f"clip_vision/{self.encoder.file}"] if self.encoder else None

    @property
    def downloads(self) -> tuple[File, ...]:
        """Everything to get for it: one adapter, its encoder and the rest."""
        encoder = (self.encoder_file,) if self.encoder_file else ()
        return (self.files[0], *encoder, *self.also)


def _face_models(variant: str) -> tuple[File, ...]:
    """The pack with the recogniser whose face embeddings a variant was trained with."""
    recogniser = variant_named(variant).recogniser
    pack = PACKS.get(recogniser) if recogniser else None
    return tuple(file for file in FILES.values() if pack and file.id.startswith(f"insightface/models/{pack}/"))


def _row(
    purpose: str, family: str, variant: str, encoder: Encoder | None, *names: str, also: tuple[str, ...] = ()
) -> Preset:
    files = tuple(FILES[name if "/" in name else f"ipadapter/{name}"] for name in names)
    return Preset(purpose, family, variant, encoder, files, (*(FILES[name] for name in also), *_face_models(variant)))


def _infinite_you(purpose: str, release: str) -> Preset:
    """One of its two releases: adapter and net belong together. Its recogniser is in no pack, only the detector is."""
    also = (
        f"controlnet/infusenet_{release}_fp8e4m3fn.safetensors",
        "insightface/models/antelopev2/scrfd_10g_bnkps.onnx",
    )
    name = f"instantid/infiniteyou_{release}_image_proj_model.bin"
    return _row(purpose, "flux_all", "infinite_you", None, name, also=also)


PRESETS: tuple[Preset, ...] = (
    _row("light", "sd15", "base", _VIT_H, "ip-adapter_sd15_light_v11.bin", "ip-adapter_sd15_light.safetensors"),
    _row("standard", "sd15", "base", _VIT_H, "ip-adapter_sd15.safetensors"),
    _row("standard", "sdxl", "base", _VIT_H, "ip-adapter_sdxl_vit-h.safetensors"),
    _row("standard", "flux", "xlabs", _VIT_L, "flux-ip-adapter-v2.safetensors", "flux-ip-adapter.safetensors"),
    _row("InstantX", "flux_all", "instantx", _SIGLIP, "flux-ip-adapter-instantx.bin"),
    _row("InstantX", "sd35l", "instantx_sd35", _SIGLIP, "sd3.5-large-ip-adapter.bin"),
    _row("standard, ViT-G encoder", "sd15", "base", _BIGG, "ip-adapter_sd15_vit-G.safetensors"),
    _row("standard, ViT-G encoder", "sdxl", "base", _BIGG, "ip-adapter_sdxl.safetensors"),
    _row("standard, NoobAI and Illustrious", "sdxl", "base", _BIGG, "noobIPAMARK1_mark1.safetensors"),
    _row("plus", "sd15", "plus", _VIT_H, "ip-adapter-plus_sd15.safetensors"),
    _row("plus", "sdxl", "plus", _VIT_H, "ip-adapter-plus_sdxl_vit-h.safetensors"),
    _row("plus face", "sd15", "plus", _VIT_H, "ip-adapter-plus-face_sd15.safetensors"),
    _row("plus face", "sdxl", "plus", _VIT_H, "ip-adapter-plus-face_sdxl_vit-h.safetensors"),
    _row("full face", "sd15", "full_face", _VIT_H, "ip-adapter-full-face_sd15.safetensors"),
    _row("style and composition", "sd15", "plus", _VIT_H, "ip-adapter-plus_sd15.safetensors"),
    _row("style and composition", "sdxl", "plus", _VIT_H, "ip-adapter-plus_sdxl_vit-h.safetensors"),
    _row("composition", "sd15", "plus", _VIT_H, "ip_plus_composition_sd15.safetensors"),
    _row("composition", "sdxl", "plus", _VIT_H, "ip_plus_composition_sdxl.safetensors"),
    _row("FaceID", "sd15", "faceid", None, "ip-adapter-faceid_sd15.bin"),
    _row("FaceID", "sdxl", "faceid", None, "ip-adapter-faceid_sdxl.bin"),
    _row("FaceID plus", "sd15", "faceid_plus", _VIT_H, "ip-adapter-faceid-plus_sd15.bin"),
    _row("FaceID plus v2", "sd15", "faceid_plus_v2", _VIT_H, "ip-adapter-faceid-plusv2_sd15.bin"),
    _row("FaceID plus v2", "sdxl", "faceid_plus_v2", _VIT_H, "ip-adapter-faceid-plusv2_sdxl.bin"),
    _row(
        "FaceID portrait",
        "sd15",
        "portrait",
        None,
        "ip-adapter-faceid-portrait-v11_sd15.bin",
        "ip-adapter-faceid-portrait_sd15.bin",
    ),
    _row("FaceID portrait", "sdxl", "portrait", None, "ip-adapter-faceid-portrait_sdxl.bin"),
    _row("FaceID portrait unnorm", "sdxl", "portrait_unnorm", None, "ip-adapter-faceid-portrait_sdxl_unnorm.bin"),
    _row(
        "InstantID",
        "sdxl",
        "instantid",
        None,
        "instantid/ip-adapter.bin",
        also=("controlnet/instantid-identitynet.safetensors",),
    ),
    _infinite_you("InfiniteYou", "aes"),
    _infinite_you("InfiniteYou, likeness first", "sim"),
    _row(
        "PuLID",
        "sdxl",
        "pulid_v1_1",
        _EVA,
        "pulid/pulid_v1.1.safetensors",
        also=("facexlib/parsing_bisenet.pth",),
    ),
    _row(
        "PuLID, few steps",
        "sdxl",
        "pulid_v1",
        _EVA,
        "pulid/ip-adapter_pulid_sdxl_fp16.safetensors",
        also=("facexlib/parsing_bisenet.pth",),
    ),
    _row("Kolors plus", "sdxl", "kolors_plus", _VIT_L_336, "ip_adapter_plus_general.bin"),
    _row("Kolors FaceID plus", "sdxl", "kolors_faceid_plus", _VIT_L_336, "ipa-faceid-plus.bin"),
)

PURPOSES: tuple[str, ...] = tuple(dict.fromkeys(preset.purpose for preset in PRESETS))
"""What the node offers, in the order of the table."""


def presets_for(purpose: str) -> Mapping[str, Preset]:
    """The rows of a purpose by family."""
    return {preset.family: preset for preset in PRESETS if preset.purpose == purpose}
