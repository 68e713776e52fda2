"""Prompts for the two old packs, over HTTP to a server that has neither, run and give the picture that ours give."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

DATA = Path(os.environ.get("LIKENESS_TEST_DATA") or Path(__file__).resolve().parents[3] / ".likeness" / "test-data")
ADAPTER = "miniature/sd15_base.safetensors"


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def pixels(entry):
    return Image.open(io.BytesIO(entry.picture())).tobytes()


@pytest.fixture
def old(prompt):
    """The workflow of a picture prompt with its adapter nodes taken out, and old ones in their place."""

    def made(**nodes):
        graph = prompt(sampler__model=["apply", 0])
        for name in ("adapter", "reference", "steer"):
            del graph[name]
        loader = node("IPAdapterModelLoader", ipadapter_file=ADAPTER)
        return graph | {"loader": loader} | nodes

    return made


def test_a_prompt_as_written_by_hand_gives_our_picture(api, old, prompt):
    apply = node(
        "IPAdapterAdvanced", model=["model", 0], ipadapter=["loader", 0], image=["photo", 0], weight=0.8,
        clip_vision=["encoder", 0],
    )  # fmt: skip
    entry = api.run(old(apply=apply))
    assert entry.succeeded, entry.error
    assert pixels(entry) == pixels(api.run(prompt()))


def test_a_node_in_the_shape_of_the_old_one_gives_our_picture(api, old, prompt):
    """What the editor has after a click: the widgets of the old node, our wires."""
    apply = node(
        "LikenessOldIPAdapterAdvanced", model=["model", 0], ipadapter=["loader", 0], image=["photo", 0], weight=0.8,
        weight_type="linear", combine_embeds="concat", start_at=0.0, end_at=1.0, embeds_scaling="V only",
        clip_vision=["encoder", 0],
    )  # fmt: skip
    entry = api.run(old(apply=apply))
    assert entry.succeeded, entry.error
    assert pixels(entry) == pixels(api.run(prompt()))


def test_a_prompt_for_the_old_pack_of_instantx_gives_our_picture(api, prompt):
    """SigLIP and its head are found in models/clip_vision, as the old node fetched them."""
    file = "miniature/flux_instantx.safetensors"
    wires = {"model": ["model", 0], "image": ["photo", 0], "weight": 0.8}
    ours = {
        "adapter": node("LikenessLoadIPAdapter", file=file),
        "steer": node("LikenessApplyIPAdapter", adapter=["adapter", 0], **wires),
    }
    theirs = {
        "adapter": node("IPAdapterFluxLoader", ipadapter=file, clip_vision="google/siglip-so400m-patch14-384"),
        "steer": node("ApplyIPAdapterFlux", ipadapter_flux=["adapter", 0], **wires),
    }
    graph = prompt(family="flux", sampler__cfg=1.0, sampler__steps=1)
    del graph["reference"], graph["encoder"]
    off = ours | {"steer": node("LikenessApplyIPAdapter", adapter=["adapter", 0], **(wires | {"weight": 0.0}))}
    made, old, plain = (api.run(graph | nodes) for nodes in (ours, theirs, off))
    assert made.succeeded and old.succeeded, (made.error, old.error)
    assert pixels(old) == pixels(made) != pixels(plain)


def test_encoded_combined_and_negative_embeds(api, old):
    encoded = {
        name: node(
            "IPAdapterEncoder", ipadapter=["loader", 0], image=["photo", 0], weight=weight, clip_vision=["encoder", 0]
        )
        for name, weight in (("one", 1.0), ("two", 0.5))
    }
    both = node("IPAdapterCombineEmbeds", method="concat", embed1=["one", 0], embed2=["two", 0])
    apply = node(
        "IPAdapterEmbeds", model=["model", 0], ipadapter=["loader", 0], pos_embed=["both", 0], neg_embed=["one", 1],
        weight=0.7, weight_type="style transfer", start_at=0.0, end_at=0.9, embeds_scaling="V only",
    )  # fmt: skip
    entry = api.run(old(**encoded, both=both, apply=apply))
    assert entry.succeeded, entry.error


def test_a_cut_reference_a_noisy_negative_and_weights_for_frames(api, old):
    graph = old(
        cut=node("PrepImageForClipVision", image=["photo", 0], interpolation="LANCZOS", crop_position="left"),
        noise=node("IPAdapterNoise", type="fade", strength=0.3, blur=5, image_optional=["photo", 0]),
        weights=node("IPAdapterWeights", weights="1.0, 0.0", timing="linear", frames=2),
        apply=node(
            "IPAdapterBatch", model=["model", 0], ipadapter=["loader", 0], image=["cut", 0], weight=["weights", 0],
            image_negative=["noise", 0], clip_vision=["encoder", 0],
        ),
    )  # fmt: skip
    graph["latent"]["inputs"]["batch_size"] = ["weights", 2]
    entry = api.run(graph)
    assert entry.succeeded, entry.error
    assert len(entry.entry["outputs"]["save"]["images"]) == 2


def test_keypoints_of_a_photo(api):
    """The pack of face models that these tests have is none that the old loaders knew, so it is ours that opens it."""
    photo = DATA / "photos" / "obama.jpg"
    if not photo.is_file():
        reason = f"photos are not in {DATA}; 'python run.py test' fetches them"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    Image.open(photo).convert("RGB").save(api.server.base / "input" / "person.png")
    graph = {
        "models": node("LikenessLoadFaceModels", pack="vectron", provider="CPU"),
        "photo": node("LoadImage", image="person.png"),
        "points": node("FaceKeypointsPreprocessor", faceanalysis=["models", 0], image=["photo", 0]),
        "save": node("SaveImage", images=["points", 0], filename_prefix="test"),
    }
    entry = api.run(graph)
    assert entry.succeeded, entry.error
    drawn = Image.open(io.BytesIO(entry.picture())).convert("RGB")
    assert drawn.size == Image.open(photo).size
    assert (255, 0, 255) in {colour for _, colour in drawn.getcolors(1 << 16)}


def test_what_has_no_counterpart_says_so_before_anything_runs(api, prompt):
    graph = prompt(positive__text=["schedule", 0])
    graph["weights"] = node("IPAdapterWeights", frames=4)
    graph["schedule"] = node("IPAdapterPromptScheduleFromWeightsStrategy", weights_strategy=["weights", 5])
    status, answer = api.post("/prompt", {"prompt": graph})
    assert status == 400
    assert "nothing here makes such text" in str(answer["node_errors"]["schedule"])


def test_another_packs_node_of_an_old_id_is_refused_with_the_reason(api, old):
    theirs = {"model": ["model", 0], "image": ["photo", 0], "clip_vision": ["encoder", 0], "model_name": "a.bin"}
    status, answer = api.post("/prompt", {"prompt": old(apply=node("IPAdapter", **theirs))})
    assert status == 400 and answer["error"]["type"] == "missing_node_type"
    assert "it is another pack's node of that id" in answer["error"]["message"]


def test_the_editor_hears_of_the_replacements(api):
    offered = api.json("/node_replacements")
    assert offered["IPAdapterModelLoader"][0]["new_node_id"] == "LikenessLoadIPAdapter"
    assert offered["IPAdapterAdvanced"][0]["new_node_id"] == "LikenessOldIPAdapterAdvanced"
    installed = api.json("/object_info")
    assert all(one["new_node_id"] in installed for offers in offered.values() for one in offers)
    hidden = [name for name in installed if name.startswith("LikenessOld")]
    assert len(hidden) > 40 and all(installed[name]["deprecated"] for name in hidden)
