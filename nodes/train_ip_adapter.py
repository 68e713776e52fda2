"""The node that trains a new IP-Adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_api.latest import io

from ..attention.adapter import Adapter
from ..attention.checkpoint import read
from ..attention.training.curve import as_image, loss_curve
from ..attention.training.fresh_adapter import parameter_count
from ..attention.training.loop import Trained, Trainer, Watch
from ..attention.training.settings import PRECISIONS, Settings
from ..attention.training.train import save_adapter, trainer_for
from . import wires
from .folders import ADAPTERS
from .progress import ticker
from .show import shown
from .training_set import training_set
from .training_view import View

SUFFIX = ".safetensors"
LOOK_EVERY, RESUME, BUCKET_SIDE = 250, True, 512


class TrainIPAdapter(io.ComfyNode):
    """Trains a new IP-Adapter on your pictures and captions; model, text encoder and image encoder stay as they are."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LikenessTrainIPAdapter",
            display_name="Train IP-Adapter",
            category="likeness",
            description=cls.__doc__ or "",
            search_aliases=["train ipadapter", "ip-adapter training", "fine-tune adapter", "image prompt training"],
            is_input_list=True,
            is_output_node=True,
            inputs=[*source_inputs(), *recipe_inputs(), *advanced_recipe_inputs()],
            outputs=[
                wires.AdapterWire.Output("adapter", tooltip="The trained adapter, read back from its file."),
                io.Custom("LOSS_MAP").Output("loss_map", tooltip="For the host's Plot Loss Graph."),
                io.Image.Output("loss_curve", tooltip="The loss over the steps."),
                io.Image.Output("samples", tooltip="What it drew while it was trained, the latest last."),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def execute(cls, **lists: list[Any]) -> io.NodeOutput:
        given = {name: values[0] for name, values in lists.items() if name not in ("images", "texts")}
        model, vae, clip_vision = (given.pop(name) for name in ("model", "vae", "clip_vision"))
        models = (vae, given.pop("clip"), clip_vision)
        path, variant = adapter_file(given.pop("name")), given.pop("variant")
        # An API prompt may leave out what has a default.
        look_every, resume = given.pop("look_every", LOOK_EVERY), given.pop("resume", RESUME)
        side = given.pop("bucket_side", BUCKET_SIDE)
        settings = Settings(**given)
        state = state_file(path)
        check_target(path, state, resume)
        examples = training_set(lists["images"], lists.get("texts", []), models, variant, side, ticker())
        with torch.inference_mode(False):
            trainer = trainer_for(model, examples, variant, settings)
            view = View(trainer, vae, variant, examples)
            watch = Watch(view.step, view.look, look_every, state if resume else None)
            trained = trainer.run(watch)
            encoder = examples.no_picture.encoder
            save_adapter(path, trainer, trained, {"encoder": encoder})
        loaded = Adapter(read(path), variant)
        curve = as_image(loss_curve(trained.losses))
        return shown(
            cls,
            report(path, trainer, trained),
            view.pictures(curve),
            wires.LoadedAdapter(loaded, clip_vision),
            {"loss": trained.losses},
            curve,
            view.samples(curve),
        )


def source_inputs() -> list[io.Input]:
    """What is trained, and on what."""
    return [
        io.Model.Input("model", tooltip="The base model: SD1.5, SDXL or Segmind Vega. It stays as it is."),
        io.Clip.Input("clip", tooltip="The base model's text encoder."),
        io.Vae.Input("vae", tooltip="The base model's autoencoder."),
        io.ClipVision.Input("clip_vision", tooltip="The image encoder that the adapter will read."),
        io.Image.Input("images", tooltip="The pictures, from Load Image-Text (from Folder)."),
        io.String.Input("texts", optional=True, force_input=True, tooltip="Their captions, from the same node."),
        io.String.Input(
            "name",
            default="my-adapter",
            tooltip="The file to write, below models/ipadapter. A name that is taken is an error.",
        ),
        io.Combo.Input(
            "variant",
            options=["base", "plus"],
            default="base",
            tooltip="base: 4 tokens from the pooled picture, 22 million weights on SD1.5. plus: 16 tokens from its "
            "parts, closer to the reference, about twice as many there.",
        ),
    ]


def recipe_inputs() -> list[io.Input]:
    return [
        io.Int.Input("steps", default=1000, min=1, max=10_000_000, tooltip="Updates of the weights, in all."),
        io.Int.Input("batch_size", default=8, min=1, max=1024, tooltip="Pictures in the memory at a time."),
        io.Int.Input(
            "accumulation", optional=True, default=1, min=1, max=1024, tooltip="Batches whose gradients make one step."
        ),
        io.Float.Input(
            "learning_rate", default=1e-4, min=1e-8, max=1.0, step=1e-8, round=1e-8, tooltip="The authors' is 0.0001."
        ),
        io.Int.Input(
            "seed",
            default=0,
            min=0,
            max=2**32 - 1,
            control_after_generate=False,
            tooltip="Decides first weights, noise and order.",
        ),
        io.Int.Input(
            "bucket_side",
            optional=True,
            default=BUCKET_SIDE,
            min=64,
            max=2048,
            step=64,
            tooltip="Pictures are scaled and cut to about this size squared, each to the nearest of a few shapes: 512 "
            "for SD1.5, 1024 for SDXL.",
        ),
        io.Int.Input(
            "look_every",
            optional=True,
            default=LOOK_EVERY,
            min=0,
            max=1_000_000,
            tooltip="Draws from the first picture and its caption every so many steps, and shows it. 0 never.",
        ),
        io.Boolean.Input(
            "resume",
            optional=True,
            default=RESUME,
            tooltip="Keeps where the training stands, also when you cancel, and goes on from there the next time.",
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
            tooltip="What the model computes in. The trained weights are float32 either way.",
        ),
        io.Boolean.Input(
            "checkpointing",
            optional=True,
            default=True,
            advanced=True,
            tooltip="Computes activations twice instead of keeping them: slower, far less memory.",
        ),
        share("drop_text", "Share of pictures shown without their caption."),
        share("drop_picture", "Share shown without the reference: guidance needs to know what that is."),
        share("drop_both", "Share shown without both."),
        io.Float.Input(
            "noise_offset",
            optional=True,
            default=0.0,
            min=0.0,
            max=1.0,
            step=0.01,
            advanced=True,
            tooltip="Helps with very dark and very bright pictures; 0.05 is common. 0 is the authors'.",
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
            "warmup", optional=True, default=0, min=0, max=100_000, advanced=True, tooltip="Steps until the full rate."
        ),
    ]


def adapter_file(name: str) -> Path:
    """The path of an adapter to write. Raises ValueError for a name that leads elsewhere."""
    folder = Path(folder_paths.get_folder_paths(ADAPTERS[0])[0]).resolve()
    bare = name.strip().removesuffix(SUFFIX)
    path = folder / (bare + SUFFIX)
    if not bare or not path.resolve().is_relative_to(folder) or path.name.startswith("."):
        raise ValueError(f"the name '{name}' is no file below {folder}. Set 'name' to one, such as 'my-adapter'.")
    return path


def state_file(path: Path) -> Path:
    """Where the state of a training is kept: with the pictures that are made, not among the models."""
    return Path(folder_paths.get_output_directory(), "likeness-training", path.stem + ".state")


def check_target(path: Path, state: Path, resume: bool) -> None:
    """Raise ValueError when the file to write is there and is no earlier result of this training."""
    if path.exists() and not (resume and state.is_file()):
        raise ValueError(f"'{path}' is there already. Set 'name' to another one, or move the file away.")


def report(path: Path, trainer: Trainer, trained: Trained) -> str:
    """What was trained, in words."""
    base = trainer.frozen
    last = sum(trained.losses[-20:]) / len(trained.losses[-20:])
    return "\n".join(
        (
            f"{path.name}: {trainer.student.identity.variant.label} for {base.layers.family.label}",
            f"{parameter_count(trainer.student):,} trained weights, {len(trained.losses)} steps, loss {last:.4f}",
            f"{len(trainer.examples.listed)} pictures in {len(trainer.examples.buckets())} sizes",
            f"base model untouched: {base.fingerprint[:12]} before and after",
        )
    )


NODES = [TrainIPAdapter]
