"""Every example workflow, in its API form, on the miniature: what stands in for real files is listed in SUBSTITUTES."""

import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = sorted((ROOT / "example_workflows" / "api").glob("*.json"))
DATA = Path(os.environ.get("LIKENESS_TEST_DATA") or ROOT / ".likeness" / "test-data")
SMALLER = 4  # times, each side
SIZED = ("EmptyLatentImage", "LikenessRenderKeypoints", "LikenessFaceMasks", "SolidMask")
FAMILY = {"sd_xl_base_1.0.safetensors": "sdxl", "v1-5-pruned-emaonly-fp16.safetensors": "sd15"}
PRESETS = {  # purpose -> variant of the miniature adapters, kind where keys cannot tell
    "FaceID": ("faceid", "auto"),
    "FaceID plus v2": ("faceid_plus", "faceid_plus_v2"),
    "FaceID portrait": ("portrait", "auto"),
    "InstantID": ("instantid", "instantid"),
}
ENCODER = "encoder of the miniature"


def load_adapter(family, variant, kind="auto"):
    inputs = {"file": f"miniature/{family}_{variant}.safetensors", "kind": kind, "clip_vision": [ENCODER, 0]}
    return {"class_type": "LikenessLoadIPAdapter", "inputs": inputs}


# Class of a node -> what stands in for it, from its inputs and the family of the workflow's model.
SUBSTITUTES = {
    "CheckpointLoaderSimple": lambda inputs, family: {
        "class_type": "MiniatureModel",
        "inputs": {"family": family, "seed": 1},
    },
    "ControlNetLoader": lambda inputs, family: {
        "class_type": "MiniatureControlNet",
        "inputs": {"family": family, "seed": 2},
    },
    "LikenessLoadIPAdapter": lambda inputs, family: load_adapter(family, "plus"),
    "LikenessLoadByPreset": lambda inputs, family: load_adapter(family, *PRESETS[inputs["preset"]]),
    "LikenessLoadFaceModels": lambda inputs, family: {
        "class_type": "LikenessLoadFaceModels",
        "inputs": {"pack": "vectron", "provider": "CPU"},
    },
}


def on_the_miniature(graph):
    checkpoints = [n["inputs"]["ckpt_name"] for n in graph.values() if n["class_type"] == "CheckpointLoaderSimple"]
    family = FAMILY[checkpoints[0]] if checkpoints else "sd15"
    made = {ENCODER: {"class_type": "MiniatureCLIPVision", "inputs": {"kind": "vit_h", "seed": 3}}}
    for name, node in graph.items():
        kind, inputs = node["class_type"], dict(node["inputs"])
        if kind in SIZED:
            inputs |= {side: inputs[side] // SMALLER // 8 * 8 for side in ("width", "height")}
        if kind == "KSampler":
            inputs["steps"] = 2
        if "any_recogniser" in inputs:
            inputs["any_recogniser"] = True  # the tests' face pack has another recogniser than the adapters'
        substitute = SUBSTITUTES.get(kind)
        made[name] = substitute(inputs, family) if substitute else {**node, "inputs": inputs}
    return made


@pytest.fixture(scope="module")
def example_photo(server):
    """The picture that the examples name: two people side by side, so that it serves portraits and groups."""
    if not (DATA / "photos").is_dir():
        reason = f"face models and photos are not in {DATA}; 'python run.py test' fetches them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    people = [
        Image.open(DATA / "photos" / name).convert("RGB").resize((360, 480)) for name in ("obama.jpg", "biden.jpg")
    ]
    both = Image.new("RGB", (720, 480))
    for i, person in enumerate(people):
        both.paste(person, (360 * i, 0))
    both.save(server.base / "input" / "example.png")


def test_there_are_examples():
    assert len(EXAMPLES) >= 9


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_on_the_miniature(path, api, example_photo):
    graph = on_the_miniature(json.loads(path.read_text(encoding="utf-8")))
    entry = api.run(graph)
    assert entry.succeeded, entry.messages.get("execution_error")
    savers = [name for name, node in graph.items() if node["class_type"].startswith("Save")]
    for saver in savers:
        picture = Image.open(io.BytesIO(entry.picture(saver))).convert("RGB")
        assert len(set(picture.getdata())) > 100, "a picture, not an even surface"
