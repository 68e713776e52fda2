"""What a user chooses for old nodes, on a running server: 'compatible', embeds of the old pack, the old ids."""

import io
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from serving.api import Api
from serving.fixtures import ROOT, node

ADAPTER = "miniature/sd15_plus.safetensors"
USUAL = {
    "weight_type": "linear",
    "combine_embeds": "concat",
    "embeds_scaling": "V only",
    "start_at": 0.0,
    "end_at": 1.0,
}


def pixels(entry):
    assert entry.succeeded, entry.error
    return Image.open(io.BytesIO(entry.picture())).tobytes()


@pytest.fixture
def old(prompt):
    """The workflow of a picture prompt with one old node in the place of ours."""

    def made(kind, **inputs):
        graph = prompt(sampler__model=["apply", 0])
        for name in ("adapter", "reference", "steer"):
            del graph[name]
        wires = {"model": ["model", 0], "ipadapter": ["loader", 0], "clip_vision": ["encoder", 0]}
        loader = node("IPAdapterModelLoader", ipadapter_file=ADAPTER)
        return graph | {"loader": loader, "apply": node(kind, **wires, **inputs)}

    return made


def test_compatible_gives_the_old_picture_over_the_api_and_in_the_editors_node(api, old):
    def made(kind, choice):
        return pixels(api.run(old(kind, image=["photo", 0], weight=1.0, **USUAL, compatible=choice)))

    right, before = made("IPAdapterAdvanced", "off"), made("IPAdapterAdvanced", "on")
    assert right != before
    assert made("LikenessOldIPAdapterAdvanced", "on") == before
    assert made("LikenessOldIPAdapterAdvanced", "by setting") == right


def test_embeds_that_the_old_pack_saved_steer_a_picture(api, old, server):
    def made(seed):
        features = torch.randn(1, 257, 80, generator=torch.Generator().manual_seed(seed))
        torch.save(features, server.base / "input" / f"anna{seed}.ipadpt")
        graph = old("IPAdapterEmbeds", pos_embed=["saved", 0], weight=1.0)
        return pixels(api.run(graph | {"saved": node("IPAdapterLoadEmbeds", embeds=f"anna{seed}.ipadpt")}))

    assert made(1) != made(2)


def test_the_setting_gives_programs_the_old_ids(server, old, photo, tmp_path, monkeypatch):
    """A server of its own: the setting is read when ComfyUI starts."""
    from runner.comfyui import Host
    from runner.links import link_folder
    from runner.server import Server

    monkeypatch.setenv("LIKENESS_OLD_IDS", "1")
    link_folder(ROOT, tmp_path / "custom_nodes" / "comfyui-likeness")
    link_folder(ROOT / "tests" / "miniature", tmp_path / "custom_nodes" / "likeness-miniature")
    link_folder(server.base / "models", tmp_path / "models")
    link_folder(server.base / "input", tmp_path / "input")
    host = Host(Path(server.host.tree), Path(sys.executable), is_private=False)
    with Server(host, tmp_path, tmp_path / "server.log") as running:
        api = Api(running)
        listed = api.json("/object_info")
        assert {"IPAdapter", "IPAdapterModelLoader", "IPAdapterEncoder", "IPAdapterFaceID"} <= set(listed)
        assert listed["IPAdapterAdvanced"]["deprecated"]
        assert ADAPTER in listed["IPAdapterModelLoader"]["input"]["required"]["ipadapter_file"][0]
        assert pixels(api.run(old("IPAdapterAdvanced", image=["photo", 0], weight=1.0, **USUAL)))
