"""The options of a training -> the prompt that ComfyUI's HTTP API takes."""

import argparse
from pathlib import Path

from ..demo.nodes import Node, node
from ..links import link_folder, unlink_folder
from .model_folders import START_FOLDER
from .options import side_for
from .recipe import settings_in

Prompt = dict[str, Node]
TRAIN, CURVE, SAMPLES = "train", "curve", "samples"
SAMPLES_IN_ALL = 4


def linked(pictures: Path, inputs: Path, name: str) -> str:
    """Make a folder of pictures appear below ComfyUI's input folder; the name the host's loader finds it by.

    The host lists no linked folder by itself, but looks into those inside of one it lists; and it repeats the pictures
    of a folder whose name begins with a number, so the folders below are linked under their own names.
    """
    folder = inputs / f"train-{name.replace('/', '-')}"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        unlink_folder(old)
    link_folder(pictures, folder / ".itself")
    for below in filter(Path.is_dir, sorted(pictures.iterdir())):
        link_folder(below, folder / below.name)
    return folder.name


def prompt_for(options: argparse.Namespace, folder: str) -> Prompt:
    """The graph of a training on a folder below ComfyUI's input."""
    if options.base_model:
        model = node("CheckpointLoaderSimple", ckpt_name=options.base_model.name)
        encoder = node("CLIPVisionLoader", clip_name=options.clip_vision.name)
    else:
        model = node("MiniatureModel", family="sd15", seed=1)
        encoder = node("MiniatureCLIPVision", kind="vit_h", seed=2)
    settings = {name: getattr(options, name) for name in ("variant", "steps", "batch_size", "accumulation", "seed")}
    settings |= settings_in(options)
    if options.look_prompts:
        settings["look_prompts"] = options.look_prompts.read_text(encoding="utf-8")
    start = {}
    if options.start_from:
        file = str(Path(START_FOLDER, options.start_from.resolve().name))
        # The kind is said: files that were saved again cannot always tell it.
        start["start"] = node("LikenessLoadIPAdapter", file=file, kind=options.variant)
        settings["start_from"] = ["start", 0]
    return {
        **start,
        "model": model,
        "encoder": encoder,
        TRAIN: node(
            "LikenessTrainIPAdapter",
            model=["model", 0],
            clip=["model", 1],
            vae=["model", 2],
            clip_vision=["encoder", 0],
            folder=folder,
            name=options.name,
            learning_rate=options.learning_rate,
            precision=options.precision,
            bucket_side=side_for(options),
            look_every=options.look_every or max(1, options.steps // SAMPLES_IN_ALL),
            **settings,
        ),
        CURVE: node("SaveImage", images=[TRAIN, 2], filename_prefix="likeness-training/curve"),
        SAMPLES: node("SaveImage", images=[TRAIN, 3], filename_prefix="likeness-training/sample"),
    }
