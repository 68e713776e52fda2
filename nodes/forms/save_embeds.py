"""The node that writes embeds to a file."""

from __future__ import annotations

from comfy_api.v0_0_2 import io, ui

from ...attention.reference.embeds import Embeds
from ...attention.reference.embeds_file import save
from .. import wires
from ..files.saved_files import EMBEDS
from ..page.description import described
from ..page.notice import noted


class SaveEmbeds(io.ComfyNode):
    """Writes embeds to ComfyUI's output folder, so that they can be used again without the picture and its encoder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessSaveEmbeds",
            display_name="Save Embeds",
            category="likeness/reference",
            description=described(cls),
            search_aliases=["ipadapter save embeds", "export embeds", "save reference"],
            inputs=[
                wires.EmbedsWire.Input("embeds", tooltip="From Encode Reference or Combine Embeds."),
                io.String.Input(
                    "filename_prefix",
                    optional=True,
                    default="embeds/likeness",
                    tooltip="Name within the output folder; a running number is added. Dates as in Save Image: %year%.",
                ),
                wires.AdapterWire.Input(
                    "adapter",
                    optional=True,
                    tooltip="The adapter they are for: its name and hash are recorded in the file, and the embeds are checked "
                    "against it.",
                ),
            ],
            outputs=[wires.EmbedsWire.Output("saved_embeds", display_name="embeds", tooltip="The same embeds.")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        embeds: Embeds,
        filename_prefix: str = "embeds/likeness",
        adapter: wires.LoadedAdapter | None = None,
    ) -> io.NodeOutput:
        if adapter is not None:
            adapter.adapter.check(embeds)
        file = EMBEDS.new(filename_prefix)
        save(file.path, embeds, adapter.adapter.made_for if adapter else None)
        text = f"{file.name}\n{embeds.count} of {' and '.join(embeds.names)}"
        output = noted(cls, text, embeds)
        output.ui = {**ui.PreviewText(text).as_dict(), "embeds": [file.shown]}
        return output


NODES = [SaveEmbeds]
