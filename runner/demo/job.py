"""What the demonstration is to draw with: models, photographs and settings, handed over as JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

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

    def write(self, path: Path) -> None:
        """Save as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @staticmethod
    def read(path: Path) -> "Job":
        """The job `write` saved."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        photos = {name: Photo(**photo) for name, photo in fields.pop("photos").items()}
        return Job(photos=photos, **fields)


def node(class_type: str, **inputs: object) -> Node:
    """One node of an API prompt."""
    return {"class_type": class_type, "inputs": inputs}


def people(folder: Path) -> Mapping[str, Photo]:
    """The two people of the demonstration, each with the square around head and shoulders."""
    return {
        "a": Photo(str(folder / "obama.jpg"), 0.10, 0.02, 0.82),
        "b": Photo(str(folder / "biden.jpg"), 0.10, 0.10, 0.82),
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
    )


def real_job(photos: Path, models: RealModels) -> Job:
    """The demonstration on real checkpoints."""
    return Job(
        model=node("CheckpointLoaderSimple", ckpt_name=models.checkpoint.path.name),
        encoder=node("CLIPVisionLoader", clip_name=models.encoder.path.name),
        adapter_file=models.adapter.path.name,
        photos=people(photos),
        pixels=PIXELS[models.family],
        steps=20,
        models_text=f"{models.checkpoint.path.name}, {models.adapter.path.name}",
        caption="",
    )
