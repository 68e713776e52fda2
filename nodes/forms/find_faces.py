"""The node that finds every face of every picture and shows them numbered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from comfy_api.v0_0_2 import io
from torch import Tensor

from ...face.value import FaceBatch, PictureFaces
from ..page.description import described
from ..page.notice import for_page
from ..page.progress import ticker
from ..page.sliders import SLIDER
from ..wires import FaceModelsWire, FacesWire, LandmarksWire

if TYPE_CHECKING:
    from ...face.models import FaceModels


class FindFaces(io.ComfyNode):
    """Finds every face with its box, five keypoints and score, and computes the embedding that tells who it is."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessFindFaces",
            display_name="Find Faces",
            category="likeness/face",
            description=described(cls),
            search_aliases=["face detection", "detect faces", "face analysis"],
            inputs=[
                io.Image.Input(
                    "image",
                    tooltip="The pictures to search. A batch keeps its length. For photos of unlike sizes use one Find Faces "
                    "each, or a list, and Join Faces.",
                ),
                FaceModelsWire.Input(
                    "face_models",
                    optional=True,
                    tooltip="From Load Face Models. With 'landmarks' it is only needed to embed.",
                ),
                LandmarksWire.Input(
                    "landmarks",
                    optional=True,
                    tooltip="From the host's Detect Face Landmarks (MediaPipe), for the same pictures: used instead of "
                    "the pack's detector. Its points differ slightly from those the recognisers were trained with.",
                ),
                io.Int.Input(
                    "size",
                    optional=True,
                    default=640,
                    min=128,
                    max=2560,
                    step=32,
                    tooltip="The size the detector tries first. 640 is what the reference code uses; more finds tiny "
                    "faces beside large ones. If it finds none, it tries 512, 448 and so on down to 128, then the photo "
                    "turned, then 1280 and 2560 in a photo that large.",
                ),
                io.Float.Input(
                    "threshold",
                    optional=True,
                    default=0.5,
                    min=0.05,
                    max=1.0,
                    step=0.01,
                    display_mode=SLIDER,
                    tooltip="How sure the detector must be. Lower finds covered faces, and things that are not faces.",
                ),
                io.Boolean.Input(
                    "margin",
                    optional=True,
                    default=True,
                    advanced=True,
                    tooltip="If no size finds a face, try again with a black margin around the picture: for close-ups.",
                ),
                io.Boolean.Input(
                    "refine",
                    optional=True,
                    default=False,
                    advanced=True,
                    tooltip="Look at each face again in a crop where it is large: keypoints depend less on the size "
                    "of the face. The reference code does not do this.",
                ),
                io.Boolean.Input(
                    "embed",
                    optional=True,
                    default=True,
                    advanced=True,
                    tooltip="Also compute each face's embedding, which FaceID, InstantID and comparing faces need.",
                ),
            ],
            outputs=[
                FacesWire.Output("faces", tooltip="The faces of every picture, best score first."),
                io.Int.Output("count", tooltip="How many faces there are in all pictures together."),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        face_models: FaceModels | None = None,
        landmarks: Mapping[str, Any] | None = None,
        size: int = 640,
        threshold: float = 0.5,
        margin: bool = True,
        refine: bool = False,
        embed: bool = True,
    ) -> io.NodeOutput:
        from ...face.detect import Settings, find, ladder
        from ...face.embed import embed_batch
        from ...face.landmarks import faces_from_landmarks
        from ...face.picture import pictures
        from ...face.preview import preview
        from ..page.badges import faces_badges
        from ..page.face_notes import quality_badges, quality_lines
        from ..page.pickable_faces import pickable
        from ..page.show import shown

        shots = pictures(image)
        if landmarks is not None:
            found = faces_from_landmarks(landmarks, shots)
        elif face_models is not None:
            found = find(face_models, shots, Settings(ladder(size), threshold, margin, refine), ticker())
        else:
            raise ValueError("Find Faces needs 'face_models' (Load Face Models) or 'landmarks' (MediaPipe).")
        lines = [_line(entry) for entry in found]
        if embed and face_models is not None:
            found = embed_batch(face_models, found, ticker())
        elif embed:
            lines.append("not embedded: no face models are connected")
        lines += quality_lines(found)
        output = shown(cls, "\n".join(lines), [preview(entry) for entry in found], found, _count(found))
        return for_page(output, faces=pickable(found), badges=[*faces_badges(found), *quality_badges(found)])


def _line(entry: PictureFaces) -> str:
    """Which try found how many."""
    rungs = sorted({str(face.rung) for face in entry.faces})
    many = "1 face" if len(entry.faces) == 1 else f"{len(entry.faces)} faces"
    return f"{entry.picture.name}: {many} (at {'; '.join(rungs)})" if rungs else f"{entry.picture.name}: no face"


def _count(found: FaceBatch) -> int:
    return sum(len(entry.faces) for entry in found)


NODES = [FindFaces]
