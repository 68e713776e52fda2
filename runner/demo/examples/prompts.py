"""A committed example -> the same prompt on the models that are there and on given photographs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from ..nodes import Node, Prompt

FOLDER = Path(__file__).resolve().parents[3] / "example_workflows" / "api"
CHECKPOINTS = {"v1-5-pruned-emaonly-fp16.safetensors": "sd15", "sd_xl_base_1.0.safetensors": "sdxl"}
"""The checkpoints that the examples name, and the base model of each."""
SIDES = {"sd15": 512, "sdxl": 1024}
"""Pixels of a picture that a base model is made for."""
PRESETS = ("plus", "standard", "standard, ViT-G encoder")
"""What stands in, by Load by Preset, for the adapter that an example names: the first that is installed."""
PHOTOGRAPHS: Mapping[str, Sequence[str]] = {
    "Face likeness, compare two": ("first", "second"),
    "Face likeness, which method for whom": ("first", "second"),
    "Face 7 FaceID, several photos": ("first", "second"),
    "Face 3 InstantID two people": ("pair",),
}
"""What the Load Image nodes of an example get, in order, where it is not A and B."""


@dataclass(frozen=True)
class Models:
    """The checkpoint of each base model, and by class and input what ComfyUI lists to choose from."""

    checkpoints: Mapping[str, str]
    listed: Mapping[tuple[str, str], Sequence[str]]


@dataclass(frozen=True)
class Example:
    """One committed prompt and its name."""

    name: str
    prompt: Prompt

    def nodes(self, class_type: str) -> list[str]:
        """The ids of the nodes of a class."""
        return [number for number, node in self.prompt.items() if node["class_type"] == class_type]

    def readers(self, number: str) -> set[str]:
        """The classes of the nodes that take something from this one."""
        return {
            str(node["class_type"])
            for node in self.prompt.values()
            if any(isinstance(value, list) and value[0] == number for value in node["inputs"].values())
        }

    @property
    def photographs(self) -> Sequence[str]:
        """The photographs that its Load Image nodes get."""
        return PHOTOGRAPHS.get(self.name, ("a", "b", "b"))[: len(self.nodes("LoadImage"))]

    @property
    def family(self) -> str:
        """The base model that it is written for."""
        named = [str(self.prompt[number]["inputs"]["ckpt_name"]) for number in self.nodes("CheckpointLoaderSimple")]
        return CHECKPOINTS[named[0]] if named else "sd15"


def examples() -> list[Example]:
    """The committed examples but those that train, which takes hours and `run.py train` does too, and those of videos, FLUX and SD3.5."""
    found = [Example(path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(FOLDER.glob("*.json"))]
    return [each for each in found if not any(_is_left_out(str(n["class_type"])) for n in each.prompt.values())]


def _is_left_out(class_type: str) -> bool:
    return "Train" in class_type or class_type in ("UNETLoader", "FluxGuidance", "EmptySD3LatentImage")


def fitted(example: Example, models: Models, uploaded: Mapping[str, str], preset: str) -> Prompt:
    """The prompt of an example on these models; without a checkpoint of its base model, on the other one's and its size."""
    family = example.family if example.family in models.checkpoints else next(iter(models.checkpoints))
    photographs = iter(example.photographs)
    prompt: Prompt = {}
    model = next(iter(example.nodes("CheckpointLoaderSimple")), "checkpoint")
    for number, node in example.prompt.items():
        inputs = _sized(node["inputs"], SIDES[family] / SIDES[example.family])
        if node["class_type"] == "LikenessLoadIPAdapter":
            chosen = {"model": [model, 0], "preset": preset, "lora_strength": 1.0}
            prompt[number] = {"class_type": "LikenessLoadByPreset", "inputs": chosen}
        elif node["class_type"] == "CLIPVisionLoader" and example.readers(number) == {"LikenessLoadIPAdapter"}:
            continue  # a preset finds its encoder
        elif node["class_type"] == "LoadImage":
            prompt[number] = {**node, "inputs": {**inputs, "image": uploaded[next(photographs)]}}
        else:
            prompt[number] = {**node, "inputs": _listed(str(node["class_type"]), inputs, models)}
    if model not in prompt and example.nodes("LikenessLoadIPAdapter"):
        prompt[model] = {"class_type": "CheckpointLoaderSimple", "inputs": {}}
    if model in prompt:
        prompt[model] = {**prompt[model], "inputs": {"ckpt_name": models.checkpoints[family]}}
    return prompt


def _sized(inputs: Mapping[str, object], scale: float) -> dict[str, object]:
    """The inputs with sizes in pixels for another base model."""
    return {
        name: int(value * scale) // 8 * 8 if name in ("width", "height") and isinstance(value, int) else value
        for name, value in inputs.items()
    }


def _listed(class_type: str, inputs: Mapping[str, object], models: Models) -> dict[str, object]:
    """The inputs with the files that ComfyUI lists in a subfolder under the name that is wanted."""
    found = dict(inputs)
    for name, value in inputs.items():
        listed = models.listed.get((class_type, name), ())
        if isinstance(value, str) and value not in listed:
            found[name] = next((each for each in listed if _base_name(each) == value), value)
    return found


def _base_name(listed: str) -> str:
    return PureWindowsPath(listed).name if "\\" in listed else PurePosixPath(listed).name


def at_weight(prompt: Prompt, weight: float) -> Prompt:
    """A prompt whose references act with another weight."""
    return {number: _weighted(node, weight) for number, node in prompt.items()}


def _weighted(node: Node, weight: float) -> Node:
    if node["class_type"] != "LikenessApplyIPAdapter":
        return node
    return {**node, "inputs": {**node["inputs"], "weight": weight}}


def plain(prompt: Prompt) -> Prompt:
    """A prompt without any node of the pack: what they steer goes past them."""
    past = {
        number: node["inputs"]["model"]
        for number, node in prompt.items()
        if node["class_type"] == "LikenessApplyIPAdapter"
    }

    def source(value: object) -> object:
        while isinstance(value, list) and value[0] in past:
            value = past[value[0]]
        return value

    return {
        number: {**node, "inputs": {name: source(value) for name, value in node["inputs"].items()}}
        for number, node in prompt.items()
        if not str(node["class_type"]).startswith("Likeness")
    }
