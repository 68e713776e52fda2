"""The node that reads embeds from a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.v0_0_2 import io

from ...attention.reference.embeds_file import SavedEmbeds, load
from .. import wires
from ..files.saved_files import EMBEDS
from ..page.description import described
from ..page.notice import noted

if TYPE_CHECKING:
    from ...attention.adapter.adapter import Adapter


class LoadEmbeds(io.ComfyNode):
    """Reads embeds from a file that Save Embeds wrote: neither the picture nor its encoder is needed any more."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessLoadEmbeds",
            display_name="Load Embeds",
            category="likeness/reference",
            description=described(cls),
            search_aliases=["ipadapter load embeds", "import embeds", "load reference"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=EMBEDS.listed(),
                    tooltip="A file of Save Embeds or an .ipadpt file, in ComfyUI's input or output folder.",
                ),
                wires.AdapterWire.Input(
                    "adapter",
                    optional=True,
                    tooltip="The adapter they are meant for: a file that does not fit it is refused here.",
                ),
            ],
            outputs=[wires.EmbedsWire.Output("embeds", tooltip="For Apply IP-Adapter or Combine Embeds.")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def fingerprint_inputs(cls, file: str, **_: Any) -> str:
        from ...attention.files.sha256 import sha256_of

        return sha256_of(EMBEDS.path_of(file))

    @classmethod
    def execute(cls, file: str, adapter: wires.LoadedAdapter | None = None) -> io.NodeOutput:
        saved = load(EMBEDS.path_of(file))
        lines = [_summary(saved)]
        if adapter is not None:
            _check(file, saved, adapter.adapter)
            lines += _other_adapter(saved, adapter.adapter)
        return noted(cls, "\n".join(lines), saved.embeds)


def _summary(saved: SavedEmbeds) -> str:
    embeds = saved.embeds
    text = f"{embeds.count} of {' and '.join(embeds.names)}"
    if embeds.encoder:
        text += f", {embeds.encoder}"
    return f"{text}\nsaved for {saved.made_for.name}" if saved.made_for else text


def _check(file: str, saved: SavedEmbeds, adapter: Adapter) -> None:
    """Raise ValueError naming both sides when the adapter cannot read these embeds."""
    embeds = saved.embeds
    found = {name: embeds.feature(name).shape[-1] for name in embeds.names}
    wanted = {name: adapter.feature_width(name) for name in adapter.features}
    if any(found.get(name) != width for name, width in wanted.items()):
        raise ValueError(
            f"'{file}' contains {_widths(found)}{f' from {embeds.encoder}' if embeds.encoder else ''}; "
            f"'{adapter.name}' ({adapter.label}) reads {_widths(wanted)}. Load embeds that were made for it."
        )


def _widths(features: dict[str, int]) -> str:
    return " and ".join(f"{name} of width {width}" for name, width in features.items())


def _other_adapter(saved: SavedEmbeds, adapter: Adapter) -> list[str]:
    """A line when they were saved for another file, which is no fault: embeds come before any projection."""
    from ...attention.files.sha256 import sha256_of

    made_for = saved.made_for
    if made_for is None or made_for.sha256 == sha256_of(adapter.path):
        return []
    return [f"used with {adapter.name}, which reads the same features"]


NODES = [LoadEmbeds]
