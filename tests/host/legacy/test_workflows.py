"""The workflow files that people shared, and the prompts of a program, leave no node of the two packs behind."""

import json
import sys

import graphs
import pytest
from pack.nodes.legacy.rewrite import rewritten
from pack.nodes.legacy.table import ROWS
from serving.old_workflows import FILES, NO_FILES, api_form


@pytest.fixture(scope="module")
def classes():
    return graphs.installed()


@pytest.mark.skipif(not FILES, reason=NO_FILES)
def test_no_node_of_the_two_packs_is_left_in_any_file(classes, capsys):
    lines = ["", "| file | old nodes | rewritten |", "| --- | --- | --- |"]
    left = {}
    for path in FILES:
        workflow = json.loads(path.read_text(encoding="utf-8"))
        used = {one["type"] for one in workflow["nodes"]} & set(classes)
        prompt = api_form(workflow, {name: classes[name].INPUT_TYPES() for name in used})
        old = sum(one["class_type"] in ROWS for one in prompt.values())
        result = rewritten(prompt, ROWS, classes)
        lines.append(f"| {path.stem} | {old} | {result.count} |")
        ours = {number: one for number, one in result.prompt.items() if one["class_type"].startswith("Likeness")}
        wrong = [fault for fault in graphs.faults(result.prompt, classes) if fault.split()[0] in ours]
        if result.kept or wrong or not old:
            left[path.stem] = (result.kept, wrong)
    with capsys.disabled():
        sys.stdout.write("\n".join(lines) + "\n")
    assert not left


def krita(faces):
    """A prompt as krita-ai-diffusion builds them: titles are left out, 'V only' always."""
    node = graphs.node
    prompt = {
        "1": node("CheckpointLoaderSimple", ckpt_name="model.safetensors"),
        "2": node("LoadImage", image="photo.png"),
        "3": node("CLIPVisionLoader", clip_name="encoder.safetensors"),
        "4": node("IPAdapterModelLoader", ipadapter_file="ip-adapter_sd15.safetensors"),
    }
    shared = {"model": ["1", 0], "ipadapter": ["4", 0], "start_at": 0.0, "end_at": 0.9, "embeds_scaling": "V only"}
    if faces:
        prompt["4"]["inputs"]["ipadapter_file"] = "ip-adapter-faceid-plusv2_sd15.bin"
        prompt["5"] = node("IPAdapterInsightFaceLoader", provider="CPU", model_name="buffalo_l")
        prompt["6"] = node(
            "IPAdapterFaceID", **shared, image=["2", 0], weight=0.8, weight_faceidv2=1.6, weight_type="linear",
            combine_embeds="concat", clip_vision=["3", 0], insightface=["5", 0],
        )  # fmt: skip
        return prompt
    for number, weight in (("5", 1.0), ("6", 0.5)):
        prompt[number] = node(
            "IPAdapterEncoder", ipadapter=["4", 0], image=["2", 0], weight=weight, clip_vision=["3", 0]
        )
    prompt["7"] = node("IPAdapterCombineEmbeds", method="concat", embed1=["5", 0], embed2=["6", 0])
    prompt["8"] = node(
        "IPAdapterEmbeds", **shared, pos_embed=["7", 0], neg_embed=["5", 1], weight=0.7, weight_type="linear",
        clip_vision=["3", 0],
    )  # fmt: skip
    return prompt


def test_kritas_pictures(classes):
    prompt = rewritten(krita(faces=False), ROWS, classes).prompt
    assert not graphs.faults(prompt, classes)
    steer = prompt["8"]["inputs"]
    assert (steer["weight"], steer["end_percent"], steer["embeds_scaling"]) == (0.7, 0.9, "V only")
    assert steer["embeds"] == ["7", 0] and steer["negative_embeds"] == ["5", 1]
    first, second = (prompt["7"]["inputs"][f"embeds_{i}"] for i in (1, 2))
    assert first == ["5", 0] and prompt[second[0]]["inputs"]["weights"] == "0.5"


def test_kritas_faces(classes):
    prompt = rewritten(krita(faces=True), ROWS, classes).prompt
    assert not graphs.faults(prompt, classes)
    steer = prompt["6"]["inputs"]
    assert steer["shortcut_scale"] == 1.6
    chosen = prompt[steer["faces"][0]]["inputs"]
    assert prompt[chosen["faces"][0]]["inputs"]["face_models"] == ["5", 0]
