"""The options of a training -> the prompt that ComfyUI's HTTP API takes."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from ..demo.nodes import Node, node
from ..links import link_folder, unlink_folder
from .model_folders import START_FOLDER
from .options import INSTANTID, PERSON, is_lesson, side_for
from .recipe import settings_in

Prompt = dict[str, Node]
ITSELF = ".itself"
TRAIN, CURVE, SAMPLES = "train", "curve", "samples"
SAMPLES_IN_ALL = 4
FACES, TRIAL_FACES = "antelopev2", "vectron"
"""The pack of face models that InstantID reads, and the one that is there without it."""


@dataclass(frozen=True)
class Kind:
    """What trains a variant: the node, its output with the loss curve (the samples follow), whether it has variants."""

    node: str
    curve: int
    has_variants: bool


_ADAPTER = Kind("LikenessTrainIPAdapter", 2, True)
KINDS = {"base": _ADAPTER, "plus": _ADAPTER, INSTANTID: Kind("LikenessTrainInstantID", 3, False)}


def linked(pictures: Path, inputs: Path, name: str) -> str:
    """Make a folder of pictures appear below ComfyUI's input folder; the name the host's loader finds it by.

    The host lists no linked folder by itself, but looks into those inside of one it lists; and it repeats the pictures
    of a folder whose name begins with a number, so the folders below are linked under their own names.
    """
    folder = inputs / f"train-{name.replace('/', '-')}"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        unlink_folder(old)
    link_folder(pictures, folder / ITSELF)
    if is_lesson(pictures):
        return f"{folder.name}/{ITSELF}"
    for below in filter(Path.is_dir, sorted(pictures.iterdir())):
        link_folder(below, folder / below.name)
    return folder.name


def prompt_for(options: argparse.Namespace, folder: str) -> Prompt:
    """The graph of a training on a folder below ComfyUI's input."""
    settings = {name: getattr(options, name) for name in ("steps", "batch_size", "accumulation", "seed")}
    settings |= settings_in(options)
    if options.look_prompts:
        settings["look_prompts"] = options.look_prompts.read_text(encoding="utf-8")
    kind = KINDS[options.variant]
    models, wires = model_nodes(options)
    starts, start_wires = _starts(options)
    return {
        **models,
        **starts,
        TRAIN: node(
            kind.node,
            **wires,
            **start_wires,
            **({"variant": options.variant} if kind.has_variants else {"missing": "skip"}),
            folder=folder,
            name=options.name,
            learning_rate=options.learning_rate,
            precision=options.precision,
            bucket_side=side_for(options),
            look_every=options.look_every or max(1, options.steps // SAMPLES_IN_ALL),
            **settings,
            **_caption(options),
        ),
        CURVE: node("SaveImage", images=[TRAIN, kind.curve], filename_prefix="likeness-training/curve"),
        SAMPLES: node("SaveImage", images=[TRAIN, kind.curve + 1], filename_prefix="likeness-training/sample"),
    }


def model_nodes(options: argparse.Namespace) -> tuple[Prompt, dict[str, object]]:
    """The nodes that load the models, and what a training or an encoding takes of them."""
    trial = not options.base_model
    people = options.variant == INSTANTID
    family = "sdxl" if people else "sd15"
    loaded = {"model": node("MiniatureModel", family=family, seed=1)}
    if not trial:
        loaded = {"model": node("CheckpointLoaderSimple", ckpt_name=options.base_model.name)}
    wires: dict[str, object] = {"model": ["model", 0], "clip": ["model", 1], "vae": ["model", 2]}
    if people and (trial or options.any_recogniser):
        wires["any_recogniser"] = True
    if is_lesson(options.pictures):
        return loaded, wires
    if people:
        pack = TRIAL_FACES if trial and not options.face_models else Path(options.face_models or FACES).name
        return {**loaded, "nets": node("LikenessLoadFaceModels", pack=pack)}, {**wires, "face_models": ["nets", 0]}
    encoder = node("MiniatureCLIPVision", kind="vit_h", seed=2)
    if not trial:
        encoder = node("CLIPVisionLoader", clip_name=options.clip_vision.name)
    return {**loaded, "encoder": encoder}, {**wires, "clip_vision": ["encoder", 0]}


def _starts(options: argparse.Namespace) -> tuple[Prompt, dict[str, object]]:
    loaded: Prompt = {}
    wires: dict[str, object] = {}
    if options.start_from:
        file = str(Path(START_FOLDER, options.start_from.resolve().name))
        # The kind is said: files that were saved again cannot always tell it.
        loaded["start"] = node("LikenessLoadIPAdapter", file=file, kind=options.variant)
        wires["start_from"] = ["start", 0]
    if options.start_control_net:
        file = str(Path(START_FOLDER, options.start_control_net.resolve().name))
        loaded["net"] = node("ControlNetLoader", control_net_name=file)
        wires["start_control_net"] = ["net", 0]
    return loaded, wires


def caption_for(options: argparse.Namespace) -> str:
    """The caption of pictures that have none."""
    return options.caption or (PERSON if options.variant == INSTANTID else "")


def _caption(options: argparse.Namespace) -> dict[str, str]:
    caption = caption_for(options)
    return {"texts": caption} if caption and not is_lesson(options.pictures) else {}
