"""The nodes of every control in whole workflows over HTTP."""

import io

import pytest
from PIL import Image

CURVE = {"points": [[0.0, 1.0], [0.5, 0.2], [1.0, 0.0]], "interpolation": "linear"}


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


@pytest.fixture
def controlled(prompt):
    """The workflow of a picture prompt with every control of the branch connected, and its picture of what will happen."""

    def made(**changes):
        graph = prompt(sampler__model=["scaled", 0])
        graph["curve"] = node("CurveEditor", curve=CURVE)
        graph["layers"] = node("LikenessLayerWeights", family="sd15", weights="4:0.5, 5:1, 9:0.7")
        graph["schedule"] = node("LikenessWeightSchedule", curve_preset="constant", curve=["curve", 0])
        graph["fusion"] = node("LikenessFusion", rule="orthogonal v2")
        graph["scaled"] = node("LikenessScaleAdapters", model=["steer", 0], factor=0.8)
        graph["shown"] = node("LikenessShowAdapters", model=["scaled", 0], steps=2)
        graph["steer"]["inputs"] |= {
            "layers": ["layers", 0],
            "schedule": ["schedule", 0],
            "fusion_settings": ["fusion", 0],
        }
        for name, value in changes.items():
            target, _, key = name.partition("__")
            graph[target]["inputs"][key] = value
        return graph

    return made


def pixels(entry):
    """The saved picture without the workflow that the host writes into its file."""
    return Image.open(io.BytesIO(entry.picture())).tobytes()


def test_all_controls_together_run_and_show_what_they_do(api, controlled):
    entry = api.run(controlled())
    assert entry.succeeded, entry.error
    assert entry.text("layers") == "4:0.5, 5:1, 9:0.7"
    assert entry.text("schedule").startswith("0: 1, 0.25: 0.6, 0.5: 0.2")
    assert "(m - 1) P" in entry.text("fusion")
    assert "0.8 -> 0.64" in entry.text("scaled")
    assert "3 of 16 blocks" in entry.text("shown")
    assert Image.open(io.BytesIO(entry.picture("shown"))).width >= 640


def test_one_changed_control_runs_only_what_follows_it(api, controlled):
    first = api.run(controlled())
    again = api.run(controlled())
    assert {"layers", "schedule", "fusion", "steer", "sampler"} <= again.cached
    changed = api.run(controlled(layers__weights="5:1"))
    assert changed.succeeded
    assert {"reference", "schedule", "fusion", "curve"} <= changed.cached
    assert not {"layers", "steer", "sampler"} & changed.cached
    assert pixels(changed) != pixels(first)


def test_scaled_to_zero_the_picture_is_the_plain_one(api, controlled):
    off = api.run(controlled(scaled__factor=0.0))
    plain = controlled(sampler__model=["model", 0])
    for name in ("scaled", "shown", "steer", "layers", "schedule", "fusion", "curve", "reference", "adapter", "photo"):
        del plain[name]
    assert pixels(off) == pixels(api.run(plain))


def test_saved_embeds_make_the_same_picture_without_the_photo(api, prompt, server):
    graph = prompt(sampler__seed=91)
    for name, output in (("embeds", 0), ("negative", 1)):
        graph[f"save_{name}"] = node(
            "LikenessSaveEmbeds", embeds=["reference", output], filename_prefix=f"people/{name}"
        )
    first = api.run(graph)
    assert first.succeeded, first.error
    files = [first.entry["outputs"][f"save_{name}"]["embeds"][0] for name in ("embeds", "negative")]
    assert all((server.base / "output" / file["subfolder"] / file["filename"]).is_file() for file in files)
    listed = api.json("/object_info/LikenessLoadEmbeds")["LikenessLoadEmbeds"]["input"]["required"]["file"]
    names = [f"{file['subfolder']}/{file['filename']} [output]" for file in files]
    assert set(names) <= set(listed[1]["options"])

    again = prompt(sampler__seed=91)
    for name in ("photo", "reference"):
        del again[name]
    for name, file in zip(("embeds", "negative_embeds"), names, strict=True):
        again[f"load_{name}"] = node("LikenessLoadEmbeds", file=file, adapter=["adapter", 0])
        again["steer"]["inputs"][name] = [f"load_{name}", 0]
    loaded = api.run(again)
    assert loaded.succeeded, loaded.error
    assert pixels(loaded) == pixels(first)


def test_names_outside_the_folders_are_refused_over_the_api(api, prompt):
    graph = prompt()
    graph["bad"] = node("LikenessSaveEmbeds", embeds=["reference", 0], filename_prefix="../../outside")
    entry = api.run(graph)
    assert not entry.succeeded
    assert "is no name below ComfyUI's output folder" in entry.error["exception_message"]
    status, _ = api.post("/prompt", {"prompt": {"load": node("LikenessLoadEmbeds", file="../../etc/passwd")}})
    assert status == 400


def test_noise_and_combined_references_run(api, prompt):
    graph = prompt(sampler__seed=92, steer__negative_embeds=["noise_embeds", 0], steer__embeds=["both", 0])
    graph["noise"] = node("LikenessNoisePicture", kind="shuffle", image=["photo", 0], seed=4)
    graph["noise_embeds"] = node("LikenessEncodeReference", adapter=["adapter", 0], image=["noise", 0])
    graph["tiled"] = node("LikenessEncodeReference", adapter=["adapter", 0], image=["photo", 0], tiles=1)
    graph["both"] = node("LikenessCombineEmbeds", embeds_1=["reference", 0], embeds_3=["tiled", 0], method="average")
    entry = api.run(graph)
    assert entry.succeeded, entry.error
    assert len(entry.entry["outputs"]["tiled"]["images"]) == 3
