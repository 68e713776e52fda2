"""The node that opens an adapter file and says what it is."""

from __future__ import annotations

from typing import Any

from comfy_api.latest import io

from ..attention import checkpoint
from ..attention.adapter import Adapter
from ..attention.encode import describe
from ..attention.encoders import encoders_for
from ..attention.identify import AUTO
from ..attention.variants import VARIANTS
from . import folders, wires
from .notice import noted


class LoadIPAdapter(io.ComfyNode):
    """Opens an IP-Adapter, FaceID or InstantID adapter file and recognises it by its contents."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessLoadIPAdapter",
            display_name="Load IP-Adapter",
            category="likeness",
            description=cls.__doc__ or "",
            search_aliases=["ipadapter", "ip-adapter", "ipadapter model loader", "faceid", "instantid", "load adapter"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=folders.adapter_files(),
                    tooltip="A file in models/ipadapter or models/instantid. Its contents say what it is.",
                ),
                io.Combo.Input(
                    "kind",
                    options=[AUTO, *(variant.name for variant in VARIANTS)],
                    default=AUTO,
                    advanced=True,
                    tooltip="Only for look-alike files that were saved again (FaceID plus and its v2, InstantID and "
                    "portrait unnorm). The node asks when it needs this.",
                ),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="The image encoder to use with this adapter. Can be connected to Encode Reference or Apply "
                    "IP-Adapter instead.",
                ),
            ],
            outputs=[wires.AdapterWire.Output("adapter", tooltip="The adapter, for Encode Reference and Apply.")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def fingerprint_inputs(cls, file: str, **_: Any) -> str:
        return checkpoint.fingerprint(folders.adapter_path(file))

    @classmethod
    def execute(cls, file: str, kind: str = AUTO, clip_vision: Any | None = None) -> io.NodeOutput:
        adapter = Adapter(checkpoint.read(folders.adapter_path(file)), kind)
        return noted(cls, _summary(adapter, clip_vision), wires.LoadedAdapter(adapter, clip_vision))


def _summary(adapter: Adapter, clip_vision: Any | None) -> str:
    reads = [_feature(adapter, feature) for feature in adapter.features]
    lines = [f"{adapter.label}, known by {adapter.identity.reason}", f"reads {' and '.join(reads)}"]
    if clip_vision is not None:
        lines.append(f"with {describe(clip_vision)}")
    return "\n".join(lines)


def _feature(adapter: Adapter, feature: str) -> str:
    if feature in ("face", "unit_face"):
        return "a face embedding"
    fitting = encoders_for(feature, adapter.feature_width(feature))
    names = " or ".join(encoder.label for encoder in fitting)
    return names or f"an image encoder of width {adapter.feature_width(feature)}"


NODES = [LoadIPAdapter]
