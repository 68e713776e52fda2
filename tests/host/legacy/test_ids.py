"""Old ids as nodes of their own: what programs ask for is there, and what another pack has stays that pack's."""

import asyncio
import importlib

import graphs
import pytest
from pack.nodes.legacy import handler
from pack.nodes.legacy.rewrite import stands_in
from pack.nodes.legacy.table import ROWS

THEIRS = ("IPAdapterAdvanced", "IPAdapterModelLoader")
FAKE = """
class Theirs:
    RETURN_TYPES, FUNCTION, CATEGORY = ("MODEL",), "run", "theirs"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"model": ("MODEL",)}}

    def run(self, model):
        return (model,)


NODE_CLASS_MAPPINGS = {"IPAdapterAdvanced": Theirs, "IPAdapterModelLoader": Theirs}
"""
WEIGHT_TYPES = [
    *("linear", "ease in", "ease out", "ease in-out", "reverse in-out", "weak input", "weak output", "weak middle"),
    *("strong middle", "style transfer", "composition", "strong style transfer", "style and composition"),
    *("style transfer precise", "composition precise"),
]
COMBINE = ["concat", "add", "subtract", "average", "norm average"]
SCALING = ["V only", "K+V", "K+V w/ C penalty", "K+mean(V) w/ C penalty"]
RANGE = {"start_at": (0.0, 1.0), "end_at": (0.0, 1.0)}
# What krita-ai-diffusion uses: required sockets, widgets with choices or limits, optional sockets, outputs.
KRITA = {
    "IPAdapterModelLoader": ([], {"ipadapter_file": None}, [], 1),
    "IPAdapterInsightFaceLoader": (
        [],
        {"provider": ["CPU", "CUDA", "ROCM"], "model_name": ["buffalo_l", "antelopev2"]},
        [],
        1,
    ),
    "IPAdapter": (
        ["model", "ipadapter", "image"],
        {"weight": (-1, 3), **RANGE, "weight_type": ["standard", "prompt is more important", "style transfer"]},
        ["attn_mask"],
        1,
    ),
    "IPAdapterCombineEmbeds": (
        ["embed1"],
        {"method": [*COMBINE, "max", "min"]},
        ["embed2", "embed3", "embed4", "embed5"],
        1,
    ),
    "IPAdapterEmbeds": (
        ["model", "ipadapter", "pos_embed"],
        {"weight": (-1, 3), "weight_type": WEIGHT_TYPES, **RANGE, "embeds_scaling": SCALING},
        ["neg_embed", "attn_mask", "clip_vision"],
        1,
    ),
    "IPAdapterFaceID": (
        ["model", "ipadapter", "image"],
        {
            "weight": (-1, 3),
            "weight_faceidv2": (-1, 5),
            "weight_type": WEIGHT_TYPES,
            "combine_embeds": COMBINE,
            **RANGE,
            "embeds_scaling": SCALING,
        },
        ["image_negative", "attn_mask", "clip_vision", "insightface"],
        2,
    ),
}


@pytest.fixture
def host(monkeypatch):
    """The host's own table of nodes, with its own; it is as before when the test ends."""
    nodes = importlib.import_module("nodes")
    monkeypatch.setattr(nodes, "NODE_CLASS_MAPPINGS", dict(nodes.NODE_CLASS_MAPPINGS))
    monkeypatch.setattr(nodes, "LOADED_MODULE_DIRS", {})
    return nodes


@pytest.fixture
def register(host, monkeypatch, tmp_path):
    """Puts nodes into the host's table: ours as the host does it, the fake pack's by the host itself."""
    monkeypatch.setenv("LIKENESS_OLD_IDS", "1")
    (tmp_path / "fake_pack").mkdir()
    (tmp_path / "fake_pack" / "__init__.py").write_text(FAKE, encoding="utf-8")

    def theirs():
        assert asyncio.run(host.load_custom_node(str(tmp_path / "fake_pack")))

    def ours():
        graphs.folders.register()
        host.NODE_CLASS_MAPPINGS |= {one.GET_SCHEMA().node_id: one for one in handler.nodes()}

    return {"theirs": theirs, "ours": ours}


@pytest.mark.parametrize("order", [("theirs", "ours"), ("ours", "theirs")], ids=" first, ".join)
def test_another_packs_ids_stay_its_own(host, register, order):
    for who in order:
        register[who]()
    found = host.NODE_CLASS_MAPPINGS
    assert {name for name in ROWS if not stands_in(found[name])} == set(THEIRS)
    prompt = {
        "1": graphs.node("IPAdapterAdvanced", model=["0", 0]),
        "2": graphs.node("IPAdapterTiled", model=["1", 0]),
    }
    answer = handler.on_prompt({"prompt": prompt})["prompt"]
    assert answer["1"] == prompt["1"]
    assert answer["2"]["class_type"] == "IPAdapterTiled" and answer["2"]["inputs"]["weight"] == 1.0, "ours, completed"


def test_without_the_setting_no_old_id_is_registered(host, monkeypatch):
    monkeypatch.delenv("LIKENESS_OLD_IDS", raising=False)
    assert not {one.GET_SCHEMA().node_id for one in handler.nodes()} & set(ROWS)


def test_what_a_program_asks_for_is_there(host, register):
    register["ours"]()
    for name, (sockets, widgets, optional, outputs) in KRITA.items():
        info = host.NODE_CLASS_MAPPINGS[name].GET_NODE_INFO_V1()
        required = info["input"]["required"] if sockets or widgets else {}
        assert list(required) == [*sockets, *widgets], name
        assert [key for key in info["input"].get("optional", {}) if key != "compatible"] == optional, name
        assert len(info["output"]) == outputs and info["deprecated"], name
        for key, wanted in widgets.items():
            given = required[key][1]
            if isinstance(wanted, list):
                assert required[key][0] == given["options"] == wanted, (name, key)
            elif wanted:
                assert (given["min"], given["max"]) == wanted, (name, key)


def test_the_encoder_takes_both_of_its_forms(host, register):
    register["ours"]()
    inputs = host.NODE_CLASS_MAPPINGS["IPAdapterEncoder"].INPUT_TYPES()
    known = {**inputs["required"], **inputs["optional"]}
    assert {"ipadapter", "image", "weight", "mask", "clip_vision", "image_1", "image_4", "weight_4"} <= set(known)


def test_every_default_is_a_choice_or_within_its_limits(host, register):
    register["ours"]()
    for name in ROWS:
        inputs = host.NODE_CLASS_MAPPINGS[name].INPUT_TYPES()
        for key, spec in {**inputs.get("required", {}), **inputs.get("optional", {})}.items():
            more = spec[1] if len(spec) > 1 else {}
            default = more.get("default")
            if default is None:
                continue
            assert "options" not in more or default in more["options"], (name, key)
            assert more.get("min", default) <= default <= more.get("max", default), (name, key)
