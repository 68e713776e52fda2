"""The demonstration on one's own models, on the real server: what runs is drawn, what cannot is said, and is no end."""

import asyncio

from PIL import Image
from serving.substitutes import on_the_miniature

from runner.client import Comfy
from runner.demo.examples import __main__ as client
from runner.demo.examples import drawing, report
from runner.demo.examples.prompts import CHECKPOINTS, Models, examples

WANTED = (
    "IP-Adapter 7 animation",
    "Face 3 InstantID two people",
    "IP-Adapter 1 picture prompt",
    "IP-Adapter 2 style transfer",
)


def test_examples_are_drawn_and_a_missing_file_is_said(server, monkeypatch, tmp_path):
    real = drawing.fitted

    def fitted(example, *rest):
        prompt = on_the_miniature(real(example, *rest))
        if example.name == "IP-Adapter 2 style transfer":
            loader = next(node for node in prompt.values() if node["class_type"] == "LikenessLoadIPAdapter")
            loader["inputs"]["file"] = "miniature/sd15_base.safetensors"  # for another base model
        return prompt

    monkeypatch.setattr(drawing, "fitted", fitted)
    photos = {name: Image.new("RGB", (64, 64), "grey") for name in ("a", "b", "first", "second", "pair")}

    async def run():
        async with Comfy(server.url) as comfy:
            models = Models({family: name for name, family in CHECKPOINTS.items()}, client.listed(await comfy.nodes()))
            uploaded = {name: await comfy.upload(f"{name}.png", client.png_of(photo)) for name, photo in photos.items()}
            chosen = [example for example in examples() if example.name in WANTED]
            return await drawing.draw(comfy, chosen, models, uploaded), models

    drawn, models = asyncio.run(run())
    assert set(drawn.pictures) == {"IP-Adapter 7 animation", "IP-Adapter 1 picture prompt"}
    assert "picture 1 of 1 shows 0" in drawn.left_out["Face 3 InstantID two people"]
    assert (
        "SDXL" in drawn.left_out["IP-Adapter 2 style transfer"]
        and "\n" not in drawn.left_out["IP-Adapter 2 style transfer"]
    )
    assert not report.unequal(drawn) and drawn.weights["1"].tobytes() != drawn.weights["plain"].tobytes()
    assert models.listed["LikenessLoadByPreset", "preset"]
    drawing.write(drawn, tmp_path)
    report.sheet_of(drawn, models.checkpoints, photos).save(tmp_path / "sheet.png")
    assert len(list(tmp_path.iterdir())) == 8
