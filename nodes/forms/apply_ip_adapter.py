"""The node that steers a model with a reference."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...attention.branch.per_picture import PER_PICTURE, REPEAT_LAST
from ...attention.reference.combine import COMBINATIONS, CONCAT, PER_FRAME, combined
from ...attention.reference.embeds import Embeds
from ...attention.reference.square import CROP
from ...face.value import FaceBatch
from .. import wires
from ..branch_settings import BranchSettings, advanced_inputs, weight_inputs, wire_inputs
from ..page.description import described
from ..page.notice import teller
from ..page.sliders import usually
from ..wires import FacesWire

if TYPE_CHECKING:
    from ...attention.adapter.adapter import Adapter
    from ...attention.adapter.key_values import Source
    from ...attention.adapter.timed import KeyValuesByTime


class ApplyIPAdapter(io.ComfyNode):
    """Steers a model with a reference: its picture becomes a second prompt next to the text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessApplyIPAdapter",
            display_name="Apply IP-Adapter",
            category="likeness/reference",
            description=described(cls),
            search_aliases=[
                "ipadapter",
                "ip-adapter",
                "image prompt",
                "style transfer",
                "reference",
                "reference image",
                "style reference",
                "faceid",
                "consistent character",
            ],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="The model to steer: SD1.5, SDXL, FLUX.1 or SD3.5 Large, whichever the adapter is for.",
                ),
                wires.AdapterWire.Input("adapter", tooltip="From Load IP-Adapter or Load by Preset."),
                *weight_inputs(
                    1.0, "0.5 to 0.8 leaves room for the text, 1 is the authors' default, below 0 steers away from it."
                ),
                io.Combo.Input(
                    "combine",
                    optional=True,
                    options=[*COMBINATIONS, PER_FRAME],
                    default=CONCAT,
                    tooltip="What several pictures become. concat: all of them act together, as the authors do. average "
                    "and the others: one mixed reference. one per frame: picture i is for picture i of the batch.",
                ),
                *advanced_inputs(),
                io.Float.Input(
                    "shortcut_scale",
                    optional=True,
                    default=1.0,
                    min=-1.0,
                    max=5.0,
                    step=0.01,
                    extra_dict=usually(0.0, 2.0),
                    advanced=True,
                    tooltip="FaceID plus v2 only: how much the picture of the face counts compared with its identity. The "
                    "authors' default is 1.",
                ),
                io.Boolean.Input(
                    "any_recogniser",
                    optional=True,
                    default=False,
                    advanced=True,
                    tooltip="Accept face embeddings of a recogniser other than the one the adapter was trained with. The face will be "
                    "another person's; for tests.",
                ),
                io.Combo.Input(
                    "short_batch",
                    optional=True,
                    options=list(PER_PICTURE),
                    default=REPEAT_LAST,
                    advanced=True,
                    tooltip="For 'one per frame' with fewer references than pictures in the batch. repeat last: the last one "
                    "is for all that follow. cycle: start again with the first. error: stop and give both numbers.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The reference. Several pictures act together as one. Or connect 'embeds'.",
                ),
                wires.EmbedsWire.Input("embeds", optional=True, tooltip="From Encode Reference, instead of 'image'."),
                FacesWire.Input(
                    "faces",
                    optional=True,
                    tooltip="From Choose Face or Embed Faces, for FaceID and the other adapters that read a face.",
                ),
                wires.EmbedsWire.Input(
                    "negative_embeds",
                    optional=True,
                    tooltip="What to steer away from. Not connected: the adapter's own 'no reference'.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="The image encoder the adapter was made for. Not needed when the loader has one.",
                ),
                *wire_inputs(),
            ],
            outputs=[io.Model.Output(tooltip="The model, steered. The one that came in is unchanged.")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        model: ModelPatcher,
        adapter: wires.LoadedAdapter,
        combine: str = CONCAT,
        shortcut_scale: float = 1.0,
        any_recogniser: bool = False,
        short_batch: str = REPEAT_LAST,
        image: Tensor | None = None,
        embeds: Embeds | None = None,
        faces: FaceBatch | None = None,
        negative_embeds: Embeds | None = None,
        clip_vision: Any | None = None,
        **settings: Any,
    ) -> io.NodeOutput:
        from ...attention.adapter.key_values import KeyValuesOnDemand
        from ...attention.adapter.lora import with_lora
        from ...attention.adapter.timed import KeyValuesByTime
        from ...attention.branch.build import unconditional
        from ...attention.branch.norm_ratios import norm_ratios
        from ...attention.models.fits import check_fits
        from ...attention.reference.encode import seen
        from ...attention.sampling.attach import attach
        from ..files.encoder import encoder_for
        from ..page.show import MOST, shown

        loaded = replace(adapter, clip_vision=clip_vision or adapter.clip_vision)
        check_fits(loaded.adapter.layers, model)
        reference = _reference(loaded, image, embeds, faces, any_recogniser)
        negative = negative_embeds or unconditional(loaded.adapter, loaded.clip_vision, reference)
        sides = [_key_values(model, loaded.adapter, side, combine, shortcut_scale) for side in (reference, negative)]
        if not any(isinstance(side, KeyValuesOnDemand | KeyValuesByTime) for side in sides):
            loaded.adapter.release()
        branch = BranchSettings(**settings).attachment(loaded.adapter, sides[0], sides[1], teller(cls))
        attachment = replace(branch, per_picture=short_batch, norms=norm_ratios(loaded.adapter, model))
        lora = with_lora(model, loaded.adapter, loaded.lora_strength)
        fit, size = loaded.adapter.fit, loaded.adapter.picture_size
        pictures = [] if image is None else seen(encoder_for(loaded, None), image[:MOST], fit, size=size)
        text = "\n".join(filter(None, (lora.note, _cropped(image) if fit == CROP else "")))
        return shown(cls, text, pictures, attach(lora.model, attachment), of=0 if image is None else len(image))


def _cropped(image: Tensor | None) -> str:
    if image is None or image.shape[1] == image.shape[2]:
        return ""
    return "the encoder sees only the centre of the reference; set 'fit' on Encode Reference to show it everything"


def _reference(
    loaded: wires.LoadedAdapter,
    image: Tensor | None,
    embeds: Embeds | None,
    faces: FaceBatch | None,
    any_recogniser: bool,
) -> Embeds:
    """The reference from the one input that is connected. Raises ValueError when it is none, several or the wrong one."""
    from ...attention.reference.encode import encode
    from ..files.encoder import encoder_for
    from ..people.face_reference import check_reads, embeds_of_faces

    inputs = {"image": image, "embeds": embeds, "faces": faces}
    given = [name for name, value in inputs.items() if value is not None]
    if len(given) != 1:
        raise ValueError(
            f"Apply IP-Adapter takes its reference from one of 'image', 'embeds' and 'faces'; "
            f"connected: {' and '.join(given) or 'none'}."
        )
    if embeds is not None:
        return embeds
    check_reads(loaded.adapter, given[0])
    encoder = encoder_for(loaded, None) if loaded.adapter.identity.variant.encoder_feature or faces is None else None
    if faces is not None:
        return embeds_of_faces(loaded.adapter, faces, encoder, any_recogniser)
    assert image is not None
    return encode(encoder, image, loaded.adapter.fit, size=loaded.adapter.picture_size)


def _key_values(
    model: ModelPatcher, adapter: Adapter, embeds: Embeds, combine: str, shortcut_scale: float
) -> Source | KeyValuesByTime:
    from ...attention.branch.build import key_values

    each = combine == PER_FRAME
    reference = embeds if each else combined(embeds, combine)
    return key_values(adapter, reference, per_frame=each, shortcut_scale=shortcut_scale, model=model)


NODES = [ApplyIPAdapter]
