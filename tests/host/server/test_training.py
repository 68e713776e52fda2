"""A folder of pictures with captions becomes an adapter over HTTP, with few more than the required settings."""

import pytest
from PIL import Image


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


@pytest.fixture(scope="module")
def lesson(server):
    """A folder below the server's input, as the host's dataset nodes read it."""
    folder = server.base / "input" / "lesson"
    folder.mkdir()
    for number, (colour, caption) in enumerate((("red", "a red wall"), ("blue", "a blue wall"), ("green", ""))):
        Image.new("RGB", (80 + 60 * number, 80), colour).save(folder / f"{number}.png")
        (folder / f"{number}.txt").write_text(caption, encoding="utf-8")
    return "lesson"


def graph(folder, name, **settings):
    train = {"variant": "plus", "steps": 2, "batch_size": 2, "learning_rate": 0.001, "seed": 1, **settings}
    return {
        "model": node("MiniatureModel", family="sd15", seed=1),
        "encoder": node("MiniatureCLIPVision", kind="vit_h", seed=3),
        "lesson": node("LoadImageTextDataSetFromFolder", folder=folder),
        "train": node(
            "LikenessTrainIPAdapter", model=["model", 0], clip=["model", 1], vae=["model", 2],
            clip_vision=["encoder", 0], images=["lesson", 0], texts=["lesson", 1], name=name, **train,
        ),
    }  # fmt: skip


def test_a_folder_becomes_an_adapter_that_steers(server, api, lesson, prompt):
    done = api.run(graph(lesson, "taught", bucket_side=64, look_every=2))
    assert done.succeeded, done.error
    assert "3 pictures" in done.text("train") and "base model untouched" in done.text("train")
    assert done.picture("train").startswith(b"\x89PNG")
    assert (server.base / "models" / "ipadapter" / "taught.safetensors").is_file()
    steered = api.run(prompt(adapter__file="taught.safetensors"))
    assert steered.succeeded, steered.error
