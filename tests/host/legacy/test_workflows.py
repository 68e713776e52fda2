"""The workflow files that people shared, and the prompts of a program, leave no node of the two packs behind."""

import json
import os
import sys
from pathlib import Path

import graphs
import pytest
from pack.nodes.legacy.rewrite import rewritten
from pack.nodes.legacy.table import ROWS

FOLDER = Path(os.environ.get("LIKENESS_OLD_WORKFLOWS") or graphs.ROOT.parent / "shared" / "workflows")
FILES = sorted(FOLDER.glob("*.json"))
ON_THE_PAGE = {"Note", "MarkdownNote", "PrimitiveNode", "Reroute"}


@pytest.fixture(scope="module")
def classes():
    return graphs.installed()


def api_form(workflow, classes):
    """What the page would send: values by name, primitives and reroutes followed."""
    found = {str(one["id"]): one for one in workflow["nodes"]}
    links = {link[0]: [str(link[1]), link[2]] for link in workflow["links"]}
    return {
        number: {"class_type": one["type"], "inputs": _inputs(one, found, links, classes)}
        for number, one in found.items()
        if one["type"] not in ON_THE_PAGE
    }


def _inputs(one, found, links, classes):
    widgets = one.get("widgets_values") or []
    if one["type"] in ROWS:
        inputs = ROWS[one["type"]].by_name(widgets)
    elif one["type"] in classes:
        inputs = dict(zip(_widgets_of(classes[one["type"]]), widgets, strict=False))
    else:
        inputs = {}
    for slot in one.get("inputs", []):
        if slot.get("link") is not None:
            inputs[slot["name"]] = _end(links[slot["link"]], found, links)
    return inputs


def _end(link, found, links):
    source = found[link[0]]
    if source["type"] == "PrimitiveNode":
        return source["widgets_values"][0]
    if source["type"] == "Reroute":
        return _end(links[source["inputs"][0]["link"]], found, links)
    return link


def _widgets_of(kind):
    types = kind.INPUT_TYPES()
    for name, spec in {**types.get("required", {}), **types.get("optional", {})}.items():
        more = spec[1] if len(spec) > 1 else {}
        if isinstance(spec[0], list) or spec[0] in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"):
            yield name
            if more.get("control_after_generate") or name == "seed":
                yield f"{name} control"


@pytest.mark.skipif(not FILES, reason="no folder of old workflow files; LIKENESS_OLD_WORKFLOWS names one")
def test_no_node_of_the_two_packs_is_left_in_any_file(classes, capsys):
    lines = ["", "| file | old nodes | rewritten |", "| --- | --- | --- |"]
    left = {}
    for path in FILES:
        prompt = api_form(json.loads(path.read_text(encoding="utf-8")), classes)
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
