"""What the demonstration is to draw with: models, photographs and settings, handed over as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..identity_models import IdentityFiles
from ..models import RealModels

Inputs = Mapping[str, object]
Node = Mapping[str, object]
"""A node of an API prompt: class_type and inputs."""

RANDOM_CAPTION = "random weights: noise is expected; this shows wiring, not quality"
PIXELS = {"sd15": 512, "sdxl": 1024}


@dataclass(frozen=True)
class Photo:
    """A photograph and the square of it that is used; left, top and width are parts of its width."""

    path: str
    left: float
    top: float
    width: float


@dataclass(frozen=True)
class IdentityModels:
    """What InstantID's part is drawn with: nodes that give MODEL, CLIP, VAE; the adapter; IdentityNet; the face models."""

    model: Node
    adapter: Node
    control_net: Node
    face_models: Node
    any_recogniser: bool
    models_text: str


@dataclass(frozen=True)
class Job:
    """Everything the client needs to know."""

    model: Node  # gives MODEL, CLIP, VAE in this order
    encoder: Node  # gives CLIP_VISION
    adapter_file: str
    photos: Mapping[str, Photo]
    pixels: int
    steps: int
    models_text: str  # one line that says which models these are
    caption: str  # empty where the pictures speak for themselves
    identity: IdentityModels | None  # None leaves InstantID's part out

    def write(self, path: Path) -> None:
        """Save as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> "Job":
        """The job `write` saved."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        photos = {name: Photo(**photo) for name, photo in fields.pop("photos").items()}
        identity = fields.pop("identity")
        return Job(photos=photos, identity=identity and IdentityModels(**identity), **fields)


def node(class_type: str, **inputs: object) -> Node:
    """One node of an API prompt."""
    return {"class_type": class_type, "inputs": inputs}


def people(folder: Path) -> Mapping[str, Photo]:
    """Two people of one photograph of 1927, each with the square around head and shoulders, and those around them."""
    photo = str(folder / "solvay_conference_1927.jpg")
    return {
        "a": Photo(photo, 0.225, 0.335, 0.15),
        "b": Photo(photo, 0.470, 0.335, 0.15),
        "group": Photo(photo, 0.215, 0.245, 0.400),
    }


def miniature_job(photos: Path) -> Job:
    """The demonstration on small models with random weights."""
    return Job(
        model=node("MiniatureModel", family="sd15", seed=1),
        encoder=node("MiniatureCLIPVision", kind="vit_h", seed=2),
        adapter_file=str(Path("miniature") / "sd15_plus.safetensors"),
        photos=people(photos),
        pixels=192,
        steps=5,
        models_text="Miniature SD1.5 layout, IP-Adapter Plus layout, ViT-H layout",
        caption=RANDOM_CAPTION,
        identity=IdentityModels(
            model=node("MiniatureModel", family="sdxl", seed=1),
            adapter=node(
                "LikenessLoadIPAdapter", file=str(Path("miniature") / "sdxl_instantid.safetensors"), kind="instantid"
            ),
            control_net=node("MiniatureControlNet", family="sdxl", seed=2),
            face_models=node("LikenessLoadFaceModels", pack="vectron", provider="CPU"),
            any_recogniser=True,
            models_text="Miniature SDXL layout, InstantID layout, IdentityNet layout, real face models",
        ),
    )


def real_job(photos: Path, models: RealModels) -> Job:
    """The demonstration on real checkpoints."""
    model = node("CheckpointLoaderSimple", ckpt_name=models.checkpoint.path.name)
    return Job(
        model=model,
        encoder=node("CLIPVisionLoader", clip_name=models.encoder.path.name),
        adapter_file=models.adapter.path.name,
        photos=people(photos),
        pixels=PIXELS[models.family],
        steps=20,
        models_text=f"{models.checkpoint.path.name}, {models.adapter.path.name}",
        caption="",
        identity=_real_identity(model, models.identity) if models.identity else None,
    )


def _real_identity(model: Node, files: IdentityFiles) -> IdentityModels:
    return IdentityModels(
        model=model,
        adapter=node("LikenessLoadIPAdapter", file=files.adapter.name, kind="instantid"),
        control_net=node("ControlNetLoader", control_net_name=files.net.name),
        face_models=node("LikenessLoadFaceModels", pack=files.faces.name, provider="auto"),
        any_recogniser=False,
        models_text=f"InstantID: {files.net.name}, {files.faces.name}",
    )
