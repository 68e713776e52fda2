"""Old nodes as programs and files of several years wrote them: other inputs, other names, other packs' nodes."""

import json
from pathlib import Path

import graphs
import pytest
from pack.nodes.legacy import thin
from pack.nodes.legacy.rewrite import rewritten
from pack.nodes.legacy.table import ROWS

STEER = {
    name: row
    for name, row in ROWS.items()
    if row.becomes is not None and "MODEL" in row.outputs and "FromParams" not in name
}
# What some old apply node reads; programs that change an id leave it where it is.
LEFT = {
    "noise": 0.5,
    "unfold_batch": True,
    "layer_weights": "0:1",
    "weight_faceidv2": 0.3,
    "weight_v2": 0.3,
    "weight_kolors": 0.5,
    "short_side_tiles": 2,
    "sharpening": 0.5,
    "style_boost": 2.0,
    "embeds_scaling": "K+V",
    "image_negative": ["LoadImage", 0],
    "neg_embed": ["somewhere", 0],
    "insightface": ["somewhere", 0],
}


@pytest.fixture(scope="module")
def classes():
    return graphs.installed()


@pytest.fixture
def become(classes):
    def made(name, optional=False, extra=(), **changes):
        return rewritten(graphs.prompt_of(name, optional, **changes) | dict(extra), ROWS, classes)

    return made


def test_what_a_node_never_had_changes_nothing(become):
    def obeyed(name):
        row, plain = STEER[name], become(name).prompt
        left = {key: value for key, value in LEFT.items() if key not in row.inputs and key not in row.earlier}
        assert left
        return [key for key, value in left.items() if become(name, **{key: value}).prompt != plain]

    assert len(STEER) > 20 and not {name: found for name in STEER if (found := obeyed(name))}


def test_numbers_and_switches_may_come_as_text(become):
    text = become("IPAdapterBatch", weight="0.5", start_at="0.25", encode_batch_size="2").prompt
    assert text == become("IPAdapterBatch", weight=0.5, start_at=0.25, encode_batch_size=2).prompt
    switched = become("IPAdapterApply", unfold_batch=1).prompt["old"]["inputs"]
    assert switched["combine"] == "one per frame"
    encoder = become("IPAdapterEncoder", weight="0.5", extra={"s": graphs.node("X", embeds=["old", 0])}).prompt
    assert encoder[encoder["s"]["inputs"]["embeds"][0]]["inputs"]["weights"] == "0.5"
    assert "'weight' is 'much', which is not a number" in become("IPAdapterAdvanced", weight="much").kept["old"]


# Inputs as another pack's node of the same id has them.
OTHERS = {
    "IPAdapter": {
        **{name: ["0", 0] for name in ("model", "image", "clip_vision", "mask")},
        **{"weight": 0.5, "model_name": "ip-adapter_sd15.bin", "dtype": "fp16"},
    },
    "InsightFaceLoader": {"insight_face_path": "models", "filename": "buffalo_l", "provider": "CPU"},
    "InstantIDModelLoader": {"ckpt_name": "id.safetensors", "weight_dtype": "fp16"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_packs_node_of_the_same_id_is_left_alone(name, classes, become):
    theirs = graphs.node(name, **OTHERS[name])
    result = rewritten({"0": graphs.node("LoadImage", image="a.png"), "1": theirs}, ROWS, classes)
    assert result.prompt["1"] == theirs and not result.count
    assert "it is another pack's node of that id" in result.kept["1"]
    beside = become("IPAdapterAdvanced", extra={"other": theirs})
    assert beside.prompt["other"] == theirs
    assert beside.prompt["old"] == become("IPAdapterAdvanced").prompt["old"]


class Their:
    """A node of one old pack that is installed, while the other pack's is not."""

    RETURN_TYPES = ("IPADAPTER",)

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"face_analysis": ("FACEANALYSIS",), "ipadapter_file": (["a"],)}}


@pytest.mark.parametrize("name", ["IPAdapterApply", "LikenessOldIPAdapterAdvanced"])
def test_wires_of_another_pack_do_not_go_into_ours(name, classes):
    """The node of its shape stays, and says in one sentence what was connected and what to do."""
    prompt = graphs.prompt_of(name.removeprefix("LikenessOld"))
    prompt["old"]["class_type"] = name
    result = rewritten(prompt, thin.BY_CLASS, classes | {"IPAdapterModelLoader": Their})
    stand_in = result.prompt["old"]["class_type"]
    assert stand_in.startswith("LikenessOld")
    if name in ROWS:
        assert "IPAdapterModelLoader (IPAdapterModelLoader) gives IPADAPTER" in result.kept["old"]
    said = classes[stand_in].validate_inputs({"ipadapter": "IPADAPTER", "model": "MODEL"})
    assert said.count("only its own pack reads") == 1 and "'ipadapter'" in said
    assert classes[stand_in].validate_inputs({"ipadapter": "LIKENESS_ADAPTER", "model": "MODEL"}) is True


def test_our_wires_do_not_go_into_another_packs_node(classes):
    """That node would be refused: the old one stays, for its own pack to be installed."""
    prompt = {
        "loader": graphs.node("InstantIDFaceAnalysis", provider="CPU"),
        "pulid": graphs.node("TheirApply", face_analysis=["loader", 0]),
    }
    result = rewritten(prompt, ROWS, classes | {"TheirApply": Their})
    assert result.prompt == prompt
    assert "TheirApply (pulid) of another pack takes FACEANALYSIS from it" in result.kept["loader"]


def test_face_models_of_december_2023(become):
    """`insightface` on the node for pictures, and before that face models in the place of the image encoder."""
    file = {"loader": graphs.node("IPAdapterModelLoader", ipadapter_file="ip-adapter-faceid_sd15.bin")}
    models = {"models": graphs.node("InsightFaceLoader", provider="CPU")}
    for name in ("insightface", "clip_vision"):
        wires = {"ipadapter": ["loader", 0], name: ["models", 0]}
        prompt = become("IPAdapterApply", extra=file | models, **wires).prompt
        main = prompt["old"]["inputs"]
        finder = prompt[prompt[main["faces"][0]]["inputs"]["faces"][0]]["inputs"]
        assert finder["face_models"] == ["models", 0], name
        assert main.get("clip_vision") != ["models", 0]
    assert "LIKENESS_FACE_MODELS" in thin.node(ROWS["IPAdapterApply"]).INPUT_TYPES()["required"]["clip_vision"][0]


def test_apply_instantid_of_february_2024(become, classes):
    """It had no ControlNet: one that follows reads the face in place of the text."""
    wires = {"image_features": ["LoadImage", 0], "attn_mask": ["LoadImage", 1]}
    whole = graphs.prompt_of("ApplyInstantID") | {
        "net": graphs.node("ControlNetApplyAdvanced", positive=["old", 1], negative=["old", 2])
    }
    whole["old"]["inputs"] = {
        name: value for name, value in whole["old"]["inputs"].items() if name not in ("control_net", "image")
    } | wires
    result = rewritten(whole, ROWS, classes)
    assert not result.kept
    prompt, main = result.prompt, result.prompt["old"]
    assert (main["class_type"], main["inputs"]["attn_mask"]) == ("LikenessApplyIPAdapter", ["LoadImage", 1])
    text = prompt[prompt["net"]["inputs"]["positive"][0]]
    assert text["class_type"] == "LikenessOldFaceText" and text["inputs"]["faces"] == main["inputs"]["faces"]
    assert prompt["net"]["inputs"]["negative"] == [prompt["net"]["inputs"]["positive"][0], 1]


@pytest.mark.parametrize(
    ("node", "old", "new"),
    [
        ("IPAdapter", "style transfer (SDXL only)", "style"),
        ("IPAdapterAdvanced", "style transfer (SDXL)", "style"),
        ("IPAdapterAdvanced", "style transfer and composition", "style and composition"),
        ("IPAdapterAdvanced", "reverse_in_out", "reverse in-out"),
    ],
)
def test_names_that_options_had_for_a_while(become, classes, node, old, new):
    result = become(node, weight_type=old)
    assert not result.kept and result.prompt["old"]["inputs"]["layer_preset"] == new
    shaped = graphs.prompt_of(node, weight_type=old)
    shaped["old"]["class_type"] = ROWS[node].thin_id
    known = rewritten(shaped, thin.BY_CLASS, classes).prompt["old"]["inputs"]["weight_type"]
    types = classes[ROWS[node].thin_id].INPUT_TYPES()["required"]["weight_type"]
    assert known in types[1]["options"], "the host takes the names of the last version alone"


def test_a_drawn_picture_of_keypoints_from_a_file_stays_as_it_is(become, classes):
    prompt = become("ApplyInstantID", optional=True).prompt
    chosen = prompt[prompt["old"]["inputs"]["image"][0]]
    assert chosen["class_type"] == "LikenessOldKeypoints" and chosen["inputs"]["image"] == ["LoadImage", 0]
    assert prompt[chosen["inputs"]["drawn"][0]]["class_type"] == "LikenessRenderKeypoints"


def test_without_image_kps_the_old_size_is_there_on_demand(become):
    now, then = (become("ApplyInstantID", compatible=choice) for choice in ("off", "on"))
    assert "image" not in now.prompt["old"]["inputs"] and "drawn at the authors' size" in " ".join(now.notes)
    drawn = then.prompt[then.prompt["old"]["inputs"]["image"][0]]
    assert drawn["inputs"] | {"width": 0, "height": 0} == drawn["inputs"]
    assert drawn["inputs"]["faces"] == then.prompt["old"]["inputs"]["faces"]


@pytest.mark.parametrize("kind", ["style transfer precise", "composition precise", "style and composition"])
def test_written_layer_weights_replace_factors_alone(become, kind):
    prompt = become("IPAdapterMS", weight=0.7, weight_type=kind, layer_weights="4:0.8, 5:0.8").prompt
    main = prompt["old"]["inputs"]
    layers = prompt[main["layers"][0]]["inputs"]
    assert (main["weight"], layers["weights"], layers["preset"]) == (0.7, "4:0.8, 5:0.8", main["layer_preset"])


def test_a_weight_that_is_linked_is_read_when_the_graph_runs(become):
    floats = {"f": graphs.node("SomeFloat"), "s": graphs.node("X", embeds=["old", 0])}
    prompt = become("IPAdapterEncoder", weight=["f", 0], extra=floats).prompt
    weight = prompt[prompt["s"]["inputs"]["embeds"][0]]
    assert weight["class_type"] == "LikenessOldWeight" and weight["inputs"]["weight"] == ["f", 0]


def test_embeds_bring_their_encoder_for_no_reference(become, classes):
    encoder = graphs.node("IPAdapterEncoder", clip_vision=["CLIPVisionLoader", 0], image_1=["LoadImage", 0])
    more = {"encoder": encoder, "CLIPVisionLoader": graphs.node("CLIPVisionLoader", clip_name="encoder.safetensors")}
    more["LoadImage"] = graphs.node("LoadImage", image="photo.png")
    for choice in ("off", "on"):
        prompt = become("IPAdapterApplyEncoded", extra=more, embeds=["encoder", 0], compatible=choice).prompt
        main = prompt["old"]["inputs"]
        assert main["clip_vision"] == ["CLIPVisionLoader", 0] and ("negative_embeds" in main) == (choice == "on")


def test_what_is_gone_and_what_differs_is_said(classes, become):
    left = rewritten({"1": graphs.node("IPAdapterCLIPVisionEncode", clip_vision=["0", 0])}, ROWS, classes)
    assert "use Encode Reference" in left.kept["1"] and not left.count
    dual = become("IPAdapterAdvanced", extra={"g": graphs.node("DualCFGGuider", model=["old", 0])})
    assert "DualCFGGuider (g): all prompts but negative ones have the picture" in " ".join(dual.notes)


CASES = sorted((Path(graphs.ROOT).parent / "shared" / "cases" / "old_prompts").glob("*.json"))


@pytest.mark.skipif(not CASES, reason="no folder of old prompts beside the checkout")
def test_prompts_that_were_found_in_public_become_ours(classes):
    def fault(path):
        result = rewritten(json.loads(path.read_text(encoding="utf-8"))["prompt"], ROWS, classes)
        ours = {number for number, one in result.prompt.items() if one["class_type"].startswith("Likeness")}
        return result.kept or [one for one in graphs.faults(result.prompt, classes) if one.split()[0] in ours]

    assert not {path.stem: found for path in CASES if (found := fault(path))}
