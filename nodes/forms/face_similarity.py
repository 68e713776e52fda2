"""The node that says how alike two people are, and how much a picture copies its reference."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...face.align import can_crop, crop
from ...face.choose import choose
from ...face.value import Face, FaceBatch
from ..page.description import described
from ..wires import FacesWire

CROP = 224


class FaceSimilarity(io.ComfyNode):
    """Compares the largest faces of two pictures; with another photo of the same person it also says how much the
    picture copies its reference."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessFaceSimilarity",
            display_name="Face Similarity",
            category="likeness/face",
            description=described(cls),
            search_aliases=["face distance", "compare faces", "face similarity", "copy paste", "identity score"],
            inputs=[
                FacesWire.Input("faces", tooltip="From Find Faces: of the picture to judge."),
                FacesWire.Input(
                    "reference", tooltip="From Find Faces: of the photo it was made from, or to compare with."
                ),
                FacesWire.Input(
                    "truth",
                    optional=True,
                    tooltip="Another photo of the same person. A good likeness is close to it too; a copy is close only to "
                    "the reference (MultiID-Bench's copy-paste measure).",
                ),
            ],
            outputs=[
                io.Float.Output(
                    "similarity", tooltip="Cosine, -1 to 1: same person above about 0.5, others below 0.35."
                ),
                io.Float.Output("copy_paste", tooltip="1 copies the reference, 0 or less does not; 0 without 'truth'."),
                io.String.Output("text", tooltip="The numbers in words, with all faces of both pictures."),
            ],
            hidden=[io.Hidden.unique_id],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, faces: FaceBatch, reference: FaceBatch, truth: FaceBatch | None = None) -> io.NodeOutput:
        from ...face.similarity import copy_paste, cosine
        from ..page.show import shown

        judged, source = _largest(faces), _largest(reference)
        photo = _largest(truth) if truth is not None else None
        alike, copied = cosine(judged, source), 0.0
        lines = [f"similarity {alike:.3f} (same person above about 0.5, different people below 0.35)"]
        if photo is not None:
            copied = copy_paste(judged, source, photo)
            lines.append(
                f"to the other photo {cosine(judged, photo):.3f}, both photos {cosine(source, photo):.3f}; "
                f"copy-paste {copied:.3f} (1 copies the reference, less is better)"
            )
        lines += _all_pairs(faces, reference)
        lines.append(_caution(judged))
        compared = [face for face in (judged, source, photo) if face is not None]
        crops = [crop(face, CROP) for face in compared if can_crop(face, CROP)]
        text = "\n".join(lines)
        return shown(cls, text, crops, alike, copied, text)


def _largest(batch: FaceBatch) -> Face:
    """Of the first picture, as everywhere."""
    return choose(batch[:1])[0].faces[0]


def _all_pairs(faces: FaceBatch, reference: FaceBatch) -> list[str]:
    from ...face.similarity import similarities

    table = similarities(faces, reference)
    if table.size == 1:
        return []
    rows = [f"{i}: " + " ".join(f"{value:5.2f}" for value in row) for i, row in enumerate(table)]
    return ["all faces (rows) with all of the reference (columns):", *rows]


def _caution(face: Face) -> str:
    from ...attention.adapter.variants import VARIANTS

    methods = [variant.label for variant in VARIANTS if variant.recogniser == face.recogniser]
    if not methods:
        return f"measured with {face.recogniser}"
    return (
        f"measured with {face.recogniser}, which steers {', '.join(methods)}: a picture made so scores too well here; "
        "judge it with another pack"
    )


NODES = [FaceSimilarity]
