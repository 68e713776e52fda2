"""The inputs that every training node has: what is trained on, and by which recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from comfy_api.v0_0_2 import io

from ...attention.training.log import NONE
from ...attention.training.settings import PRECISIONS, Settings
from .. import wires
from .means_inputs import NEEDED
from .optimiser_inputs import optimiser_inputs
from .watch_inputs import watch_inputs

if TYPE_CHECKING:
    from ...attention.training.start import Start

LISTS = ("images", "texts", "subjects", "folder", "faces")
"""The inputs of which a training takes every entry; of the others there is one."""
LOOK_EVERY, RESUME, BUCKET_SIDE, KEEP_FILES, CHECK_EVERY = 250, True, 512, 3, 250


@dataclass(frozen=True)
class Recipe:
    """The settings of a training, the side of its buckets in pixels, and how it is watched."""

    settings: Settings
    bucket_side: int
    look_every: int
    resume: bool
    look_prompts: tuple[str, ...]
    tracker: str
    publish_every: int
    keep_files: int
    check_every: int
    checkpoint_when: str
    compile_blocks: bool


def recipe_of(given: Mapping[str, Any]) -> Recipe:
    """What recipe_inputs and advanced_recipe_inputs were set to; an API prompt may leave out what has a default."""
    names = [field.name for field in fields(Settings)]
    return Recipe(
        Settings(**{name: given[name] for name in names if name in given}),
        given.get("bucket_side", BUCKET_SIDE),
        given.get("look_every", LOOK_EVERY),
        given.get("resume", RESUME),
        tuple(line.strip() for line in given.get("look_prompts", "").splitlines() if line.strip()),
        given.get("tracker", NONE),
        given.get("publish_every", 0),
        given.get("keep_files", KEEP_FILES),
        given.get("check_every", CHECK_EVERY),
        given.get("checkpoint_when", NEEDED),
        given.get("compile_blocks", False),
    )


def ones(lists: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The inputs of which there is one; the host hands a node that takes lists every input as a list."""
    return {name: values[0] for name, values in lists.items() if name not in LISTS}


def model_inputs(families: str) -> list[io.Input]:
    return [
        io.Model.Input("model", tooltip=f"The base model: {families}. It stays as it is."),
        io.Clip.Input("clip", tooltip="The base model's text encoder."),
        io.Vae.Input("vae", tooltip="The base model's autoencoder."),
    ]


def picture_inputs(optional: bool = False) -> list[io.Input]:
    return [
        io.Image.Input("images", optional=optional, tooltip="The pictures, from Load Image-Text (from Folder)."),
        io.String.Input("texts", optional=True, force_input=True, tooltip="Their captions, from the same node."),
    ]


def start_input() -> io.Input:
    return wires.AdapterWire.Input(
        "start_from",
        optional=True,
        tooltip="The adapter to begin from, published or trained here, of the same variant, model family and encoder. Not "
        "connected: a new one.",
    )


def start_of(given: Mapping[str, Any]) -> Start:
    """What start_input and, on the node that has it, 'start_control_net' were given."""
    from ...attention.training.start import Start

    loaded: wires.LoadedAdapter | None = given.get("start_from")
    return Start(None if loaded is None else loaded.adapter, given.get("start_control_net"))


def course_outputs() -> list[io.Output]:
    """How the training went."""
    return [
        io.Custom("LOSS_MAP").Output("loss_map", tooltip="For the host's Plot Loss Graph."),
        io.Image.Output("loss_curve", tooltip="The loss over the steps."),
        io.Image.Output("samples", tooltip="Samples drawn during the training, the latest last."),
    ]


def recipe_inputs() -> list[io.Input]:
    return [
        io.Int.Input("steps", default=1000, min=1, max=10_000_000, tooltip="Updates of the weights, in total."),
        io.Int.Input("batch_size", default=8, min=1, max=1024, tooltip="Pictures in memory at a time."),
        io.Int.Input(
            "accumulation", optional=True, default=1, min=1, max=1024, tooltip="Batches whose gradients make one step."
        ),
        io.Float.Input(
            "learning_rate", default=1e-4, min=1e-8, max=1.0, step=1e-8, round=1e-8, tooltip="The authors use 0.0001."
        ),
        io.Int.Input(
            "seed",
            default=0,
            min=0,
            max=2**32 - 1,
            control_after_generate=False,
            tooltip="Decides the initial weights, the noise and the order.",
        ),
        io.Int.Input(
            "bucket_side",
            optional=True,
            default=BUCKET_SIDE,
            min=64,
            max=2048,
            step=64,
            tooltip="Pictures are resized and cropped to about this size squared, each to the nearest of a few shapes: 512 "
            "for SD1.5, 1024 for SDXL.",
        ),
        io.Int.Input(
            "look_every",
            optional=True,
            default=LOOK_EVERY,
            min=0,
            max=1_000_000,
            tooltip="Draws a sample from the first picture and its caption every this many steps, and shows it. 0: never.",
        ),
        io.Boolean.Input(
            "resume",
            optional=True,
            default=RESUME,
            tooltip="Saves the state of the training, also when you cancel, and resumes from it the next time.",
        ),
    ]


def advanced_recipe_inputs() -> list[io.Input]:
    def share(name: str, says: str) -> Any:
        return io.Float.Input(
            name, optional=True, default=0.05, min=0.0, max=1.0, step=0.01, advanced=True, tooltip=says
        )

    return [
        io.Combo.Input(
            "precision",
            optional=True,
            options=list(PRECISIONS),
            default="bf16",
            advanced=True,
            tooltip="The precision in which the model computes: fp16 for cards without bf16. The trained weights are float32 in "
            "any.",
        ),
        io.Boolean.Input(
            "checkpointing",
            optional=True,
            default=True,
            advanced=True,
            tooltip="Computes activations twice instead of keeping them: slower, far less memory. 'checkpoint_when' says whether "
            "it does so where there is room, too.",
        ),
        share("drop_text", "Share of pictures shown without their caption."),
        share("drop_picture", "Share of pictures shown without their reference, which guidance needs."),
        share("drop_both", "Share of pictures shown without either."),
        io.Float.Input(
            "noise_offset",
            optional=True,
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.01,
            advanced=True,
            tooltip="Helps with very dark and very bright pictures; 0.05 is common. The authors use 0.",
        ),
        io.Float.Input(
            "average",
            optional=True,
            default=0.0,
            min=0.0,
            max=0.99999,
            step=0.00001,
            round=0.00001,
            advanced=True,
            tooltip="Decay of averaged weights (EMA), such as 0.999. 0: the last weights are saved.",
        ),
        io.Float.Input(
            "weight_decay", optional=True, default=0.01, min=0.0, max=1.0, step=0.001, advanced=True, tooltip="AdamW's."
        ),
        io.Int.Input(
            "warmup",
            optional=True,
            default=0,
            min=0,
            max=100_000,
            advanced=True,
            tooltip="Steps until the full learning rate.",
        ),
        *optimiser_inputs(),
        *watch_inputs(),
    ]
