"""The node that repaints each face of a picture by itself, large, and puts it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import comfy.samplers
import torch
from comfy.model_patcher import ModelPatcher
from comfy_api.v0_0_2 import io
from torch import Tensor

from ...attention.models.families import LATENT_CELL
from ...face.choose import MISSING
from ...face.errors import SKIP_IT, missing_face
from ...face.value import FaceBatch, PictureFaces, Pixels
from ..page.description import described
from ..page.progress import ticker
from ..page.sliders import SLIDER
from ..wires import FaceModelsWire, FacesWire

if TYPE_CHECKING:
    from ...attention.identitynet.apply import Conditioning
    from ...face.models import FaceModels


class RefineFaces(io.ComfyNode):
    """Repaints each face of a picture at a size at which the model paints faces well, keeping the person that the model is
    steered to, and blends it back in with a soft edge. The remedy for small faces."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessRefineFaces",
            display_name="Refine Faces",
            category="likeness/face",
            description=described(cls),
            search_aliases=["face detailer", "facedetailer", "fix faces", "face restore", "refine face"],
            inputs=[
                io.Image.Input("image", tooltip="The pictures whose faces to repaint. The batch keeps its length."),
                io.Model.Input(
                    "model",
                    tooltip="The model, steered to the person by Apply InstantID or Apply IP-Adapter. Masks of several "
                    "people are cropped to each face.",
                ),
                io.Conditioning.Input(
                    "positive", tooltip="The prompt. IdentityNets on it get each face's own keypoints."
                ),
                io.Conditioning.Input("negative", tooltip="The negative prompt."),
                io.Vae.Input("vae", tooltip="The model's VAE."),
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="The seed of the first face; each further face takes the next one.",
                ),
                io.Float.Input(
                    "denoise",
                    default=0.35,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    display_mode=SLIDER,
                    tooltip="How strongly a face is repainted. 0.3 to 0.45 keeps pose and light and mends the rest.",
                ),
                io.Int.Input("steps", optional=True, default=20, min=1, max=10000, tooltip="Sampling steps per face."),
                io.Float.Input(
                    "cfg",
                    optional=True,
                    default=5.0,
                    min=0.0,
                    max=100.0,
                    step=0.1,
                    tooltip="How closely to follow the prompt. 4 to 5 with InstantID.",
                ),
                io.Combo.Input(
                    "sampler_name",
                    optional=True,
                    options=comfy.samplers.SAMPLER_NAMES,
                    default="euler",
                    tooltip="The sampler, as on KSampler.",
                ),
                io.Combo.Input(
                    "scheduler",
                    optional=True,
                    options=comfy.samplers.SCHEDULER_NAMES,
                    default="normal",
                    tooltip="The noise schedule, as on KSampler.",
                ),
                io.Int.Input(
                    "resolution",
                    optional=True,
                    default=1024,
                    min=64,
                    max=4096,
                    step=LATENT_CELL,
                    tooltip="Side of the square in which a face is repainted: 1024 for SDXL, 512 for SD1.5.",
                ),
                io.Float.Input(
                    "context",
                    optional=True,
                    default=2.0,
                    min=1.0,
                    max=10.0,
                    step=0.05,
                    tooltip="Side of the square as a multiple of the face: how much around it the model sees.",
                ),
                io.Float.Input(
                    "feather",
                    optional=True,
                    default=0.15,
                    min=0.0,
                    max=0.5,
                    step=0.01,
                    display_mode=SLIDER,
                    tooltip="Width of the soft edge, as a fraction of the square's side.",
                ),
                io.Combo.Input(
                    "missing",
                    optional=True,
                    options=list(MISSING),
                    default=MISSING[0],
                    tooltip="What to do with a picture without a face: stop and name it, or leave it as it is.",
                ),
                FaceModelsWire.Input(
                    "face_models", optional=True, tooltip="From Load Face Models: every face it finds is repainted."
                ),
                FacesWire.Input(
                    "faces",
                    optional=True,
                    tooltip="Instead: the faces to repaint in these same pictures, from Find Faces or Choose Face.",
                ),
            ],
            outputs=[
                io.Image.Output("image", tooltip="The pictures with their faces repainted."),
                io.Mask.Output("mask", tooltip="Where each picture was repainted."),
            ],
            hidden=[io.Hidden.unique_id],
            has_intermediate_output=True,
        )

    @classmethod
    def execute(
        cls,
        image: Tensor,
        model: ModelPatcher,
        positive: Conditioning,
        negative: Conditioning,
        vae: Any,
        seed: int = 0,
        denoise: float = 0.35,
        steps: int = 20,
        cfg: float = 5.0,
        sampler_name: str = "euler",
        scheduler: str = "normal",
        resolution: int = 1024,
        context: float = 2.0,
        feather: float = 0.15,
        missing: str = MISSING[0],
        face_models: FaceModels | None = None,
        faces: FaceBatch | None = None,
    ) -> io.NodeOutput:
        from ..page.show import shown
        from ..people.repaint import Painter, Repaint

        batch = _faces(image, face_models, faces)
        skipped = _check(batch, missing)
        painter = Painter(model, positive, negative, vae, steps, cfg, sampler_name, scheduler, denoise)
        cell: int = vae.spacial_compression_encode()
        repaint = Repaint(max(resolution // cell, 1) * cell, context, feather)
        listed = [(i, face) for i, entry in enumerate(batch) for face in entry.faces]
        tick = ticker()
        out, masks = list(image[..., :3].expand(-1, -1, -1, 3)), [torch.zeros(image.shape[1:3]) for _ in image]
        compared: list[Pixels] = []
        for number, (i, face) in enumerate(listed):

            def progress(step: int, number: int = number) -> None:
                tick(number * steps + step, len(listed) * steps)

            done = repaint.face(out[i], i, face, painter.seeded(seed + number, progress))
            out[i], masks[i] = done.picture, torch.maximum(masks[i], done.mask)
            compared.append(done.compared)
        lines = [f"{entry.picture.name}: {_count(entry)} repainted" for entry in batch if entry.faces]
        return shown(cls, "\n".join([*lines, *skipped]), compared, torch.stack(out), torch.stack(masks))


def _faces(image: Tensor, face_models: FaceModels | None, faces: FaceBatch | None) -> FaceBatch:
    """The faces of every picture, found or given. Raises ValueError when they are not of these pictures."""
    from ...face.detect import Settings, find, ladder
    from ...face.picture import pictures

    shots = pictures(image)
    if (face_models is None) == (faces is None):
        raise ValueError(
            "Refine Faces needs either 'face_models', to find the faces, or 'faces' that were already found."
        )
    if face_models is not None:
        return find(face_models, shots, Settings(ladder(640)), ticker())
    assert faces is not None
    if [entry.picture.size for entry in faces] != [shot.size for shot in shots]:
        raise ValueError(
            f"'faces' are of {len(faces)} pictures of {faces[0].picture.size if faces else 'no size'}, but 'image' has "
            f"{len(shots)} of {shots[0].size}. Find the faces in the pictures that you want to refine."
        )
    return faces


def _check(batch: FaceBatch, missing: str) -> list[str]:
    """A line for each picture without a face. Raises MissingFace that names them, unless they are to be skipped."""
    empty = [entry.picture.name for entry in batch if not entry.faces]
    if empty and missing != "skip":
        raise missing_face(
            ", ".join(empty), SKIP_IT, " To have a threshold of your own, connect a Find Faces to 'faces'."
        )
    return [f"{name}: no face, left as it is" for name in empty]


def _count(entry: PictureFaces) -> str:
    return "1 face" if len(entry.faces) == 1 else f"{len(entry.faces)} faces"


NODES = [RefineFaces]
