"""InstantID over HTTP, from a real photo on: found, chosen, embedded, applied, sampled, refined; and what goes wrong."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

DATA = Path(os.environ.get("LIKENESS_TEST_DATA") or Path(__file__).resolve().parents[3] / ".likeness" / "test-data")
SIDE = 256


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


@pytest.fixture(scope="module")
def portrait(server):
    if not (DATA / "photos").is_dir():
        reason = f"photos are not in {DATA}; 'python run.py test' fetches them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    picture = Image.open(DATA / "photos" / "obama.jpg").convert("RGB")
    picture.thumbnail((512, 512))
    picture.save(server.base / "input" / "portrait.png")
    return "portrait.png"


@pytest.fixture
def workflow(portrait):
    """Photo -> Find Faces -> Choose Face -> Embed Faces -> Apply InstantID -> KSampler; inputs replaced as node__input."""

    def made(**changes):
        graph = {
            "model": node("MiniatureModel", family="sdxl", seed=1),
            "adapter": node("LikenessLoadIPAdapter", file="miniature/sdxl_instantid.safetensors", kind="instantid"),
            "net": node("MiniatureControlNet", family="sdxl", seed=2),
            "photo": node("LoadImage", image=portrait),
            "face_models": node("LikenessLoadFaceModels", pack="vectron", provider="CPU"),
            "found": node(
                "LikenessFindFaces", image=["photo", 0], face_models=["face_models", 0], size=640, threshold=0.5,
                margin=True, refine=False, embed=True,
            ),
            "chosen": node("LikenessChooseFace", faces=["found", 0], rule="largest", index=0, missing="error"),
            "embedded": node(
                "LikenessEmbedFaces", faces=["chosen", 0], combine="mean", outlier_below=0.35, outliers="report",
                crop_size="224",
            ),
            "positive": node("CLIPTextEncode", text="a man", clip=["model", 1]),
            "negative": node("CLIPTextEncode", text="", clip=["model", 1]),
            "latent": node("EmptyLatentImage", width=SIDE, height=SIDE, batch_size=1),
            "instantid": node(
                "LikenessApplyInstantID", model=["model", 0], positive=["positive", 0], negative=["negative", 0],
                adapter=["adapter", 0], faces=["embedded", 0], control_net=["net", 0], weight=0.8, strength=0.8,
                latent=["latent", 0], any_recogniser=True,
            ),
            "sampler": node(
                "KSampler", model=["instantid", 0], positive=["instantid", 1], negative=["instantid", 2],
                latent_image=["latent", 0], seed=5, steps=2, cfg=5.0, sampler_name="euler", scheduler="normal",
                denoise=1.0,
            ),
            "decode": node("VAEDecode", samples=["sampler", 0], vae=["model", 2]),
            "save": node("SaveImage", images=["decode", 0], filename_prefix="test"),
        }  # fmt: skip
        for name, value in changes.items():
            target, _, key = name.partition("__")
            graph[target]["inputs"][key] = value
        return graph

    return made


def pixels(entry):
    """Of the saved picture; the file holds the workflow too."""
    return Image.open(io.BytesIO(entry.picture())).convert("RGB").tobytes()


def test_a_photo_becomes_a_picture_and_a_changed_strength_embeds_nothing_again(api, workflow):
    first = api.run(workflow())
    assert first.succeeded, first.error
    assert "1 face" in first.text("found") and "MobileFaceNet" in first.text("instantid")
    weaker = api.run(workflow(instantid__strength=0.3))
    assert weaker.succeeded
    assert weaker.cached >= {"photo", "found", "chosen", "embedded", "adapter", "net"}
    assert pixels(weaker) != pixels(first)
    assert pixels(api.run(workflow())) == pixels(first)


def test_the_keypoints_it_draws_are_shown_at_the_size_of_the_latent(api, workflow):
    shown = Image.open(io.BytesIO(api.run(workflow()).picture("instantid")))
    assert shown.size == (SIDE, SIDE)
    colours = {colour for _, colour in shown.convert("RGB").getcolors(1 << 16)}
    assert {(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)} <= colours


def test_at_zero_it_is_the_plain_picture(api, workflow):
    zero = api.run(workflow(instantid__weight=0.0, instantid__strength=0.0))
    sides = {"sampler__model": ["model", 0], "sampler__positive": ["positive", 0], "sampler__negative": ["negative", 0]}
    assert pixels(zero) == pixels(api.run(workflow(**sides)))


def test_a_recipe_says_what_it_sets(api, workflow):
    assert "stylised: weight 0.7, strength 0.6" in api.run(workflow(instantid__recipe="stylised")).text("instantid")


def test_the_face_of_a_picture_is_refined(api, workflow):
    graph = workflow()
    graph["refined"] = node(
        "LikenessRefineFaces", image=["photo", 0], model=["instantid", 0], positive=["instantid", 1],
        negative=["instantid", 2], vae=["model", 2], seed=1, denoise=0.35, face_models=["face_models", 0], steps=2,
        resolution=SIDE,
    )  # fmt: skip
    graph["save"]["inputs"]["images"] = ["refined", 0]
    entry = api.run(graph)
    assert entry.succeeded, entry.error
    assert "picture 1 of 1: 1 face repainted" in entry.text("refined")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instantid__image": ["photo", 0]}, "looks like a photo"),
        ({"net__family": "sd15"}, "an IdentityNet for SDXL has 34"),
        ({"model__family": "sd15"}, "Connect an SDXL model"),
        ({"adapter__file": "miniature/sdxl_base.safetensors", "adapter__kind": "auto"}, "not InstantID"),
        ({"latent__width": 2 * SIDE, "instantid__latent": ["square", 0]}, "its sides would be cut off"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_what_does_not_fit_is_said(api, workflow, changes, message):
    graph = {"square": node("EmptyLatentImage", width=SIDE, height=SIDE, batch_size=1)}
    entry = api.run(graph | workflow(**changes))
    assert not entry.succeeded
    assert message in entry.error["exception_message"]
