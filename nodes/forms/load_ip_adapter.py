"""The node that opens an adapter file and says what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.v0_0_2 import io

from ...attention.adapter.variants import AUTO, VARIANTS
from .. import wires
from ..files import folders, installed
from ..page.description import described
from ..page.notice import for_page, noted
from ..page.sliders import STRENGTH

if TYPE_CHECKING:
    from ...attention.adapter.adapter import Adapter


class LoadIPAdapter(io.ComfyNode):
    """Opens an IP-Adapter, FaceID or InstantID adapter file and recognises it by its contents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessLoadIPAdapter",
            display_name="Load IP-Adapter",
            category="likeness/loaders",
            description=described(cls),
            search_aliases=[
                "ipadapter",
                "ip-adapter",
                "ipadapter model loader",
                "faceid",
                "instantid",
                "infiniteyou",
                "load adapter",
            ],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=folders.adapter_files(),
                    tooltip="A file in models/ipadapter, models/instantid or models/pulid. Its contents say what it is.",
                ),
                io.Combo.Input(
                    "kind",
                    optional=True,
                    options=[AUTO, *(variant.name for variant in VARIANTS)],
                    default=AUTO,
                    advanced=True,
                    tooltip="Only for look-alike files that were saved again (FaceID plus and its v2, InstantID and "
                    "portrait unnorm). The node asks when it needs this.",
                ),
                io.Float.Input(
                    "lora_strength",
                    optional=True,
                    default=1.0,
                    min=-2.0,
                    max=2.0,
                    step=0.01,
                    extra_dict=STRENGTH,
                    advanced=True,
                    tooltip="FaceID only: the strength of the LoRA inside the file, which Apply puts on the model. The "
                    "authors use 1. Its separate LoRA file is not needed.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="The image encoder to use with this adapter. Not connected: the one in models/clip_vision "
                    "that fits it. Can be connected to Encode Reference or Apply IP-Adapter instead.",
                ),
            ],
            outputs=[wires.AdapterWire.Output("adapter", tooltip="The adapter, for Encode Reference and Apply.")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def fingerprint_inputs(cls, file: str, **_: Any) -> str:
        from ...attention.adapter import checkpoint

        return f"{checkpoint.fingerprint(folders.adapter_path(file))} {installed.listing()}"

    @classmethod
    def execute(
        cls, file: str, kind: str = AUTO, lora_strength: float = 1.0, clip_vision: Any | None = None
    ) -> io.NodeOutput:
        from ...attention.adapter import checkpoint
        from ...attention.adapter.adapter import Adapter
        from ..page.badges import adapter_badges

        adapter = Adapter(checkpoint.read(folders.adapter_path(file)), kind)
        encoder = clip_vision if clip_vision is not None else installed.encoder_for(adapter)
        output = noted(cls, _summary(adapter, encoder), wires.LoadedAdapter(adapter, encoder, lora_strength))
        return for_page(output, badges=adapter_badges(adapter, encoder))


def _summary(adapter: Adapter, encoder: Any | None) -> str:
    from ...attention.reference.encode import describe
    from ..files.found_encoder import FoundEncoder

    reads = [_feature(adapter, feature) for feature in adapter.features]
    lines = [f"{adapter.label}, known by {adapter.identity.reason}", f"reads {' and '.join(reads)}"]
    if adapter.known:
        lines.append(
            f"it is {adapter.known.what}, trained on pictures of {adapter.known.picture} pixels: the encoder sees them so"
        )
    lines += adapter.advice
    wanted = installed.encoder_need(adapter)
    if isinstance(encoder, FoundEncoder):
        lines.append(f"with {encoder.file.outline.label}, found in models/clip_vision: {encoder.file.name}")
    elif encoder is not None:
        lines.append(f"with {describe(encoder)}")
    elif wanted is not None:
        lines.append(f"no image encoder for it is installed; it needs {wanted.described()}")
        lines += filter(None, (installed.damaged_encoders(),))
    return "\n".join(lines)


def _feature(adapter: Adapter, feature: str) -> str:
    wanted = installed.encoder_need(adapter)
    if wanted is None or feature != wanted.feature:
        return "a face embedding"
    names = " or ".join(encoder.label for encoder in wanted.published)
    return names or f"an image encoder of width {wanted.width}"


NODES = [LoadIPAdapter]
