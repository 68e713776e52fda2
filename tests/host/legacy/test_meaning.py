"""What old settings mean in the new nodes: weights, options, several nodes for one, links to what came out."""

import graphs
import pytest
from miniature import adapters
from pack.attention.adapter import checkpoint
from pack.attention.adapter.identify import identify
from pack.attention.catalogue.presets import PURPOSES
from pack.attention.weights.layer_presets import LAYER_PRESETS
from pack.nodes.legacy import loaders
from pack.nodes.legacy.options import PRESET_PURPOSES, WEIGHT_TYPES, purpose
from pack.nodes.legacy.rewrite import rewritten
from pack.nodes.legacy.table import ROWS


@pytest.fixture(scope="module")
def classes():
    return graphs.installed()


@pytest.fixture
def become(classes):
    """(old node, inputs) -> the whole result for a prompt with it as 'old'."""

    def made(name, optional=False, extra=(), **changes):
        result = rewritten(graphs.prompt_of(name, optional, **changes) | dict(extra), ROWS, classes)
        assert not graphs.faults(result.prompt, classes) or result.kept
        return result

    return made


@pytest.fixture
def main(become):
    return lambda *args, **changes: become(*args, **changes).prompt["old"]["inputs"]


def test_the_options_lead_to_options_of_ours():
    assert set(WEIGHT_TYPES.values()) <= set(LAYER_PRESETS)
    assert set(PRESET_PURPOSES.values()) <= set(PURPOSES)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("style transfer", "style"),
        ("style transfer (SDXL)", "style"),
        ("strong style transfer", "strong style"),
        ("composition", "composition"),
        ("ease in-out", "ease in-out"),
        ("composition precise", "composition precise"),
    ],
)
def test_weight_types(main, old, new):
    assert main("IPAdapterAdvanced", weight_type=old)["layer_preset"] == new


@pytest.mark.parametrize(
    ("old", "new"), [("standard", "linear"), ("prompt is more important", "ease out"), ("style transfer", "style")]
)
def test_the_simple_node(main, old, new):
    assert main("IPAdapter", weight_type=old)["layer_preset"] == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("PLUS (high strength)", "plus"),
        ("PLUS FACE (portraits)", "plus face"),
        ("FACEID PLUS - SD1.5 only", "FaceID plus"),
        ("FACEID PLUS V2", "FaceID plus v2"),
        ("FACEID PORTRAIT UNNORM - SDXL only (strong)", "FaceID portrait unnorm"),
        ("Kolors", "Kolors plus"),
        ("PRO", None),
    ],
)
def test_presets_by_their_first_words(old, new):
    assert purpose(old) == new


def test_an_unknown_option_is_said(become):
    assert "no weight type 'sideways'" in become("IPAdapterAdvanced", weight_type="sideways").kept["old"]


@pytest.mark.parametrize(
    ("node", "settings", "weight", "second"),
    [
        ("IPAdapterPreciseStyleTransfer", {"weight": 0.5, "style_boost": 1.0}, 0.5, 1.0),
        ("IPAdapterPreciseComposition", {"weight": 0.0, "composition_boost": 2.0}, 0.0, 2.0),
        ("IPAdapterAdvanced", {"weight": 0.8, "weight_type": "style and composition"}, 0.8, 1.0),
    ],
)
def test_the_second_weight_stood_alone(become, node, settings, weight, second):
    prompt = become(node, **settings).prompt
    main = prompt["old"]["inputs"]
    layers = prompt[main["layers"][0]]["inputs"]
    assert main["weight"] == 1.0
    assert (layers["weight"], layers["second"], layers["middle"]) == (weight, second, True)


def test_layer_weights_are_for_the_family_of_the_adapter(become):
    prompt = become("IPAdapterMS", layer_weights="0:1, 3:0.5").prompt
    layers = prompt[prompt["old"]["inputs"]["layers"][0]]["inputs"]
    assert layers["weights"] == "0:1, 3:0.5" and layers["adapter"] == ["IPAdapterModelLoader", 0]


def test_style_and_composition_act_in_layers_of_their_own(become):
    prompt = become("IPAdapterStyleComposition", weight_style=1.2, weight_composition=0.7, expand_style=True).prompt
    style = prompt["old"]["inputs"]
    composition = prompt[style["model"][0]]["inputs"]
    assert (style["layer_preset"], style["weight"]) == ("strong style", 1.2)
    assert (composition["layer_preset"], composition["weight"]) == ("composition", 0.7)


def test_a_negative_picture_is_encoded(become):
    prompt = become("IPAdapterAdvanced", optional=True).prompt
    source, output = prompt["old"]["inputs"]["negative_embeds"]
    assert (prompt[source]["class_type"], output) == ("LikenessEncodeReference", 0)
    assert prompt[source]["inputs"]["clip_vision"] == ["CLIPVisionLoader", 0]


def test_an_encoder_weight_goes_through_combine_embeds(become):
    sink = {"sink": graphs.node("LikenessSaveEmbeds", embeds=["old", 0])}
    plain, heavy = (become("IPAdapterEncoder", extra=sink, weight=weight).prompt for weight in (1.0, 0.6))
    assert plain["sink"]["inputs"]["embeds"] == ["old", 0]
    combined = heavy[heavy["sink"]["inputs"]["embeds"][0]]["inputs"]
    assert combined["weights"] == "0.6" and combined["embeds_1"] == ["old", 0]


def test_a_unified_loader_hands_its_model_on(become):
    sink = {"sink": graphs.node("LikenessScaleAdapters", model=["old", 0])}
    prompt = become("IPAdapterUnifiedLoader", extra=sink, preset="PLUS (high strength)").prompt
    assert prompt["sink"]["inputs"]["model"] == ["CheckpointLoaderSimple", 0]
    assert prompt["old"]["inputs"]["preset"] == "plus"


def test_the_loader_for_faces_puts_the_lora_on_its_model_and_on_no_other(become):
    apply = {"model": ["CheckpointLoaderSimple", 0], "ipadapter": ["old", 1], "image": ["photo", 0]}
    sinks = {
        "model": graphs.node("LikenessScaleAdapters", model=["old", 0]),
        "apply": graphs.node("IPAdapterAdvanced", **apply),
        "photo": graphs.node("LoadImage", image="photo.png"),
    }
    prompt = become("IPAdapterUnifiedLoaderFaceID", extra=sinks, preset="FACEID PLUS V2").prompt
    source, output = prompt["model"]["inputs"]["model"]
    assert (prompt[source]["class_type"], output) == ("LikenessOldLora", 0)
    assert prompt[source]["inputs"] == {"model": ["CheckpointLoaderSimple", 0], "adapter": ["old", 0]}
    assert prompt["apply"]["inputs"]["adapter"] == [source, 1]
    assert (prompt["old"]["inputs"]["preset"], prompt["old"]["inputs"]["lora_strength"]) == ("FaceID plus v2", 0.6)


def test_the_plain_loader_leaves_the_lora_to_the_graph(main):
    assert main("IPAdapterModelLoader")["lora_strength"] == 0.0


def test_faceid_from_a_unified_loader_opens_face_models(become):
    loader = {"loader": graphs.node("IPAdapterUnifiedLoaderFaceID", model=["CheckpointLoaderSimple", 0])}
    prompt = become("IPAdapterAdvanced", extra=loader, ipadapter=["loader", 1], weight=0.7).prompt
    main = prompt["old"]["inputs"]
    finder = prompt[prompt[main["faces"][0]]["inputs"]["faces"][0]]["inputs"]
    assert prompt[finder["face_models"][0]]["inputs"] == {"pack": "buffalo_l", "provider": "CPU"}
    assert main["shortcut_scale"] == 1.4


def test_the_crop_of_a_face(become):
    sink = {"sink": graphs.node("PreviewImage", images=["old", 1])}
    face = {"face": graphs.node("IPAdapterModelLoader", ipadapter_file="ip-adapter-faceid_sd15.bin")}
    prompt = become("IPAdapterFaceID", optional=True, extra=sink | face, ipadapter=["face", 0]).prompt
    source, output = prompt["sink"]["inputs"]["images"]
    assert (prompt[source]["class_type"], output) == ("LikenessOldFaceImage", 0)


def test_a_list_of_weights_stays_linked(become):
    weights = {"w": graphs.node("IPAdapterWeights", weights="1.0, 0.0", timing="linear", frames=4)}
    prompt = become("IPAdapterBatch", extra=weights, weight=["w", 0]).prompt
    main = prompt["old"]["inputs"]
    assert main["weight"] == ["w", 0] and main["combine"] == "one per frame"
    assert prompt["w"]["class_type"] == "LikenessOldIPAdapterWeights" and prompt["w"]["inputs"]["frames"] == 4


def test_a_list_from_another_pack_stays_linked(main):
    foreign = {"floats": graphs.node("SomeoneElsesFloats")}
    assert main("IPAdapterBatch", extra=foreign, weight=["floats", 0])["weight"] == ["floats", 0]


def test_regions_become_a_chain(become):
    pair = {
        f"r{i}": graphs.node(
            "IPAdapterRegionalConditioning",
            image=["LoadImage", 0],
            mask=["LoadImage", 1],
            image_weight=0.1 * i,
            prompt_weight=0.9,
            positive=["text", 0],
        )
        for i in (1, 2)
    }
    more = {
        "both": graphs.node("IPAdapterCombineParams", params_1=["r1", 0], params_2=["r2", 0]),
        "text": graphs.node("CLIPTextEncode", text="", clip=["CheckpointLoaderSimple", 1]),
        "sink": graphs.node("ConditioningZeroOut", conditioning=["r1", 1]),
    }
    prompt = become("IPAdapterFromParams", extra=pair | more, ipadapter_params=["both", 0]).prompt
    last = prompt["old"]["inputs"]
    first = prompt[last["model"][0]]["inputs"]
    assert (first["weight"], last["weight"]) == (0.1, 0.2)
    assert first["model"] == ["CheckpointLoaderSimple", 0] and first["attn_mask"] == ["LoadImage", 1]
    masked = prompt[prompt["sink"]["inputs"]["conditioning"][0]]
    assert masked["class_type"] == "ConditioningSetMask" and masked["inputs"]["strength"] == 0.9


@pytest.mark.parametrize(
    ("old", "scaling"),
    [("original", "V only"), ("linear", "K+V"), ("channel penalty", "K+mean(V) w/ C penalty")],
)
def test_weight_types_of_2023_said_where_the_weight_acts(main, old, scaling):
    inputs = main("IPAdapterApply", weight_type=old, unfold_batch=True)
    assert (inputs["layer_preset"], inputs["embeds_scaling"]) == ("linear", scaling)
    assert inputs["combine"] == "one per frame"


def test_the_encoder_of_2023_finds_its_adapter(become):
    graph = {
        "encoder": graphs.node(
            "IPAdapterEncoder", clip_vision=["CLIPVisionLoader", 0], image_1=["LoadImage", 0],
            image_2=["LoadImage", 0], weight_1=1.0, weight_2=0.5,
        ),
        "CLIPVisionLoader": graphs.node("CLIPVisionLoader", clip_name="encoder.safetensors"),
        "LoadImage": graphs.node("LoadImage", image="photo.png"),
    }  # fmt: skip
    prompt = become("IPAdapterApplyEncoded", extra=graph, embeds=["encoder", 0]).prompt
    combined = prompt[prompt["old"]["inputs"]["embeds"][0]]["inputs"]
    assert combined["weights"] == "1, 0.25", "that node multiplied twice"
    assert prompt[combined["embeds_2"][0]]["inputs"]["adapter"] == ["IPAdapterModelLoader", 0]


def test_keypoints_that_are_drawn_already_stay(become):
    drawn = {"kps": graphs.node("FaceKeypointsPreprocessor", faceanalysis=["InstantIDFaceAnalysis", 0])}
    drawn["kps"]["inputs"]["image"] = ["LoadImage", 0]
    drawn["InstantIDFaceAnalysis"] = graphs.node("InstantIDFaceAnalysis", provider="CPU")
    prompt = become("ApplyInstantIDAdvanced", extra=drawn, image_kps=["kps", 0], ip_weight=0.6).prompt
    source = prompt["old"]["inputs"]["image"][0]
    assert prompt[source]["class_type"] == "LikenessRenderKeypoints" and source.startswith("kps")
    assert (prompt["old"]["inputs"]["weight"], prompt["old"]["inputs"]["strength"]) == (0.6, 0.8)


def test_new_ids_clash_with_none(become):
    taken = {"old_EncodeReference_1": graphs.node("SomeoneElses")}
    prompt = become("IPAdapterAdvanced", optional=True, extra=taken).prompt
    assert prompt["old_EncodeReference_1"]["class_type"] == "SomeoneElses"
    assert prompt["old"]["inputs"]["negative_embeds"] == ["old_EncodeReference_2", 0]


def test_one_node_without_counterpart_keeps_only_itself(become):
    more = {"s": graphs.node("IPAdapterAdvanced", weight_type="sideways")}
    result = become("IPAdapterEmbeds", extra=more, optional=True, model=["s", 0])
    assert set(result.kept) == {"s"} and result.prompt["old"]["inputs"]["model"] == ["s", 0]
    kept = result.prompt["s"]
    assert (kept["class_type"], kept["inputs"]["weight_type"]) == ("LikenessOldIPAdapterAdvanced", "sideways")
    lost = {"sink": graphs.node("PreviewImage", images=["old", 1])}
    assert "'face_image'" in become("IPAdapterFaceID", extra=lost).kept["old"]


@pytest.mark.parametrize(
    ("name", "variant", "kind"),
    [
        ("ip-adapter-faceid-plusv2_sd15.safetensors", "faceid_plus", "faceid_plus_v2"),
        ("my-FaceID-PlusV2.bin", "faceid_plus", "faceid_plus_v2"),
        ("ip-adapter-faceid-plus_sd15.safetensors", "faceid_plus", "faceid_plus"),
        ("portrait_unnorm_saved_again.safetensors", "unnorm", "portrait_unnorm"),
        ("a resampler of faces.safetensors", "unnorm", None),
        ("plusv2 by name alone.safetensors", "base", None),
    ],
)
def test_of_look_alikes_that_are_no_published_bytes_the_name_decides(
    name, variant, kind, become, tmp_path, monkeypatch
):
    """As in the old pack, which looked at nothing else."""
    path = tmp_path / name
    content = adapters.adapter_state_dict("sdxl" if variant == "unnorm" else "sd15", variant, 3)
    (adapters.write_bin if path.suffix == ".bin" else adapters.write_safetensors)(content, path)
    monkeypatch.setattr(loaders.folders, "adapter_path", lambda file: str(tmp_path / file))
    result = become("IPAdapterModelLoader", ipadapter_file=name)
    assert result.prompt["old"]["inputs"] == {"file": name, "lora_strength": 0.0} | ({"kind": kind} if kind else {})
    assert any(f"taken for {kind}" in note for note in result.notes) == bool(kind)
    if kind:
        assert identify(checkpoint.read_outline(path), kind).variant.name == kind
