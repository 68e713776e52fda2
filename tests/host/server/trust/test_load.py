"""Many prompts through one server's queue: nothing grows, nothing stays, and the same prompt is the same picture.

15 prompts; with LIKENESS_PROMPTS=300 the long form, which writes what it measured to the file LIKENESS_REPORT names.
"""

import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image
from serving.api import Api
from serving.fixtures import DATA, node
from serving.patience import until

PROMPTS = int(os.environ.get("LIKENESS_PROMPTS", "15"))
ROUND = 5 if PROMPTS < 100 else 30  # different prompts; each is queued once in a round
WARM = 2 * ROUND
MOST_PER_PROMPT = 60_000  # bytes
MOST_IN_ALL = 100 << 20  # bytes after the first rounds; too few prompts tell no slope, only a leak of whole models
PEOPLE = ("obama.jpg", "biden.jpg")


@pytest.fixture(scope="module")
def photos(server):
    """Pictures of two people, at two sizes each, and three of none."""
    if not (DATA / "photos").is_dir():
        reason = f"photos are not in {DATA}; 'python run.py test' fetches them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    folder = server.base / "input"
    for name in PEOPLE:
        picture = Image.open(DATA / "photos" / name).convert("RGB")
        for side in (320, 400):
            smaller = picture.copy()
            smaller.thumbnail((side, side))
            smaller.save(folder / f"{side}{name}.png")
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
        Image.fromarray(pixels).resize((160, 120)).save(folder / f"load{seed}.png")
    return folder


def sampled(family, seed, steered, extra):
    model, positive, negative = steered
    return {
        "model": node("MiniatureModel", family=family, seed=1 + seed % 2),
        "positive": node("CLIPTextEncode", text="a red cat", clip=["model", 1]),
        "negative": node("CLIPTextEncode", text="", clip=["model", 1]),
        "latent": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "sampler": node(
            "KSampler", model=model, positive=positive, negative=negative, latent_image=["latent", 0], seed=seed,
            steps=1, cfg=5.0, sampler_name="euler", scheduler="normal", denoise=1.0,
        ),
        "decode": node("VAEDecode", samples=["sampler", 0], vae=["model", 2]),
        "save": node("SaveImage", images=["decode", 0], filename_prefix="load"),
        **extra,
    }  # fmt: skip


TEXT = (["positive", 0], ["negative", 0])


def of_a_picture(family, variant, kind, number):
    return sampled(family, number, (["steer", 0], *TEXT), {
        "encoder": node("MiniatureCLIPVision", kind=kind, seed=3),
        "photo": node("LoadImage", image=f"load{number % 3}.png"),
        "adapter": node("LikenessLoadIPAdapter", file=f"miniature/{family}_{variant}.safetensors", clip_vision=["encoder", 0]),
        "steer": node("LikenessApplyIPAdapter", model=["model", 0], adapter=["adapter", 0], weight=0.7, image=["photo", 0]),
    })  # fmt: skip


def found(number):
    side, person = (320, 400)[number % 2], PEOPLE[number // 2 % 2]
    return {
        "photo": node("LoadImage", image=f"{side}{person}.png"),
        "face_models": node("LikenessLoadFaceModels", pack="vectron", provider="CPU"),
        "found": node("LikenessFindFaces", image=["photo", 0], face_models=["face_models", 0], size=640, threshold=0.5,
                      margin=True, refine=False, embed=True),
        "chosen": node("LikenessChooseFace", faces=["found", 0], rule="largest", index=0, missing="error"),
    }  # fmt: skip


def of_a_face(number):
    return sampled("sd15", number, (["steer", 0], *TEXT), {
        **found(number),
        "adapter": node("LikenessLoadIPAdapter", file="miniature/sd15_faceid.safetensors"),
        "steer": node("LikenessApplyIPAdapter", model=["model", 0], adapter=["adapter", 0], weight=0.9,
                      faces=["chosen", 0], any_recogniser=True),
    })  # fmt: skip


def of_instantid(number):
    return sampled("sdxl", number, (["steer", 0], ["steer", 1], ["steer", 2]), {
        **found(number),
        "adapter": node("LikenessLoadIPAdapter", file="miniature/sdxl_instantid.safetensors", kind="instantid"),
        "net": node("MiniatureControlNet", family="sdxl", seed=2),
        "steer": node("LikenessApplyInstantID", model=["model", 0], positive=["positive", 0], negative=["negative", 0],
                      adapter=["adapter", 0], faces=["chosen", 0], control_net=["net", 0], weight=0.8, strength=0.8,
                      latent=["latent", 0], any_recogniser=True),
    })  # fmt: skip


KINDS = (
    lambda n: of_a_picture("sd15", "base", "vit_h", n),
    lambda n: of_a_picture("sdxl", "base", "vit_bigg", n),
    of_a_face,
    lambda n: of_a_picture("sd15", "plus", "vit_h", n),
    of_instantid,
)


def graph(number):
    return KINDS[number % len(KINDS)](number)


def picture(entry):
    """A hash of the pixels that a prompt saved."""
    assert entry.succeeded, entry.error
    return hashlib.sha256(Image.open(io.BytesIO(entry.picture())).convert("RGB").tobytes()).hexdigest()


class Watch:
    """The server's process, and what it holds after each prompt."""

    def __init__(self, api):
        self.api = api
        self.process = psutil.Process(api.server._process.pid)
        self.rows = []

    def look(self):
        witness = self.api.json("/witness")
        away = {c.raddr.ip for c in self.process.net_connections("inet") if c.raddr} - {"127.0.0.1"}
        row = {
            "resident": self.process.memory_info().rss,
            "threads": self.process.num_threads(),
            "files": self.process.num_fds() - len(self.process.net_connections("inet")),
            **witness,
        }
        self.rows.append(row)
        assert not away, f"connected to {away}"
        return row

    def slope(self):
        """Bytes of resident memory for each prompt after the first rounds, by least squares."""
        resident = [row["resident"] for row in self.rows[WARM:]]
        return float(np.polyfit(range(len(resident)), resident, 1)[0])


def freed(api):
    """What is left once the host has been told to let everything go."""
    api.post("/free", {"unload_models": True, "free_memory": True})
    until(lambda: not api.json("/witness")["models"], "an empty list of models")
    return api.json("/witness")


def test_prompts_leave_nothing_behind(api, photos):
    before, watch, seen = freed(api), Watch(api), {}
    for number, _ in zip(cycle(range(ROUND)), range(PROMPTS), strict=False):
        result = picture(api.run(graph(number)))
        assert seen.setdefault(number, result) == result, f"prompt {number} gave another picture"
        row = watch.look()
        assert row["alive"]["Run"] == 0
    assert len(set(seen.values())) == ROUND, "different prompts give different pictures"
    warm = watch.rows[WARM:]
    report = {
        "prompts": PROMPTS,
        "resident MB": [round(row["resident"] / 1e6, 1) for row in watch.rows],
        "bytes for each prompt": round(watch.slope()),
        "threads": sorted({row["threads"] for row in warm}),
        "files": sorted({row["files"] for row in warm}),
        "models": max(len(row["models"]) for row in warm),
        "alive": {name: max(row["alive"][name] for row in warm) for name in warm[0]["alive"]},
        "left at the end": freed(api),
    }
    if "LIKENESS_REPORT" in os.environ:
        Path(os.environ["LIKENESS_REPORT"]).write_text(json.dumps(report, indent=1))
    assert PROMPTS < 100 or report["bytes for each prompt"] < MOST_PER_PROMPT, report
    assert warm[-1]["resident"] < warm[0]["resident"] + MOST_IN_ALL, report
    assert max(report["threads"]) <= watch.rows[WARM - 1]["threads"] + 1, report
    assert max(report["files"]) <= watch.rows[WARM - 1]["files"] + 2, report
    assert report["left at the end"]["models"] == before["models"] == [], report


def test_four_clients_at_once_get_their_own_pictures(server, photos):
    """Each client queues three of the same five prompts, in another order, all at the same time."""
    numbers = range(5)
    alone = {number: picture(Api(server).run(graph(number))) for number in numbers}

    def client(start):
        api = Api(server)
        return {n: picture(api.run(graph(n))) for n in [(start + i) % len(numbers) for i in range(3)]}

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(client, range(4)))
    assert all(made == {n: alone[n] for n in made} for made in together)
