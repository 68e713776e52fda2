"""A folder of pictures with captions becomes an adapter over HTTP, with few more than the required settings."""

import asyncio
import os

import pytest
from PIL import Image
from serving.fixtures import DATA


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


@pytest.fixture(scope="module")
def pictures(server):
    """A folder below the server's input, as the host's dataset nodes read it."""
    folder = server.base / "input" / "pictures"
    folder.mkdir()
    for number, (colour, caption) in enumerate((("red", "a red wall"), ("blue", "a blue wall"), ("green", ""))):
        Image.new("RGB", (80 + 60 * number, 80), colour).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(caption, encoding="utf-8")
    return "pictures"


def graph(folder, name, **settings):
    train = {"variant": "plus", "steps": 2, "batch_size": 2, "learning_rate": 0.001, "seed": 1, **settings}
    return {
        "model": node("MiniatureModel", family="sd15", seed=1),
        "encoder": node("MiniatureCLIPVision", kind="vit_h", seed=3),
        "pictures": node("LoadImageTextDataSetFromFolder", folder=folder),
        "train": node(
            "LikenessTrainIPAdapter", model=["model", 0], clip=["model", 1], vae=["model", 2],
            clip_vision=["encoder", 0], images=["pictures", 0], texts=["pictures", 1], name=name, **train,
        ),
    }  # fmt: skip


def test_a_folder_becomes_an_adapter_that_steers(server, api, pictures, prompt):
    done = api.run(graph(pictures, "taught", bucket_side=64, look_every=2))
    assert done.succeeded, done.error
    assert "3 pictures" in done.text("train") and "base model untouched" in done.text("train")
    assert done.picture("train").startswith(b"\x89PNG")
    assert (server.base / "models" / "ipadapter" / "taught.safetensors").is_file()
    steered = api.run(prompt(adapter__file="taught.safetensors"))
    assert steered.succeeded, steered.error


@pytest.fixture(scope="module")
def people(server):
    """Two portraits with a caption each, below the server's input."""
    if not (DATA / "photos").is_dir():
        reason = f"photos are not in {DATA}; 'python run.py test' fetches them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = server.base / "input" / "people"
    folder.mkdir()
    for name in ("obama", "biden"):
        portrait = Image.open(DATA / "photos" / f"{name}.jpg").convert("RGB").resize((240, 320))
        portrait.save(folder / f"{name}.png")
        (folder / f"{name}.txt").write_text("a portrait of a man", encoding="utf-8")
    return "people"


def instantid_graph(folder, name, **settings):
    train = {"steps": 2, "batch_size": 1, "learning_rate": 0.001, "seed": 1, "bucket_side": 64, **settings}
    return {
        "model": node("MiniatureModel", family="sdxl", seed=1),
        "pictures": node("LoadImageTextDataSetFromFolder", folder=folder),
        "nets": node("LikenessLoadFaceModels", pack="vectron", provider="CPU"),
        "find": node(
            "LikenessFindFaces", image=["pictures", 0], face_models=["nets", 0], size=320, threshold=0.5, margin=True,
            refine=False, embed=True,
        ),
        "train": node(
            "LikenessTrainInstantID", model=["model", 0], clip=["model", 1], vae=["model", 2], images=["pictures", 0],
            texts=["pictures", 1], faces=["find", 0], name=name, any_recogniser=True, **train,
        ),
        "steer": node(
            "LikenessApplyInstantID", model=["model", 0], positive=["text", 0], negative=["text", 0],
            adapter=["train", 0], faces=["face", 0], control_net=["train", 1], any_recogniser=True, weight=0.8,
            strength=0.8, latent=["latent", 0],
        ),
        "photo": node("LoadImage", image=f"{folder}/obama.png"),
        "face": node(
            "LikenessFindFaces", image=["photo", 0], face_models=["nets", 0], size=320, threshold=0.5, margin=True,
            refine=False, embed=True,
        ),
        "text": node("CLIPTextEncode", text="a man", clip=["model", 1]),
        "latent": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "sampler": node(
            "KSampler", model=["steer", 0], positive=["steer", 1], negative=["steer", 2], latent_image=["latent", 0],
            seed=5, steps=1, cfg=5.0, sampler_name="euler", scheduler="normal", denoise=1.0,
        ),
        "decode": node("VAEDecode", samples=["sampler", 0], vae=["model", 2]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix="test"),
    }  # fmt: skip


def test_a_folder_of_portraits_becomes_an_instantid_that_steers(server, api, people):
    """Faces are found in every picture of the list; what was trained is applied in the same graph."""
    done = api.run(instantid_graph(people, "people", look_every=0))
    assert done.succeeded, done.error
    said = done.text("train")
    assert "2 pictures, as 64x64" in said and "base model untouched" in said and "InstantID for SDXL" in said
    for folder in ("instantid", "controlnet"):
        assert (server.base / "models" / folder / "people.safetensors").is_file()
    assert done.picture("save").startswith(b"\x89PNG")
    listed = api.json("/object_info/LikenessLoadIPAdapter")["LikenessLoadIPAdapter"]["input"]["required"]["file"]
    assert "people.safetensors" in str(listed)


def test_the_command_line_trains_over_http(server, pictures, tmp_path, capsys):
    """What `run.py train` queues, through its own client: a report, the curve, a picture for each look."""
    from runner.cli import parse
    from runner.train.__main__ import train
    from runner.train.prompt import linked, prompt_for

    inputs = server.base / "input"
    words = ["--pictures", str(inputs / pictures), "--name", "by-command", "--steps", "4", "--batch-size", "2"]
    options = parse(["train", *words, "--look-every", "2"])
    folder = linked(options.pictures, inputs, options.name)
    said = asyncio.run(train(server.url, prompt_for(options, folder), tmp_path))
    assert "3 pictures, as 64x64" in said and "4 steps" in said and "base model untouched" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loss.png", "sample-01.png", "sample-02.png"]
    assert "4 of 4 steps trained" in capsys.readouterr().out
    assert (server.base / "models" / "ipadapter" / "by-command.safetensors").is_file()


def test_portraits_alone_become_an_instantid_by_command(server, people, tmp_path):
    """Faces are found, the picture that shows none is named, and one caption stands in for those that are missing."""
    from runner.cli import parse
    from runner.train.__main__ import train
    from runner.train.prompt import linked, prompt_for

    inputs = server.base / "input"
    folder = inputs / "portraits"
    folder.mkdir()
    for name in ("obama", "biden"):
        (folder / f"{name}.png").write_bytes((inputs / people / f"{name}.png").read_bytes())
    Image.new("RGB", (64, 64), "green").save(folder / "wall.png")
    words = [
        "--variant",
        "instantid",
        "--pictures",
        str(folder),
        "--name",
        "found",
        "--steps",
        "1",
        "--batch-size",
        "1",
    ]
    options = parse(["train", *words, "--look-every", "2"])
    said = asyncio.run(train(server.url, prompt_for(options, linked(folder, inputs, "found")), tmp_path))
    assert "InstantID for SDXL" in said and "2 pictures, as 64x64" in said
    assert "left out, as they show no face: 1 of 3, wall.png" in said
    assert "without a caption, so 'a photo of a person': 3 of 3" in said
    assert [path.name for path in tmp_path.iterdir()] == ["loss.png"]
    for category in ("instantid", "controlnet"):
        assert (server.base / "models" / category / "found.safetensors").is_file()
