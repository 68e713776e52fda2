"""The node that runs the image encoder on reference pictures."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import torch
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...attention.reference.embeds import Embeds, stacked
from ...attention.reference.square import AS_TRAINED, SQUARE_FITS
from ...face.value import FaceBatch
from .. import wires
from ..page.description import described


class EncodeReference(io.ComfyNode):
    """Turns reference pictures into embeds, together with those of 'no reference', and shows what the encoder sees."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessEncodeReference",
            display_name="Encode Reference",
            category="likeness/reference",
            description=described(cls),
            search_aliases=["ipadapter encoder", "clip vision encode", "image embeds", "reference", "instantstyle"],
            inputs=[
                wires.AdapterWire.Input("adapter", tooltip="The adapter that the embeds are for."),
                io.Image.Input("image", optional=True, tooltip="The reference: one picture or several, of any size."),
                io.Combo.Input(
                    "fit",
                    optional=True,
                    options=[AS_TRAINED, *SQUARE_FITS],
                    default=AS_TRAINED,
                    tooltip="How a picture becomes the encoder's square. as trained: the way of the adapter's authors, "
                    "crop for all but InstantX's two. crop: its centre. pad: all of it, on the mean colour. pad edge: all "
                    "of it, edges repeated. squash: all of it, distorted. resize twice: squash after InstantX's two steps.",
                ),
                io.Int.Input(
                    "tiles",
                    optional=True,
                    default=0,
                    min=0,
                    max=8,
                    advanced=True,
                    tooltip="Also encode close-ups: squares that cover the whole picture, this many along its short "
                    "side. For large and for wide or tall pictures. They act as further pictures; 0 is off.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="The image encoder the adapter was made for. Not needed when the loader has one.",
                ),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Which part of the reference counts: 1 yes, 0 becomes the mean colour.",
                ),
                wires.FacesWire.Input(
                    "faces",
                    optional=True,
                    tooltip="In place of 'image', for FaceID, PuLID and other adapters that read a face: from Choose Face or "
                    "Embed Faces. 'fit', 'tiles' and 'mask' do not act on faces.",
                ),
                io.String.Input(
                    "subtract_text",
                    optional=True,
                    default="",
                    advanced=True,
                    placeholder="a cat",
                    tooltip="What the pictures show, to keep their style without it: its embedding in the same CLIP is "
                    "taken from theirs. Needs 'clip', and an adapter that reads the pooled output. Empty: off.",
                ),
                io.Float.Input(
                    "subtract_strength",
                    optional=True,
                    default=1.0,
                    min=0.0,
                    max=5.0,
                    step=0.05,
                    advanced=True,
                    tooltip="How much of the text is taken away. 1 as InstantStyle's authors, 0 is off.",
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="For 'subtract_text': the text encoder of the image encoder's own CLIP. SDXL's for ViT-bigG, "
                    "SD2's for ViT-H.",
                ),
            ],
            outputs=[
                wires.EmbedsWire.Output("embeds", tooltip="What the encoder saw in the pictures."),
                wires.EmbedsWire.Output(
                    "negative_embeds", tooltip="The adapter's own 'no reference', as its authors make it."
                ),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        adapter: wires.LoadedAdapter,
        image: Tensor | None = None,
        fit: str = AS_TRAINED,
        tiles: int = 0,
        clip_vision: Any | None = None,
        mask: Tensor | None = None,
        faces: FaceBatch | None = None,
        subtract_text: str = "",
        subtract_strength: float = 1.0,
        clip: Any | None = None,
    ) -> io.NodeOutput:
        from ...attention.branch.build import unconditional
        from ...attention.reference.encode import encode
        from ...attention.reference.tiles import with_tiles
        from ..files.encoder import encoder_for
        from ..page.show import shown
        from ..people.face_reference import check_reads

        subtracts = subtract_strength != 0 and bool(subtract_text.strip())
        if image is None or faces is not None:
            if subtracts:
                raise ValueError(
                    "'subtract_text' acts on 'image', not on 'faces': a face has no counterpart in a text. Empty it."
                )
            return _of_faces(cls, adapter, image, faces, clip_vision)
        check_reads(adapter.adapter, "image")
        encoder = encoder_for(adapter, clip_vision)
        shots = with_tiles(image, mask, tiles)
        size, fit = adapter.adapter.picture_size, adapter.adapter.fit if fit == AS_TRAINED else fit
        embeds = stacked([encode(encoder, pictures, fit, masks, size) for pictures, masks in shots])
        if subtracts:
            embeds = _without(adapter, embeds, encoder, clip, subtract_text, subtract_strength)
        adapter.adapter.check(embeds)
        pictures, different = _different(encoder, shots, fit, size)
        count = sum(len(given) for given, _ in shots)
        text = f"{count} pictures, {different} of them different" if different < count else ""
        return shown(cls, text, pictures, embeds, unconditional(adapter.adapter, encoder, embeds), of=different)


def _without(
    loaded: wires.LoadedAdapter, embeds: Embeds, encoder: Any, clip: Any | None, text: str, strength: float
) -> Embeds:
    """The embeds without a text. Raises ValueError for an adapter that reads what no text has."""
    from ...attention.reference.encode import describe
    from ...attention.reference.text_embeds import POOLED, without_text

    read = loaded.adapter.identity.variant.encoder_feature
    if read != POOLED:
        raise ValueError(
            f"'{loaded.adapter.name}' is {loaded.adapter.label}, which reads the encoder's {read}: a text has no "
            f"counterpart of those. Empty 'subtract_text', or use an adapter that reads {POOLED}, as standard ones do."
        )
    return without_text(embeds, describe(encoder), clip, text, strength)


def _of_faces(
    node: type[EncodeReference],
    loaded: wires.LoadedAdapter,
    image: Tensor | None,
    faces: FaceBatch | None,
    clip_vision: Any | None,
) -> io.NodeOutput:
    """The embeds of faces. Raises ValueError unless they are the one reference, and the adapter reads faces."""
    from ...attention.branch.build import unconditional
    from ..files.encoder import encoder_for
    from ..page.notice import noted
    from ..people.face_reference import check_reads, embeds_of_faces

    if faces is None or image is not None:
        raise ValueError(
            "Encode Reference takes its reference from one of 'image' and 'faces'; connected: "
            f"{'both' if faces is not None else 'none'}."
        )
    check_reads(loaded.adapter, "faces")
    encoder = encoder_for(loaded, clip_vision) if loaded.adapter.identity.variant.encoder_feature else None
    embeds = embeds_of_faces(loaded.adapter, faces, encoder, any_recogniser=False)
    text = f"the faces of {embeds.count} photos: {' and '.join(embeds.names)}"
    return noted(node, text, embeds, unconditional(loaded.adapter, encoder, embeds))


def _different(
    encoder: Any, shots: list[tuple[Tensor, Tensor | None]], fit: str, size: int | None
) -> tuple[Tensor, int]:
    """What the encoder sees of the first pictures, each different one once, and how many different ones there are."""
    from ...attention.inputs import at
    from ...attention.reference.encode import keys_of, seen
    from ..page.show import MOST

    first: dict[Hashable, tuple[Tensor, Tensor | None]] = {}
    for pictures, masks in shots:
        for i, key in enumerate(keys_of(pictures, fit, masks)):
            first.setdefault(key, (pictures[i][None], None if masks is None else at(masks, i)[None]))
    few = list(first.values())[:MOST]
    return torch.cat([seen(encoder, picture, fit, mask, size) for picture, mask in few]), len(first)


NODES = [EncodeReference]
