"""The node that picks one face of every picture, or several."""

from __future__ import annotations

from comfy_api.v0_0_2 import io

from ...face.choose import MISSING, ORDERS, choose, choose_several, numbers, skipped
from ...face.errors import missing_face
from ...face.value import Face, FaceBatch
from ..page.description import described
from ..page.notice import for_page
from ..wires import FacesWire


class ChooseFace(io.ComfyNode):
    """Picks one face of every picture, or several in an order; a batch keeps its length."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessChooseFace",
            display_name="Choose Face",
            category="likeness/face",
            description=described(cls),
            search_aliases=["select face", "pick face", "face index", "largest face", "which face"],
            inputs=[
                FacesWire.Input("faces", tooltip="From Find Faces."),
                io.Combo.Input(
                    "rule",
                    optional=True,
                    options=list(ORDERS),
                    default="largest",
                    tooltip="The order of the faces: by size, from the left, as Find Faces numbers them (by score), "
                    "from the middle of the picture, or by likeness to the face at 'like'.",
                ),
                io.Int.Input(
                    "index",
                    optional=True,
                    default=0,
                    min=0,
                    max=999,
                    tooltip="Which one in that order, counted from 0: the first is 0. The node shows it as 'number', which "
                    "counts from 1.",
                ),
                io.Combo.Input(
                    "missing",
                    optional=True,
                    options=list(MISSING),
                    default="error",
                    advanced=True,
                    tooltip="What to do with a picture that has no such face: stop and name it, or leave its place "
                    "empty and report it.",
                ),
                FacesWire.Input(
                    "like", optional=True, tooltip="For the rule 'most like': the face to look for (its largest)."
                ),
                io.String.Input(
                    "several",
                    optional=True,
                    default="",
                    advanced=True,
                    tooltip="Several faces of each picture, by their numbers in the preview (the first is 1), in the order "
                    "in which they go on: '3, 1'. Used instead of 'rule' and 'index'. A click with Ctrl writes it.",
                ),
            ],
            outputs=[FacesWire.Output("faces", tooltip="One face of every picture, or those that 'several' lists.")],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        faces: FaceBatch,
        rule: str = "largest",
        index: int = 0,
        missing: str = "error",
        like: FaceBatch | None = None,
        several: str = "",
    ) -> io.NodeOutput:
        from ...face.person_numbers import keeping_numbers
        from ...face.preview import preview
        from ..page.face_notes import quality_lines
        from ..page.pickable_faces import pickable
        from ..page.show import shown

        wanted = numbers(several)
        if wanted:
            chosen = choose_several(faces, wanted, missing)
            how = f"number {', '.join(map(str, wanted))}"
        else:
            chosen = choose(faces, rule, index, _wanted(like), missing)
            how = f"{rule}, number {index + 1}"
        kept = sum(bool(entry.faces) for entry in chosen)
        lines = [
            f"{kept} of {len(chosen)} pictures have a face: {how}",
            *skipped(chosen),
            *quality_lines(numbered := keeping_numbers(faces, chosen)),
        ]
        output = shown(cls, "\n".join(lines), [preview(entry) for entry in numbered], numbered)
        return for_page(output, faces=pickable(faces, chosen))


def _wanted(like: FaceBatch | None) -> Face | None:
    if like is None:
        return None
    faces = [face for entry in like for face in entry.faces]
    if not faces:
        raise missing_face("the photo of 'like'")
    return max(faces, key=lambda face: face.area)


NODES = [ChooseFace]
