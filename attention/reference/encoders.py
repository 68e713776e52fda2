"""The image encoders that adapters were trained with, by the widths of what they deliver."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Encoder:
    """A published image encoder: widths of its pooled and penultimate output, tokens, and its usual file."""

    label: str
    image_embeds: int
    penultimate: int
    tokens: int
    file: str

    def width(self, feature: str) -> int:
        return getattr(self, feature)


ENCODERS = (
    Encoder("CLIP ViT-H/14", 1024, 1280, 257, "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors"),
    Encoder("CLIP ViT-bigG/14", 1280, 1664, 257, "CLIP-ViT-bigG-14-laion2B-39B-b160k.safetensors"),
    Encoder("CLIP ViT-L/14", 768, 1024, 257, "clip-vit-large-patch14.safetensors"),
    Encoder("CLIP ViT-L/14-336", 768, 1024, 577, "clip-vit-large-patch14-336.bin"),
    # Its pooled output is that of its head, which not every file has.
    Encoder("SigLIP so400m/14-384", 1152, 1152, 729, "sigclip_vision_patch14_384.safetensors"),
)


def encoder_of(image_embeds: int, penultimate: int, tokens: int) -> str:
    """The name of the encoder with these output widths, or the widths in words."""
    for encoder in ENCODERS:
        if (encoder.image_embeds, encoder.penultimate, encoder.tokens) == (image_embeds, penultimate, tokens):
            return encoder.label
    return f"an encoder of width {image_embeds} (pooled) and {penultimate} (hidden states)"


def encoders_for(feature: str, width: int) -> tuple[Encoder, ...]:
    """The published encoders whose `feature` ("image_embeds" or "penultimate") has this width."""
    return tuple(encoder for encoder in ENCODERS if encoder.width(feature) == width)
