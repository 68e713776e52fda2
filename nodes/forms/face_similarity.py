"""The node that says how alike two people are, and how much a picture copies its reference."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...face.align import can_crop, crop
from ...face.choose import MISSING, choose
from ...face.value import Face, FaceBatch
from ..page.description import described
from ..page.notice import for_page, for_page_each
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
            search_aliases=[
                "face distance",
                "compare faces",
                "face similarity",
                "copy paste",
                "identity score",
                "weak likeness",
            ],
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
                io.Combo.Input(
                    "missing",
                    optional=True,
                    options=list(MISSING),
                    default="error",
                    advanced=True,
                    tooltip="What to do where the picture to judge has no face: stop and name it, or say so and give 0. "
                    "Further pictures of a batch are always passed over.",
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
    def execute(
        cls, faces: FaceBatch, reference: FaceBatch, truth: FaceBatch | None = None, missing: str = "error"
    ) -> io.NodeOutput:
        from ...face.similarity import OTHER, SAME, copy_paste, cosine
        from ..page.face_pairs import pairs, people_pairs
        from ..page.show import shown
        from ..people.comparison import caution

        source = _largest(reference)
        photo = _largest(truth) if truth is not None else None
        chosen = (*choose(faces[:1], missing=missing), *choose(faces[1:], missing="skip"))
        judged = [(entry.picture.name, entry.faces[0] if entry.faces else None) for entry in chosen]
        scores = [None if face is None else cosine(face, source) for _, face in judged]
        lines = [_said(name if len(judged) > 1 else "", score) for (name, _), score in zip(judged, scores, strict=True)]
        if any(score is not None for score in scores):
            lines.append(f"(same person above about {SAME}, different people below {OTHER})")
        first, copied = judged[0][1], 0.0
        if photo is not None and first is not None:
            copied = copy_paste(first, source, photo)
            lines.append(
                f"to the other photo {cosine(first, photo):.3f}, both photos {cosine(source, photo):.3f}; "
                f"copy-paste {copied:.3f} (1 copies the reference, less is better)"
            )
        lines += [*_all_pairs(faces, reference), caution(source.recogniser)]
        compared = [face for face in (first, source, photo) if face is not None]
        crops = [crop(face, CROP) for face in compared if can_crop(face, CROP)]
        text = "\n".join(lines)
        output = shown(cls, text, crops, scores[0] or 0.0, copied, text)
        people, bounds = reference[0].faces, (OTHER, SAME)
        if len(people) > 1 and all(
            face.number for face in people
        ):  # several were chosen: each with who is most like them
            return for_page_each(output, match=people_pairs(faces[0].faces, people, bounds))
        return for_page(output, match=pairs(judged, scores, source, bounds))


def _said(name: str, score: float | None) -> str:
    """One line for a picture, with its name where there are several."""
    return f"{name}: ".lstrip(": ") + ("no face" if score is None else f"similarity {score:.3f}")


def _largest(batch: FaceBatch) -> Face:
    """Of the first picture, as everywhere."""
    return choose(batch[:1])[0].faces[0]


def _all_pairs(faces: FaceBatch, reference: FaceBatch) -> list[str]:
    from ...face.similarity import similarities

    table = similarities(faces, reference)
    if table.size <= 1:
        return []
    rows = [f"{i}: " + " ".join(f"{value:5.2f}" for value in row) for i, row in enumerate(table)]
    return ["all faces (rows) with all of the reference (columns):", *rows]


NODES = [FaceSimilarity]
