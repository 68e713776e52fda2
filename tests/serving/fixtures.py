"""Fixtures: one server for the whole session, a client of it, a photo, and the workflow of a first picture prompt."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from . import old_workflows
from .api import Api
from .substitutes import on_the_miniature

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LIKENESS_TEST_DATA") or ROOT / ".likeness" / "test-data")
ADAPTERS = (
    *(("sd15", variant) for variant in ("base", "plus", "faceid", "faceid_plus", "portrait")),
    *(("sdxl", variant) for variant in ("base", "plus", "faceid", "faceid_plus", "instantid", "pulid")),
)


def write_adapters(folder):
    """One of each kind that prompts here name."""
    from miniature import adapters, flux, sd3

    for family, variant in ADAPTERS:
        adapters.write_safetensors(
            adapters.adapter_state_dict(family, variant, 11), folder / f"{family}_{variant}.safetensors"
        )
    flux.write_adapter("plus", 11, folder / "flux_plus.safetensors")
    flux.write_adapter("instantx", 11, folder / "flux_instantx.safetensors")
    flux.write_adapter("infinite_you", 11, folder / "flux_infinite_you.safetensors")
    sd3.write_adapter("plus", 11, folder / "sd3_instantx.safetensors")


def write_encoders(models):
    """What is found there by its contents: SigLIP for InstantX, EVA02-CLIP and the face parsing network for PuLID."""
    from miniature import encoder_files, face_parts
    from pack.attention.reference.face_parsing import FaceParsingNet

    encoder_files.write("siglip", 3, models / "clip_vision" / "miniature_siglip.safetensors")
    face_parts.write_tower(3, models / "clip_vision" / "miniature_eva.pt")
    face_parts.write_parser(FaceParsingNet(), 5, models / "facexlib" / "miniature_parser.pth")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    import comfy.options
    import torch
    from miniature import loras
    from miniature.world import files
    from safetensors.torch import save_file

    from runner.comfyui import Host
    from runner.links import link_folder
    from runner.server import Server

    base = tmp_path_factory.mktemp("comfyui")
    (base / "custom_nodes").mkdir()
    link_folder(ROOT, base / "custom_nodes" / "comfyui-likeness")
    link_folder(ROOT / "tests" / "miniature", base / "custom_nodes" / "likeness-miniature")
    link_folder(ROOT / "tests" / "serving" / "witness", base / "custom_nodes" / "likeness-witness")
    folder = base / "models" / "ipadapter" / "miniature"
    folder.mkdir(parents=True)
    write_adapters(folder)
    write_encoders(base / "models")
    shutil.copy(files.WEIGHTS / files.IP_ADAPTER, folder)
    (base / "models" / "loras").mkdir()
    save_file(loras.lora_state_dict(5), base / "models" / "loras" / "miniature_sdxl.safetensors")
    packs = base / "models" / "insightface" / "models"
    packs.mkdir(parents=True, exist_ok=True)
    for pack in (DATA / "insightface" / "models").glob("*/"):
        link_folder(pack, packs / pack.name)
    host = Host(Path(comfy.options.__file__).parents[1], Path(sys.executable), is_private=False)
    with Server(host, base, base / "server.log", on_cpu=not torch.accelerator.is_available()) as running:
        running.started = running.log.read_text(encoding="utf-8", errors="replace")
        yield running


@pytest.fixture(scope="session")
def api(server):
    return Api(server)


@pytest.fixture(scope="session")
def photo(server):
    """The name of an uploaded picture."""
    import numpy as np
    from PIL import Image

    rows, columns = np.mgrid[0:96, 0:144]
    colours = np.stack([rows * 2, columns, 200 - rows], axis=-1).astype(np.uint8)
    Image.fromarray(colours).save(server.base / "input" / "photo.png")
    return "photo.png"


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


@pytest.fixture
def prompt(photo):
    """(changes) -> the workflow of a first picture prompt; changes are inputs by 'node.input'."""

    def made(family="sd15", variant="base", kind="vit_h", **changes):
        graph = {
            "model": node("MiniatureModel", family=family, seed=1),
            "encoder": node("MiniatureCLIPVision", kind=kind, seed=3),
            "photo": node("LoadImage", image=photo),
            "adapter": node(
                "LikenessLoadIPAdapter", file=f"miniature/{family}_{variant}.safetensors", clip_vision=["encoder", 0]
            ),
            "reference": node("LikenessEncodeReference", adapter=["adapter", 0], image=["photo", 0], fit="crop"),
            "steer": node(
                "LikenessApplyIPAdapter",
                model=["model", 0],
                adapter=["adapter", 0],
                weight=0.8,
                embeds=["reference", 0],
                negative_embeds=["reference", 1],
            ),
            "positive": node("CLIPTextEncode", text="a red cat", clip=["model", 1]),
            "negative": node("CLIPTextEncode", text="", clip=["model", 1]),
            "latent": node("EmptyLatentImage", width=128, height=128, batch_size=1),
            "sampler": node(
                "KSampler",
                model=["steer", 0],
                positive=["positive", 0],
                negative=["negative", 0],
                latent_image=["latent", 0],
                seed=5,
                steps=2,
                cfg=5.0,
                sampler_name="euler",
                scheduler="normal",
                denoise=1.0,
            ),
            "decode": node("VAEDecode", samples=["sampler", 0], vae=["model", 2]),
            "save": node("SaveImage", images=["decode", 0], filename_prefix="test"),
        }
        for name, value in changes.items():
            target, _, key = name.partition("__")
            graph[target]["inputs"][key] = value
        return graph

    return made


@pytest.fixture(scope="session")
def old_files(server, api, example_photo):
    """Everything that the workflow files of the old packs name, on the miniature."""
    stand_ins = old_workflows.install(server.base, DATA, server.base / "input" / "example.png")
    assert api.post("/witness/recognisers", stand_ins) == (200, {})
    return old_workflows.FILES


@pytest.fixture(scope="session")
def example_photo(server):
    """The picture that the examples name: two people side by side, so that it serves portraits and groups."""
    if not (DATA / "photos").is_dir():
        reason = f"face models and photos are not in {DATA}; 'python run.py test' fetches them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    from PIL import Image

    people = [
        Image.open(DATA / "photos" / name).convert("RGB").resize((360, 480)) for name in ("obama.jpg", "biden.jpg")
    ]
    both = Image.new("RGB", (720, 480))
    for i, person in enumerate(people):
        both.paste(person, (360 * i, 0))
    both.save(server.base / "input" / "example.png")


@pytest.fixture(scope="session")
def example_folder(server):
    """The folder of pictures with captions that the training example names."""
    from PIL import Image

    folder = server.base / "input" / "my-pictures"
    folder.mkdir(parents=True)
    for colour in ("red", "blue", "green"):
        wall = Image.blend(Image.new("RGB", (256, 256), colour), Image.linear_gradient("L").convert("RGB"), 0.5)
        wall.save(folder / f"{colour}.png")
        (folder / f"{colour}.txt").write_text(f"a {colour} wall", encoding="utf-8")


@pytest.fixture(scope="session")
def saved_embeds(server, api, example_photo):
    """The file that the example without a photo names, saved by the example that makes it."""
    folder = ROOT / "example_workflows" / "api"
    graph = json.loads((folder / "IP-Adapter 8 embeds, save.json").read_text(encoding="utf-8"))
    entry = api.run(on_the_miniature(graph))
    assert entry.succeeded, entry.messages.get("execution_error")
    loading = json.loads((folder / "IP-Adapter 9 embeds, load.json").read_text(encoding="utf-8"))
    name = next(n["inputs"]["file"] for n in loading.values() if n["class_type"] == "LikenessLoadEmbeds")
    assert (server.base / "output" / name.removesuffix(" [output]")).is_file()


@pytest.fixture(scope="session")
def saved_faces(server, api, example_photo):
    """The file that the example of a person without a photo names, saved by the example that makes it."""
    folder = ROOT / "example_workflows" / "api"
    graph = json.loads((folder / "Face 8 save faces.json").read_text(encoding="utf-8"))
    entry = api.run(on_the_miniature(graph))
    assert entry.succeeded, entry.messages.get("execution_error")
    loading = json.loads((folder / "Face 9 load faces.json").read_text(encoding="utf-8"))
    name = next(n["inputs"]["file"] for n in loading.values() if n["class_type"] == "LikenessLoadFaces")
    assert (server.base / "output" / name.removesuffix(" [output]")).is_file()
