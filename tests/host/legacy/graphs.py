"""Old nodes as API prompts with something at every socket, and a check of prompts against what is installed."""

import importlib
import json
from pathlib import Path

from pack.nodes import MODULES
from pack.nodes.files import folders
from pack.nodes.legacy import handler
from pack.nodes.legacy.table import ROWS

ROOT = Path(__file__).resolve().parents[3]
FILES = {"file", "pack", "embeds", "ckpt_name", "image", "clip_name", "control_net_name"}  # what is installed decides
EXTRAS = ("nodes_images", "nodes_math", "nodes_mask")

# An old socket -> the node that a prompt has there, and its output.
SOURCES = {
    "model": ("CheckpointLoaderSimple", 0),
    "ipadapter": ("IPAdapterModelLoader", 0),
    "instantid": ("InstantIDModelLoader", 0),
    "ip_adapter_flux": ("LoadFluxIPAdapter", 0),
    "ipadapter_flux": ("IPAdapterFluxLoader", 0),
    "pulid": ("PulidModelLoader", 0),
    "eva_clip": ("PulidEvaClipLoader", 0),
    "face_analysis": ("PulidInsightFaceLoader", 0),
    "insightface": ("IPAdapterInsightFaceLoader", 0),
    "faceanalysis": ("InstantIDFaceAnalysis", 0),
    "clip_vision": ("CLIPVisionLoader", 0),
    "control_net": ("ControlNetLoader", 0),
    "positive": ("CLIPTextEncode", 0),
    "negative": ("CLIPTextEncode", 0),
    "mask": ("LoadImage", 1),
    "attn_mask": ("LoadImage", 1),
    "embeds": ("IPAdapterEncoder", 0),
    "neg_embed": ("IPAdapterEncoder", 1),
    "face_embeds": ("InstantIDAttentionPatch", 1),
    "ipadapter_params": ("IPAdapterRegionalConditioning", 0),
    "weights_strategy": ("IPAdapterWeights", 5),
}
SOURCES |= dict.fromkeys(("pos_embed", *(f"embed{i}" for i in range(1, 6))), SOURCES["embeds"])
SOURCES |= dict.fromkeys((f"params_{i}" for i in range(1, 6)), SOURCES["ipadapter_params"])
SOURCES |= dict.fromkeys(
    ("image", *(f"image_{name}" for name in ("negative", "style", "composition", "optional", "kps", *"1234"))),
    ("LoadImage", 0),
)
WIDGETS = {
    "CheckpointLoaderSimple": {"ckpt_name": "model.safetensors"},
    "LoadImage": {"image": "photo.png"},
    "CLIPVisionLoader": {"clip_name": "encoder.safetensors"},
    "ControlNetLoader": {"control_net_name": "net.safetensors"},
    "IPAdapterModelLoader": {"ipadapter_file": "ip-adapter-plus_sd15.safetensors"},
    "IPAdapterLoadEmbeds": {"embeds": "anna.ipadpt"},
    "InstantIDModelLoader": {"instantid_file": "ip-adapter.bin"},
    "PulidModelLoader": {"pulid_file": "ip-adapter_pulid_sdxl_fp16.safetensors"},
    "LoadFluxIPAdapter": {"ipadatper": "ip_adapter.safetensors"},
    "IPAdapterFluxLoader": {"ipadapter": "ip-adapter.bin"},
}


def node(class_type, **inputs):
    return {"class_type": class_type, "inputs": inputs}


def installed():
    """The classes of the host and of the pack by id, as the host knows them when it runs."""
    folders.register()  # the host has no list of adapters before
    classes = dict(importlib.import_module("nodes").NODE_CLASS_MAPPINGS)
    for name in EXTRAS:
        extras = importlib.import_module(f"comfy_extras.{name}")
        found = [value for value in vars(extras).values() if isinstance(value, type) and hasattr(value, "GET_SCHEMA")]
        classes |= {value.GET_SCHEMA().node_id: value for value in found if value.__module__ == extras.__name__}
    ours = [*(one for module in MODULES for one in module.NODES), *handler.nodes()]
    return classes | {one.GET_SCHEMA().node_id: one for one in ours}


def prompt_of(node_id, optional=True, **changes):
    """A prompt with one old node as 'old': all its sockets connected, or only the required ones."""
    row = ROWS[node_id]
    prompt = {}
    sockets = (*row.sockets, *(row.optional if optional else ()))
    inputs = {name: _source(prompt, name) for name in sockets if name not in row.earlier}
    inputs |= WIDGETS.get(node_id) or {name: value for name, value in row.widgets.items() if name not in row.earlier}
    return prompt | {"old": node(node_id, **(inputs | changes))}


def _source(prompt, socket):
    class_type, output = SOURCES[socket]
    if class_type not in prompt:
        prompt[class_type] = node(class_type)
        row = ROWS.get(class_type)
        wanted = dict(row.widgets) if row else {}
        prompt[class_type]["inputs"] = wanted | WIDGETS.get(class_type, {})
        for name in row.sockets if row else ():
            prompt[class_type]["inputs"][name] = _source(prompt, name)
        if class_type == "CLIPTextEncode":
            prompt[class_type]["inputs"] = {"text": "a cat", "clip": [_source(prompt, "model")[0], 1]}
    return [class_type, output]


def faults(prompt, classes):
    """What the host would refuse, in words: ids, inputs, links, values. Nodes of third packs are left alone."""
    return [
        f"{number} {one['class_type']}: {fault}"
        for number, one in prompt.items()
        for fault in _faults_of(one, prompt, classes)
    ]


def _faults_of(one, prompt, classes):
    json.dumps(one)
    if one["class_type"] in ROWS:
        yield "is an old node"
    if one["class_type"] not in classes:
        return
    types = classes[one["class_type"]].INPUT_TYPES()
    required, known = types.get("required", {}), {**types.get("required", {}), **types.get("optional", {})}
    grows = {name for name, spec in known.items() if "template" in (spec[1] if len(spec) > 1 else {})}
    yield from (f"lacks {name}" for name in required if name not in one["inputs"] and name not in grows)
    for name, value in one["inputs"].items():
        if name.split(".")[0] in grows:
            continue
        if name not in known:
            yield f"has no input {name}"
        elif isinstance(value, list):
            yield from _bad_link(value, known[name], prompt, classes)
        elif name not in FILES:
            yield from _bad_value(name, value, known[name])


def _bad_link(link, spec, prompt, classes):
    source = prompt.get(link[0])
    if source is None:
        yield f"is linked to {link[0]}, which is not there"
    elif source["class_type"] in classes:
        given = classes[source["class_type"]].RETURN_TYPES[link[1]]
        if isinstance(spec[0], str) and given not in spec[0].split(","):
            yield f"takes {spec[0]} and gets {given}"


def _bad_value(name, value, spec):
    more = spec[1] if len(spec) > 1 else {}
    options = spec[0] if isinstance(spec[0], list) else more.get("options")
    if options is not None and value not in options:
        yield f"{name} has no choice {value!r}"
    if spec[0] in ("INT", "FLOAT") and not more.get("min", value) <= value <= more.get("max", value):
        yield f"{name} is out of range: {value}"
    if options is None and spec[0] not in ("INT", "FLOAT", "STRING", "BOOLEAN"):
        yield f"{name} is a socket and holds {value!r}"
