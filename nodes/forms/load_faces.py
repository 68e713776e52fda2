"""The node that reads faces from a file."""

from __future__ import annotations

from typing import Any

from comfy_api.v0_0_2 import io

from .. import wires
from ..files.saved_files import FACES


class LoadFaces(io.ComfyNode):
    """Reads faces from a file that Save Faces wrote: neither the photo nor the face models are needed any more."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessLoadFaces",
            display_name="Load Faces",
            category="likeness/face",
            description=cls.__doc__ or "",
            search_aliases=["import faces", "load face embedding", "face file", "load identity"],
            inputs=[
                io.Combo.Input(
                    "file",
                    options=FACES.listed(),
                    tooltip="A file of Save Faces, in ComfyUI's input or output folder.",
                ),
                wires.AdapterWire.Input(
                    "adapter",
                    optional=True,
                    tooltip="The adapter they are meant for: faces that lack what it reads are refused here.",
                ),
            ],
            outputs=[
                wires.FacesWire.Output(
                    "faces", tooltip="The faces as they were saved: for every node that takes faces but no photo."
                )
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def fingerprint_inputs(cls, file: str, **_: Any) -> str:
        from ...attention.files.sha256 import sha256_of

        return sha256_of(FACES.path_of(file))

    @classmethod
    def execute(cls, file: str, adapter: wires.LoadedAdapter | None = None) -> io.NodeOutput:
        from ...face.preview import preview
        from ..files.faces_file import load
        from ..page.show import MOST, shown
        from ..people.saved_people import check_can_be_read, summary

        faces = load(FACES.path_of(file))
        if adapter is not None:
            check_can_be_read(adapter.adapter, faces, f"'{file}'")
        return shown(cls, summary(faces), [preview(entry) for entry in faces[:MOST]], faces, of=len(faces))


NODES = [LoadFaces]
