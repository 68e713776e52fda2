"""One real ComfyUI with the pack and the miniature models, and a client of its HTTP API."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 180  # seconds for one prompt
DATA = Path(os.environ.get("LIKENESS_TEST_DATA") or ROOT / ".likeness" / "test-data")
ADAPTERS = (
    *(("sd15", variant) for variant in ("base", "plus", "faceid", "faceid_plus", "portrait")),
    *(("sdxl", variant) for variant in ("base", "plus", "instantid")),
)


class Api:
    """What a program does with ComfyUI: ask, queue, wait, look at the history."""

    def __init__(self, server):
        self.server = server
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path):
        with self.opener.open(f"{self.server.url}{path}", timeout=60) as answer:
            return answer.read()

    def json(self, path):
        return json.loads(self.get(path))

    def post(self, path, content):
        request = urllib.request.Request(
            f"{self.server.url}{path}", json.dumps(content).encode(), {"Content-Type": "application/json"}
        )
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def run(self, prompt):
        """Queue a prompt and return its history entry, finished or failed."""
        status, answer = self.post("/prompt", {"prompt": prompt})
        assert status == 200, answer
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            history = self.json(f"/history/{answer['prompt_id']}")
            if history:
                return Entry(history[answer["prompt_id"]], self)
            time.sleep(0.1)
        raise TimeoutError(f"the prompt did not finish in {PATIENCE} s:\n{self.server.tail()}")


class Entry:
    """A finished prompt."""

    def __init__(self, entry, api):
        self.entry = entry
        self.api = api
        self.messages = dict(entry["status"]["messages"])

    @property
    def succeeded(self):
        return self.entry["status"]["status_str"] == "success"

    @property
    def error(self):
        return self.messages["execution_error"]

    @property
    def cached(self):
        return set(self.messages["execution_cached"]["nodes"])

    def text(self, node):
        return self.entry["outputs"][node]["text"][0]

    def picture(self, node="save"):
        """The bytes of the picture that a node saved."""
        found = self.entry["outputs"][node]["images"][0]
        query = f"filename={found['filename']}&subfolder={found['subfolder']}&type={found['type']}"
        return self.api.get(f"/view?{query}")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    import comfy.options
    from miniature import adapters

    from runner.comfyui import Host
    from runner.links import link_folder
    from runner.server import Server

    base = tmp_path_factory.mktemp("comfyui")
    (base / "custom_nodes").mkdir()
    link_folder(ROOT, base / "custom_nodes" / "comfyui-likeness")
    link_folder(ROOT / "tests" / "miniature", base / "custom_nodes" / "likeness-miniature")
    folder = base / "models" / "ipadapter" / "miniature"
    folder.mkdir(parents=True)
    for family, variant in ADAPTERS:
        adapters.write_safetensors(
            adapters.adapter_state_dict(family, variant, 11), folder / f"{family}_{variant}.safetensors"
        )
    if (DATA / "insightface").is_dir():
        link_folder(DATA / "insightface", base / "models" / "insightface")
    with Server(
        Host(Path(comfy.options.__file__).parents[1], Path(sys.executable), is_private=False), base, base / "server.log"
    ) as running:
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
