"""Every example workflow runs through the real server, on miniature models in place of the published ones."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("LIKENESS_TEST_DATA") or ROOT / ".likeness" / "test-data")
EXAMPLES = sorted((ROOT / "example_workflows" / "api").glob("*.json"))
FAMILIES = {"v1-5-pruned-emaonly-fp16.safetensors": "sd15", "sd_xl_base_1.0.safetensors": "sdxl"}
VARIANTS = {"FaceID": "faceid", "FaceID plus v2": "faceid_plus_v2", "InstantID": "instantid"}
SMALL = {"width": 256, "height": 192}
PEOPLE = ("obama.jpg", "biden.jpg")
ONE, TWO = "one.png", "two.png"


@pytest.fixture(scope="module")
def miniatures(server):
    """The files that the examples need, in the server's folders."""
    from miniature import adapters

    packs = DATA / "insightface" / "models"
    if not packs.is_dir():
        reason = f"no face models in {DATA}: `python run.py test` fetches them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    for name in ("buffalo_l", "antelopev2"):
        shutil.copytree(packs / "vectron", server.base / "models" / "insightface" / "models" / name)
    faces = [Image.open(DATA / "photos" / name).convert("RGB").resize((320, 400)) for name in PEOPLE]
    faces[0].save(server.base / "input" / ONE)
    both = Image.new("RGB", (640, 400))
    for place, face in enumerate(faces):
        both.paste(face, (320 * place, 0))
    both.save(server.base / "input" / TWO)
    folder = server.base / "models" / "ipadapter" / "examples"
    folder.mkdir()
    wanted = [("sd15", "plus"), ("sdxl", "plus"), ("sd15", "faceid"), ("sd15", "faceid_plus"), ("sdxl", "instantid")]
    for family, variant in wanted:
        content = adapters.adapter_state_dict(family, variant, 11)
        adapters.write_safetensors(content, folder / f"{family}_{variant}.safetensors")


def on_miniatures(prompt, photo):
    """The prompt with small models, a small canvas and two steps; nodes of the pack keep their settings."""
    family = next((f for n in prompt.values() if (f := FAMILIES.get(n["inputs"].get("ckpt_name")))), "sd15")
    small = {name: _small(node, family, photo) for name, node in prompt.items()}
    small["encoder"] = {"class_type": "MiniatureCLIPVision", "inputs": {"kind": "vit_h", "seed": 3}}
    return small


def _small(node, family, photo):
    kind, inputs = node["class_type"], dict(node["inputs"])
    if kind == "CheckpointLoaderSimple":
        return {"class_type": "MiniatureModel", "inputs": {"family": family, "seed": 1}}
    if kind == "ControlNetLoader":
        return {"class_type": "MiniatureControlNet", "inputs": {"family": family, "seed": 5}}
    if kind in ("LikenessLoadIPAdapter", "LikenessLoadByPreset"):
        return _adapter(VARIANTS.get(inputs.get("preset"), "plus"), family)
    if kind == "LoadImage":
        inputs["image"] = photo
    if kind in ("EmptyLatentImage", "LikenessRenderKeypoints", "LikenessFaceMasks") and inputs.get("width"):
        inputs |= SMALL
    if kind == "KSampler":
        inputs["steps"] = 2
    if "any_recogniser" in inputs:
        inputs["any_recogniser"] = True
    return {"class_type": kind, "inputs": inputs}


def _adapter(variant, family):
    file = f"examples/{family}_{variant.removesuffix('_v2')}.safetensors"
    kind = "auto" if variant in ("plus", "faceid") else variant
    return {
        "class_type": "LikenessLoadIPAdapter",
        "inputs": {"file": file, "kind": kind, "clip_vision": ["encoder", 0]},
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs(api, miniatures, path):
    photo = TWO if "two people" in path.stem else ONE
    prompt = on_miniatures(json.loads(path.read_text(encoding="utf-8")), photo)
    entry = api.run(prompt)
    assert entry.succeeded, entry.error
    ends = [name for name, node in prompt.items() if node["class_type"].startswith(("Save", "LikenessFaceSimilarity"))]
    assert ends and all(entry.entry["outputs"][name] for name in ends)
    assert not set(ends) & entry.cached
