"""The node that writes faces to a file."""

from __future__ import annotations

from comfy_api.v0_0_2 import io, ui

from ...face.align import SIZES
from ...face.square import SQUARE
from ...face.value import FaceBatch
from .. import wires
from ..files.saved_files import FACES
from ..page.notice import noted

NO_CROP = "none"


class SaveFaces(io.ComfyNode):
    """Writes faces to ComfyUI's output folder, so that they can be used again without the photo and the face models."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessSaveFaces",
            display_name="Save Faces",
            category="likeness/face",
            description=cls.__doc__ or "",
            search_aliases=["export faces", "save face embedding", "face file", "save identity"],
            inputs=[
                wires.FacesWire.Input("faces", tooltip="From Find Faces, Choose Face or Embed Faces."),
                io.String.Input(
                    "filename_prefix",
                    optional=True,
                    default="faces/likeness",
                    tooltip="Name below the output folder; a running number is added. Dates as in Save Image: %year%.",
                ),
                io.Combo.Input(
                    "crop",
                    optional=True,
                    options=[NO_CROP, *map(str, SIZES), SQUARE],
                    default=NO_CROP,
                    tooltip="Also keep each face's picture, upright, at this size: FaceID plus needs 224. 336 square: "
                    "as it lies in the photo, for Kolors FaceID plus. none keeps numbers only, which is enough for FaceID, InstantID and "
                    "keypoints.",
                ),
                wires.AdapterWire.Input(
                    "adapter",
                    optional=True,
                    tooltip="The adapter they are for: faces that lack what it reads are refused here, while the photo "
                    "is still there.",
                ),
            ],
            outputs=[wires.FacesWire.Output("saved_faces", display_name="faces", tooltip="The same faces.")],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(
        cls,
        faces: FaceBatch,
        filename_prefix: str = "faces/likeness",
        crop: str = NO_CROP,
        adapter: wires.LoadedAdapter | None = None,
    ) -> io.NodeOutput:
        from ...face.saved import without_photos
        from ..files.faces_file import save
        from ..people.saved_people import check_can_be_read, summary

        kept = without_photos(faces, int(crop) if crop.isdigit() else 0, unaligned=crop == SQUARE)
        if adapter is not None:
            check_can_be_read(adapter.adapter, kept, "the faces as they would be saved")
        file = FACES.new(filename_prefix)
        save(file.path, kept)
        text = f"{file.name}\n{summary(kept)}"
        output = noted(cls, text, faces)
        output.ui = {**ui.PreviewText(text).as_dict(), "faces": [file.shown]}
        return output


NODES = [SaveFaces]
