"""The workflow files that people shared: where they are, as API prompts, and with what this machine lacks replaced.

Nothing of the two old packs is replaced here: only nodes of third packs by the host's own, real models by miniatures.
"""

import copy
import hashlib
import json
import os
from pathlib import Path

from pack.face.recognisers import RESNET50, RESNET100
from pack.nodes.legacy.table import ROWS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("LIKENESS_OLD_WORKFLOWS") or ROOT.parent / "shared" / "workflows")
FILES = sorted(FOLDER.glob("*.json"))
NO_FILES = "no folder of old workflow files; LIKENESS_OLD_WORKFLOWS names one"
ON_THE_PAGE = {"Note", "MarkdownNote", "PrimitiveNode", "Reroute"}


def api_form(workflow, types):
    """What the page would send: values by name, primitives and reroutes followed.

    `types` has the inputs of every installed node by class, as the host describes them.
    """
    found = {str(one["id"]): one for one in workflow["nodes"]}
    links = {link[0]: [str(link[1]), link[2]] for link in workflow["links"]}
    return {
        number: {"class_type": one["type"], "inputs": _inputs(one, found, links, types)}
        for number, one in found.items()
        if one["type"] not in ON_THE_PAGE
    }


def _inputs(one, found, links, types):
    widgets = one.get("widgets_values") or []
    if one["type"] in ROWS:
        inputs = ROWS[one["type"]].by_name(widgets)
    elif one["type"] in types:
        inputs = dict(zip(_widgets_of(types[one["type"]]), widgets, strict=False))
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


def _widgets_of(types):
    for name, spec in {**types.get("required", {}), **types.get("optional", {})}.items():
        more = spec[1] if len(spec) > 1 else {}
        if isinstance(spec[0], list) or spec[0] in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"):
            yield name
            if more.get("control_after_generate") or name == "seed":
                yield f"{name} control"


# Nodes of third packs -> what of the host's stands in for them, in words for the list that a test prints.
THIRD_PACKS = {
    "ImageFlip+": "ImageFlip",
    "MaskFlip+": "InvertMask, the same for the half masks of that file",
    "MaskFromRGBCMYBW+": "one ImageToMask for each channel that is used",
    "ConditioningCombineMultiple+": "ConditioningCombine, one after the other",
}
CHANNELS = {"red": "red", "green": "green", "black": "blue"}


def without_third_packs(workflow):
    """The workflow with the host's nodes in the place of third packs', and what was replaced."""
    graph = Graph(copy.deepcopy(workflow))
    replaced = []
    for one in [node for node in graph.nodes if node["type"] in THIRD_PACKS]:
        replaced.append(f"{one['type']} ({one['id']}) -> {THIRD_PACKS[one['type']]}")
        REPLACE[one["type"]](graph, one)
    return graph.workflow, replaced


class Graph:
    """A workflow file whose nodes are taken out and put in."""

    def __init__(self, workflow):
        self.workflow = workflow

    @property
    def nodes(self):
        return self.workflow["nodes"]

    def put(self, like, kind, inputs, outputs, values):
        """Add a node where another is; `inputs` are (name, type, link), `outputs` (name, type, links)."""
        self.workflow["last_node_id"] += 1
        number = self.workflow["last_node_id"]
        slots = [{"name": name, "type": kind, "link": link} for name, kind, link in inputs]
        ends = [{"name": name, "type": kind, "links": list(links)} for name, kind, links in outputs]
        made = {"id": number, "type": kind, "pos": like["pos"], "size": like["size"], "mode": 0, "order": like["order"]}
        self.nodes.append(made | {"inputs": slots, "outputs": ends, "properties": {}, "widgets_values": values})
        for link in self.workflow["links"]:
            for slot, (_, _, number_of_link) in enumerate(inputs):
                if link[0] == number_of_link:
                    link[3:5] = [number, slot]
            for slot, (_, _, numbers) in enumerate(outputs):
                if link[0] in numbers:
                    link[1:3] = [number, slot]
        return number

    def link(self, source, target, slot, kind):
        """A new link from a node's first output."""
        self.workflow["last_link_id"] += 1
        number = self.workflow["last_link_id"]
        self.workflow["links"].append([number, source, 0, target, slot, kind])
        found = {one["id"]: one for one in self.nodes}
        found[source]["outputs"][0]["links"].append(number)
        found[target]["inputs"][slot]["link"] = number

    def take(self, one):
        self.nodes.remove(one)


def _flip(graph, one):
    graph.take(one)
    source, result = one["inputs"][0]["link"], one["outputs"][0]["links"]
    graph.put(one, "ImageFlip", [("image", "IMAGE", source)], [("IMAGE", "IMAGE", result)], ["y-axis: horizontally"])


def _flip_mask(graph, one):
    graph.take(one)
    source, result = one["inputs"][0]["link"], one["outputs"][0]["links"]
    graph.put(one, "InvertMask", [("mask", "MASK", source)], [("MASK", "MASK", result)], [])


def _channels(graph, one):
    graph.take(one)
    source = next(link for link in graph.workflow["links"] if link[0] == one["inputs"][0]["link"])
    for output in one["outputs"]:
        if output.get("links"):
            made = graph.put(
                one,
                "ImageToMask",
                [("image", "IMAGE", None)],
                [("MASK", "MASK", output["links"])],
                [CHANNELS[output["name"]]],
            )
            graph.link(source[1], made, 0, "IMAGE")
    graph.workflow["links"].remove(source)
    origin = next(node for node in graph.nodes if node["id"] == source[1])
    for output in origin["outputs"]:
        output["links"] = [number for number in output.get("links") or [] if number != source[0]]


def _conditionings(graph, one):
    graph.take(one)
    first, *others = [slot["link"] for slot in one["inputs"] if slot.get("link") is not None]
    made = None
    for i, other in enumerate(others):
        ends = one["outputs"][0]["links"] if i == len(others) - 1 else []
        sides = [("conditioning_1", "CONDITIONING", first if made is None else None)]
        sides.append(("conditioning_2", "CONDITIONING", other))
        number = graph.put(one, "ConditioningCombine", sides, [("CONDITIONING", "CONDITIONING", ends)], [])
        if made is not None:
            graph.link(made, number, 0, "CONDITIONING")
        made = number


REPLACE = {
    "ImageFlip+": _flip,
    "MaskFlip+": _flip_mask,
    "MaskFromRGBCMYBW+": _channels,
    "ConditioningCombineMultiple+": _conditionings,
}


# File that an old graph names -> variant and family of the miniature that lies there under its name.
ADAPTERS = {
    "ipadapter/ip-adapter-plus_sd15.safetensors": ("sd15", "plus"),
    "ipadapter/ip-adapter-plus_sdxl_vit-h.safetensors": ("sdxl", "plus"),
    "ipadapter/ip-adapter-faceid-plusv2_sd15.bin": ("sd15", "faceid_plus"),
    "instantid/ip-adapter.bin": ("sdxl", "instantid"),
}
ENCODERS = ("CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors", "IPAdapter_image_encoder_sd15.safetensors")
FACE_PACKS = {"buffalo_l": RESNET50, "antelopev2": RESNET100}
SMALLER = 4  # times, each side


def install(base, data, photo):
    """Put miniatures where old graphs expect files, and one picture under every name that they load.

    Returns, by sha256, for which published recogniser a file stands in.
    """
    from miniature import adapters, encoder_files, recognisers

    models = base / "models"
    for name, (family, variant) in ADAPTERS.items():
        (models / name).parent.mkdir(parents=True, exist_ok=True)
        content = adapters.adapter_state_dict(family, variant, 11, encoder="vit_h_wide")
        write = adapters.write_bin if name.endswith(".bin") else adapters.write_safetensors
        write(content, models / name)
    first, *others = ((models / "clip_vision" / name) for name in ENCODERS)
    encoder_files.write("vit_h_wide", 3, first)
    for other in others:
        other.symlink_to(first)
    stand_ins = {}
    for pack, recogniser in FACE_PACKS.items():
        folder = models / "insightface" / "models" / pack
        recognisers.write(pack, 5, folder / "recogniser.onnx")
        stand_ins[hashlib.sha256((folder / "recogniser.onnx").read_bytes()).hexdigest()] = recogniser
        detector = "scrfd_500m_bnkps.onnx"
        (folder / detector).symlink_to(data / "insightface" / "models" / "vectron" / detector)
    for path in FILES:
        for one in json.loads(path.read_text(encoding="utf-8"))["nodes"]:
            if one["type"] == "LoadImage":
                target = base / "input" / one["widgets_values"][0]
                target.unlink(missing_ok=True)
                target.symlink_to(photo)
    return stand_ins


def on_the_miniature(prompt):
    """An API prompt with old or our nodes, its base model, ControlNet, sizes and steps made small."""
    made = copy.deepcopy(prompt)
    for one in made.values():
        inputs = one["inputs"]
        if one["class_type"] == "CheckpointLoaderSimple":
            family = "sdxl" if inputs["ckpt_name"].startswith("sdxl") else "sd15"
            one |= {"class_type": "MiniatureModel", "inputs": {"family": family, "seed": 1}}
        elif one["class_type"] == "ControlNetLoader":
            one |= {"class_type": "MiniatureControlNet", "inputs": {"family": "sdxl", "seed": 2}}
        elif one["class_type"] == "KSampler":
            inputs["steps"] = 2
        elif one["class_type"] in ("EmptyLatentImage", "SolidMask"):
            inputs |= {side: inputs[side] // SMALLER // 8 * 8 for side in ("width", "height")}
    return made
