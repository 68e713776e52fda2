"""The nodes of weights on a model that has an image branch: what they take, show and refuse."""

from types import SimpleNamespace

import pytest
import torch
from pack.attention.models.blocks import outlines
from pack.attention.models.families import FAMILIES, layers
from pack.attention.models.fits import misfit
from pack.attention.models.kinds import KINDS, UNET, WAN, kind_of
from pack.attention.models.unet import family_of_model, model_layers
from pack.attention.sampling.attach import attach, attachments
from pack.attention.sampling.strengths import strengths
from pack.attention.weights.layer_presets import preset, presets_of
from pack.attention.weights.layer_text import parse
from pack.attention.weights.schedule import Schedule
from pack.nodes.forms.layer_weights import LayerWeightsNode
from pack.nodes.forms.scale_adapters import ScaleAdapters
from pack.nodes.forms.scale_image_branch import ScaleImageBranch
from pack.nodes.forms.show_adapters import ShowAdapters
from pack.nodes.wires import WeightSchedule


@pytest.fixture
def ran():
    """Runs a node through the host's own preparation: its outputs by name, its text and the pictures it shows."""

    def run(node, **inputs):
        output = node.PREPARE_CLASS_CLONE({}).execute(**inputs)
        names = [socket.id or socket.io_type for socket in node.define_schema().outputs]
        ui = output.ui if isinstance(output.ui, dict) else output.ui.as_dict() if output.ui else {}
        made = dict(zip(names, output.args, strict=True))
        return SimpleNamespace(**made, text=ui.get("text", [""])[0], pictures=ui.get("images", []))

    return run


def test_every_socket_is_explained():
    schema = ScaleImageBranch.define_schema()
    schema.validate()
    assert schema.node_id == "LikenessScaleImageBranch" and schema.category == "likeness/weights"
    assert schema.search_aliases and schema.has_intermediate_output
    for socket in [*schema.inputs, *schema.outputs]:
        assert socket.tooltip, socket.id
    ScaleImageBranch.GET_NODE_INFO_V1()


def test_it_says_what_it_found(whole, ran):
    assert ran(ScaleImageBranch, model=whole.model).text.splitlines() == [
        "Wan 14B: 40 blocks with an image branch",
        "the model as it is: nothing is changed",
    ]
    assert ran(ScaleImageBranch, model=whole.model, weight=0.5).text.endswith("weight 0.5; 1 is the model as it is")


def test_a_model_without_image_branch_is_named_with_what_would_fit(without_branch, sd15, ran):
    from miniature import wan

    for model in (without_branch.model, wan.model("wan2.1 t2v 1.3b", 1)):
        with pytest.raises(
            ValueError, match=r"is WAN21 \(WanModel\), which has no image branch\. Connect.*Wan 2\.1 I2V"
        ):
            ran(ScaleImageBranch, model=model)
    with pytest.raises(ValueError, match="has no image branch. To steer it with a picture, use Apply IP-Adapter"):
        ran(ScaleImageBranch, model=sd15.model)


def test_an_adapter_says_that_this_model_has_no_place_for_it(i2v, load):
    fault = misfit(load("sd15").adapter.layers, model_layers(i2v.model))
    assert "acts in the cross-attention of a UNet; the connected model is WAN21 (WanModel)" in fault
    with pytest.raises(
        ValueError, match="no adapter fits here. Connect a model of SD1.5, SDXL, Segmind Vega, FLUX.1 or SD3.5 Large"
    ):
        family_of_model(model_layers(i2v.model))


def test_every_kind_is_told_from_the_others(whole, without_branch, sd15, sdxl):
    assert [kind_of(each.model) for each in (whole, without_branch, sd15, sdxl)] == [WAN, None, UNET, UNET]
    assert {name: kind.plain for name, kind in KINDS.items()} == {
        "unet": 0.0,
        "flux": 0.0,
        "sd3": 0.0,
        "wan": 1.0,
        "references": 1.0,
    }
    assert tuple(WAN.attentions(whole.model)) == tuple(layer.key for layer in layers("wan14b"))


def test_references_and_an_image_branch_are_not_for_one_model(i2v, sd15, apply, scale):
    (reference,) = attachments(apply(sd15.model, "sd15"))
    with pytest.raises(ValueError, match="branches of unet and wan cannot be on one model"):
        attach(scale(i2v.model, weight=0.5), reference)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"weight": float("nan")}, "weight is nan"),
        ({"negative_apart": True, "negative_weight": float("inf")}, "negative_weight is inf"),
        ({"start_image_weight": 0.0, "end_image_weight": 0.0}, "both 0.*Set weight to 0"),
        ({"end_image_weight": -1.0}, "end_image_weight is -1; it must be 0 or more"),
        ({"end_image_weight": 0.5, "attn_mask": torch.ones(1, 8, 8)}, "cannot be limited by attn_mask"),
        ({"start_percent": 0.8, "end_percent": 0.2}, "start_percent 0.8 and end_percent 0.2"),
        ({"layers": parse("0:1", "wan1.3b")}, "are for Wan 1.3B, but the connected model has 40 blocks.*'wan14b'"),
        ({"layers": parse("0:1", "sdxl")}, "are for SDXL.*'wan14b'"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(whole, scale, inputs, says):
    with pytest.raises(ValueError, match=says):
        scale(whole.model, **inputs)


def test_one_node_for_the_start_and_another_for_the_end_leave_no_picture(flf2v, scale, film):
    model = scale(scale(flf2v.model, start_image_weight=0.0), end_image_weight=0.0)
    with pytest.raises(ValueError, match="no picture is left"):
        film(flf2v, model, steps=1)


def test_layer_weights_number_the_blocks_of_the_model(ran):
    result = ran(LayerWeightsNode, family="wan14b", weights="0:1, 39:0.5")
    assert result.layers.by_block[("block", 39, 0)] == 0.5
    assert len(ran(LayerWeightsNode, family="wan1.3b", preset="ease out").layers.factors) == 30
    places = [outline.place for outline in outlines("wan14b")]
    assert places[0] == "block 0" and places[39] == "block 39" and len(places) == 40
    assert {outline.cell for outline in outlines("wan14b")} == {16}


def test_presets_without_a_meaning_are_refused_with_those_that_have_one():
    assert presets_of("wan14b") == ("linear", "ease in", "ease out", "ease in-out", "reverse in-out")
    assert len(presets_of("sdxl")) > len(presets_of("wan14b"))
    with pytest.raises(ValueError, match="'style' has no meaning for Wan 14B.*choose one of: linear, ease in"):
        preset("style", "wan14b")
    with pytest.raises(ValueError, match="diffusers' dictionaries are for UNets, and Wan 1.3B has none"):
        parse('{"up": 1}', "wan1.3b")


def test_an_adapters_family_is_never_a_video_model():
    from pack.attention.models.families import family_of

    for name in ("wan14b", "wan1.3b"):
        with pytest.raises(ValueError, match="no known base model has"):
            family_of(FAMILIES[name].num_layers)


def test_show_adapters_shows_what_the_run_will_do(whole, ran, scale, film, monkeypatch):
    from pack.attention.sampling.own_factor import OwnOnRows

    layers_wire = parse(", ".join(f"{i}:{1 if i % 2 else 0.5}" for i in range(40)), "wan14b")
    course = WeightSchedule(Schedule(((0.0, 1.0), (1.0, 0.5))))
    model = scale(whole.model, weight=0.8, layers=layers_wire, schedule=course, start_percent=0.2)
    shown = ran(ShowAdapters, model=model, steps=4, scheduler="simple")
    assert shown.text == "image branch: 40 of 40 blocks, 3 of 4 steps" and len(shown.pictures) == 1

    import comfy.samplers

    sampling = model.get_model_object("model_sampling")
    levels = comfy.samplers.calculate_sigmas(sampling, "simple", 4)[:-1].tolist()
    (branch,) = strengths(attachments(model), sampling, levels)
    assert branch.factors[0] == (1.0,) * 40 and branch.plain == 1.0
    happened, factor = [], OwnOnRows.factor

    def recording(self, block, q):
        happened.append(factor(self, block, q))
        return happened[-1]

    monkeypatch.setattr(OwnOnRows, "factor", recording)
    film(whole, model, steps=4)
    assert happened == pytest.approx([f for step in branch.factors[1:] for f in step])


def test_a_model_of_no_known_size_is_served_with_its_own_numbers(i2v, ran):
    model = i2v.model
    scaled = ran(ScaleImageBranch, model=model, weight=0.5)
    assert scaled.text.startswith("a model: 4 blocks with an image branch")
    assert "4 of 4 blocks" in ran(ShowAdapters, model=scaled.MODEL).text
    with pytest.raises(ValueError, match="has 4 blocks with an image branch. Disconnect 'layers'"):
        ran(ScaleImageBranch, model=model, layers=parse("0:1", "wan14b"))


def test_scale_adapters_goes_from_the_plain_model_to_the_weight(i2v, ran, scale, film, differs):
    course = WeightSchedule(Schedule(((0.0, 0.2),)))
    off = ran(ScaleAdapters, model=scale(i2v.model, weight=0.3, schedule=course), factor=0.0)
    assert torch.equal(film(i2v, off.MODEL), film(i2v))
    half = ran(ScaleAdapters, model=scale(i2v.model, weight=0.0), factor=0.5)
    assert half.text == "image branch: 0 -> 0.5"
    assert torch.equal(film(i2v, half.MODEL), film(i2v, scale(i2v.model, weight=0.5)))
    mask = torch.ones(1, 8, 8)
    masked = ran(ScaleAdapters, model=scale(i2v.model, weight=0.0, attn_mask=mask), factor=0.5)
    torch.testing.assert_close(film(i2v, masked.MODEL), film(i2v, half.MODEL), atol=1e-5, rtol=0)


def test_scale_adapters_weakens_the_weights_of_pictures_too(flf2v, ran, scale, film, differs):
    one = scale(flf2v.model, end_image_weight=0.0)
    assert torch.equal(film(flf2v, ran(ScaleAdapters, model=one, factor=0.0).MODEL), film(flf2v))
    half = ran(ScaleAdapters, model=one, factor=0.5).MODEL
    assert torch.equal(film(flf2v, half), film(flf2v, scale(flf2v.model, end_image_weight=0.5)))
