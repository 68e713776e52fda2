"""The image encoders that adapters were trained with, by the widths of what they deliver."""

from __future__ import annotations

from dataclasses import dataclass

OF_PICTURES = ("image_embeds", "penultimate")
OF_FACES = ("face_pooled", "face_hidden")
"""The features that an encoder's pooled output and its hidden states are: of any picture, or of a face's as PuLID has it."""


class Outputs:
    """An encoder's pooled output and its hidden states: how wide these are, and which features."""

    image_embeds: int
    penultimate: int
    gives: tuple[str, str]

    def width(self, feature: str) -> int:
        """That of one of its features, 0 for one that it does not give."""
        return dict(zip(self.gives, (self.image_embeds, self.penultimate), strict=True)).get(feature, 0)


@dataclass(frozen=True)
class Encoder(Outputs):
    """A published image encoder: widths of its pooled output and of its hidden states, tokens, and its usual file.

    `gives` are the features that these two are.
    """

    label: str
    image_embeds: int
    penultimate: int
    tokens: int
    file: str
    gives: tuple[str, str] = OF_PICTURES


ENCODERS = (
    Encoder("CLIP ViT-H/14", 1024, 1280, 257, "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors"),
    Encoder("CLIP ViT-bigG/14", 1280, 1664, 257, "CLIP-ViT-bigG-14-laion2B-39B-b160k.safetensors"),
    Encoder("CLIP ViT-L/14", 768, 1024, 257, "clip-vit-large-patch14.safetensors"),
    Encoder("CLIP ViT-L/14-336", 768, 1024, 577, "clip-vit-large-patch14-336.bin"),
    # Its pooled output is that of its head, which not every file has.
    Encoder("SigLIP so400m/14-384", 1152, 1152, 729, "sigclip_vision_patch14_384.safetensors"),
    Encoder("EVA02-CLIP-L/14-336", 768, 1024, 577, "EVA02_CLIP_L_336_psz14_s6B.pt", OF_FACES),
)


def encoder_of(image_embeds: int, penultimate: int, tokens: int, gives: tuple[str, str] = OF_PICTURES) -> str:
    """The name of the encoder with these output widths, or the widths in words."""
    found = (image_embeds, penultimate, tokens, gives)
    for encoder in ENCODERS:
        if (encoder.image_embeds, encoder.penultimate, encoder.tokens, encoder.gives) == found:
            return encoder.label
    return f"an encoder of width {image_embeds} (pooled) and {penultimate} (hidden states)"


def encoders_for(feature: str, width: int) -> tuple[Encoder, ...]:
    """The published encoders that give `feature` in this width."""
    return tuple(encoder for encoder in ENCODERS if encoder.width(feature) == width)
