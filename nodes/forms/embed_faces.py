"""The node that turns photos of one person into one embedding and upright crops."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from comfy_api.v0_0_2 import io

from ...face.align import SIZES, can_crop, crop
from ...face.average import AVERAGES, Average, average
from ...face.choose import choose
from ...face.value import Face, FaceBatch, PictureFaces
from ..page.description import described
from ..page.progress import ticker
from ..page.sliders import SLIDER
from ..wires import FaceModelsWire, FacesWire

if TYPE_CHECKING:
    from ...face.models import FaceModels

EACH = "each alone"
OUTLIERS = ("report", "leave out")


class EmbedFaces(io.ComfyNode):
    """Combines several photos of one person into one embedding, says which photos seem to show somebody else, and outputs
    the faces upright. From a picture with several faces it takes the largest."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessEmbedFaces",
            display_name="Embed Faces",
            category="likeness/face",
            description=described(cls),
            search_aliases=[
                "same person",
                "face embedding",
                "average faces",
                "face embeds",
                "align face",
                "face crop",
            ],
            inputs=[
                FacesWire.Input(
                    "faces", tooltip="From Find Faces, Choose Face or Join Faces: one picture for each photo."
                ),
                FaceModelsWire.Input(
                    "face_models", optional=True, tooltip="Only needed for faces that are not embedded yet."
                ),
                io.Combo.Input(
                    "combine",
                    optional=True,
                    options=[*AVERAGES, EACH],
                    default="mean",
                    tooltip="mean: all photos count the same. weighted by norm: those the recogniser is sure of "
                    "count more. best photo: the one most like the others. each alone: keep one face for each picture.",
                ),
                io.Float.Input(
                    "outlier_below",
                    optional=True,
                    default=0.35,
                    min=-1.0,
                    max=1.0,
                    step=0.01,
                    display_mode=SLIDER,
                    advanced=True,
                    tooltip="A photo less like the others than this is reported. Photos of one person are usually above "
                    "0.5, of two people below 0.35.",
                ),
                io.Combo.Input(
                    "outliers",
                    optional=True,
                    options=list(OUTLIERS),
                    default=OUTLIERS[0],
                    advanced=True,
                    tooltip="Only report such photos, or leave them out as well.",
                ),
                io.Combo.Input(
                    "crop_size",
                    optional=True,
                    options=[str(size) for size in SIZES],
                    default="224",
                    advanced=True,
                    tooltip="Size of the upright crops: 224 for FaceID Plus, 336 for more detail, 256 for a wider view, "
                    "112 as the recogniser sees it.",
                ),
            ],
            outputs=[
                FacesWire.Output("faces", tooltip="One face with the combined embedding, or one for each picture."),
                io.Image.Output("crops", tooltip="The face of every picture upright, for FaceID Plus's image encoder."),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        faces: FaceBatch,
        face_models: FaceModels | None = None,
        combine: str = "mean",
        outlier_below: float = 0.35,
        outliers: str = OUTLIERS[0],
        crop_size: str = "224",
    ) -> io.NodeOutput:
        from ...face.embed import embed_batch, embeddings
        from ...face.picture import to_image
        from ..page.face_notes import quality_lines
        from ..page.show import shown

        batch = choose(faces)
        if face_models is not None:
            batch = embed_batch(face_models, batch, ticker())
        people = [entry.faces[0] for entry in batch]
        rule = "mean" if combine == EACH else combine  # alone they are still compared, to report a stranger
        combined = average(embeddings(people), rule, outlier_below, drop=outliers == OUTLIERS[1])
        result = batch if combine == EACH else _one(people, combined)
        text = "\n".join([_report(people, combined, outlier_below, outliers), *quality_lines(batch)])
        size = int(crop_size)
        if not all(can_crop(face, size) for face in people):
            from comfy_execution.graph_utils import ExecutionBlocker

            reason = f"there is no upright crop of {size} pixels in the file that a face comes from, and no photo"
            # Who combines faces from files need not want their crops: only a node that reads them stops.
            return shown(cls, f"{text}\nno crops: {reason}", [], result, ExecutionBlocker(f"Embed Faces: {reason}."))
        crops = to_image([crop(face, size) for face in people])
        return shown(cls, text, crops, result, crops)


def _one(people: list[Face], combined: Average) -> FaceBatch:
    """The face of the first photo that seems to show the person, with the combined embedding."""
    first = next((face for i, face in enumerate(people) if i not in combined.outliers), people[0])
    face = replace(first, embedding=combined.embedding)
    return (PictureFaces(face.picture, (face,)),)


def _report(people: list[Face], combined: Average, outlier_below: float, outliers: str) -> str:
    if len(people) == 1:
        return f"1 photo, {people[0].recogniser}"
    alike = ", ".join(f"{value:.2f}" for value in combined.likeness)
    lines = [f"{len(people)} photos, {people[0].recogniser}; likeness of each to the others: {alike}"]
    for i in combined.outliers:
        what = "left out" if outliers == OUTLIERS[1] and len(combined.outliers) < len(people) else "used anyway"
        name = people[i].picture.name
        lines.append(f"{name} seems to show somebody else: {combined.likeness[i]:.2f} < {outlier_below:.2f}, {what}")
    return "\n".join(lines)


NODES = [EmbedFaces]
