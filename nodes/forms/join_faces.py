"""The node that puts the faces of several photos into one batch."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...face.value import FaceBatch, PictureFaces
from ..page.description import described
from ..page.growing import check_none_beyond
from ..page.notice import noted
from ..wires import FacesWire

MOST = 50


class JoinFaces(io.ComfyNode):
    """Puts the faces of several photos together: from several Find Faces, from a list or a folder of photos, and from files.
    The photos may have any sizes and none is cropped. Embed Faces then makes one identity of them."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        template = io.Autogrow.TemplatePrefix(
            FacesWire.Input("faces", tooltip="From Find Faces, Choose Face or Load Faces."),
            prefix="faces",
            min=0,  # the first one may be muted as well
            max=MOST,
        )
        return io.Schema(
            node_id="LikenessJoinFaces",
            display_name="Join Faces",
            category="likeness/face",
            description=described(cls),
            search_aliases=["batch faces", "combine faces", "merge faces", "several photos", "face list"],
            is_input_list=True,
            inputs=[
                io.Autogrow.Input(
                    "faces",
                    template=template,
                    tooltip="Faces of one or more photos; a new input appears with each that is connected. A list, such as "
                    "Find Faces gives for a folder of photos, is joined whole.",
                )
            ],
            outputs=[
                FacesWire.Output(
                    "faces",
                    tooltip="The faces of all photos in the order of the inputs, one picture for each photo: for Embed Faces "
                    "(one person), or with masks for Apply InstantID (one person in each photo).",
                )
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(cls, faces: dict[str, list[FaceBatch]], **beyond: object) -> io.NodeOutput:
        from ...face.join import joined

        check_none_beyond(beyond, MOST, "Join some of them with another Join Faces first.")
        batch = joined([each for listed in faces.values() for each in listed])
        return noted(cls, "\n".join([_summary(batch), *_empty(batch)]), batch)


def _summary(batch: FaceBatch) -> str:
    faces = sum(len(entry.faces) for entry in batch)
    photos = "1 photo" if len(batch) == 1 else f"{len(batch)} photos"
    return f"{photos}, {'1 face' if faces == 1 else f'{faces} faces'}"


def _empty(batch: FaceBatch) -> list[str]:
    return [f"{_name(entry)}: no face" for entry in batch if not entry.faces]


def _name(entry: PictureFaces) -> str:
    width, height = entry.picture.size
    return f"{entry.picture.name} ({width}x{height})"


NODES = [JoinFaces]
