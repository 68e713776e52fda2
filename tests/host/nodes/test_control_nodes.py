"""The nodes that set layers, schedules, fusion and strength."""

import pytest
import torch
from pack.attention.models.blocks import outlines
from pack.attention.models.families import layers
from pack.attention.sampling.attach import attachments
from pack.attention.weights.layer_presets import preset
from pack.nodes.forms import fusion as fusion_module
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.forms.fusion import FORMULAS, FusionNode
from pack.nodes.forms.layer_weights import LayerWeightsNode
from pack.nodes.forms.scale_adapters import ScaleAdapters
from pack.nodes.forms.weight_schedule import WeightScheduleNode

NODES = (LayerWeightsNode, WeightScheduleNode, FusionNode, ScaleAdapters)


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_every_socket_is_explained(node):
    schema = node.define_schema()
    schema.validate()
    assert schema.node_id.startswith("Likeness") and schema.category == "likeness/weights" and schema.search_aliases
    assert schema.has_intermediate_output
    for socket in [*schema.inputs, *schema.outputs]:
        assert socket.tooltip, socket.id
    node.GET_NODE_INFO_V1()


def test_layer_weights_give_a_presets_factors_and_show_them(ran):
    result = ran(LayerWeightsNode, family="sdxl", preset="style and composition", boost=0.5)
    assert result.layers == preset("style and composition", "sdxl", 0.5)
    assert result.text == "3:0.5, 6:1"
    assert result.pictures == [], "the bars on the node show them"


def test_written_weights_replace_the_preset(ran):
    result = ran(LayerWeightsNode, family="sd15", preset="style", weights="0:1, 5:-0.5")
    assert result.layers.factors == (1, 0, 0, 0, 0, -0.5, *[0] * 10)
    dictionary = ran(LayerWeightsNode, family="sdxl", weights='{"up": {"block_0": [0, 1, 0]}}')
    assert dictionary.layers == preset("style", "sdxl")


def test_swapped_blocks_are_named(ran):
    assert "pushed away in: 3" in ran(LayerWeightsNode, family="sdxl", preset="style precise").text


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_the_shown_cells_are_those_of_the_hosts_unet(family, request, apply, ksample, monkeypatch):
    from pack.attention.sampling import dispatch

    base = request.getfixturevalue(family)
    grids = {}

    def recording(*given, site=dispatch._site):
        found = site(*given)
        grids[found.key] = found.grid
        return found

    monkeypatch.setattr(dispatch, "_site", recording)
    ksample(base, apply(base.model, family), steps=1, height=32, width=32)
    by_number = {outline.number: outline for outline in outlines(family)}
    for layer in layers(family):
        outline = by_number[layer.transformer]
        assert (outline.side, outline.block) == layer.key[:2]
        assert grids[layer.key][0] * outline.cell == 32 * 8, layer


def test_layers_reach_the_model_and_the_wrong_family_is_refused(ran, sdxl, apply):
    layers_wire = ran(LayerWeightsNode, family="sdxl", weights="6:0.5").layers
    (attached,) = attachments(apply(sdxl.model, "sdxl", layers=layers_wire, weight=2.0))
    assert {block for block in attached.blocks} == {("output", 1, t) for t in range(10)}
    assert attached.scale_in(("output", 1, 0)) == 1.0
    with pytest.raises(ValueError, match="for 'sd15'"):
        apply(sdxl.model, "sdxl", layers=ran(LayerWeightsNode, family="sd15").layers)


def test_a_plain_schedule_is_none_so_that_nothing_looks_at_the_step(ran):
    result = ran(WeightScheduleNode)
    assert result.schedule.schedule is None and result.schedule.frame_scales == ()
    assert result.text == "1 at every step"
    assert result.pictures == [], "the curve on the node shows it"


def test_a_schedule_from_a_preset_points_and_the_hosts_curve(ran):
    from comfy_api.input import LinearCurve

    fade = ran(WeightScheduleNode, curve_preset="fade out", first=0.5).schedule.schedule
    assert [fade.factor(u) for u in (0, 0.5, 1)] == pytest.approx([0.5, 0.25, 0])
    points = ran(WeightScheduleNode, points="0:1, 1:0.5").schedule.schedule
    assert points.factor(0.5) == 0.75
    drawn = LinearCurve([(0, 0), (0.5, 1), (1, 0.2)])
    curve = ran(WeightScheduleNode, curve=drawn, first=2.0).schedule.schedule
    assert [curve.factor(u) for u in (0, 0.25, 0.5, 1)] == pytest.approx([0, 1, 2, 0.4])
    raw = {"points": [[0, 0], [0.5, 1], [1, 0.2]], "interpolation": "linear"}
    assert ran(WeightScheduleNode, curve=raw, first=2.0).schedule.schedule == curve
    with pytest.raises(ValueError, match="either 'curve' or 'points'"):
        ran(WeightScheduleNode, curve=drawn, points="0:1")


def test_frames_are_spread_and_shown(ran):
    result = ran(WeightScheduleNode, frames="1, 0", frames_count=3)
    assert result.schedule.frame_scales == (1, 0.5, 0)
    assert "3 pictures: 1, 0.5, 0" in result.text
    assert not result.pictures, "the editor draws them"
    sent = WeightScheduleNode.execute(frames="1, 0", frames_count=3).ui["likeness_schedule"]
    assert sent == [{"points": [(0.0, 1.0)], "frames": (1, 0.5, 0)}]


def test_fusion_says_its_formula_and_refuses_mass_without_zero_tokens(ran):
    assert set(FORMULAS) == set(fusion_module.FUSION_RULES)
    result = ran(FusionNode, rule="norm cap", cap=0.5, zero_tokens=0)
    assert (result.fusion.rule, result.fusion.cap, result.fusion.zero_tokens) == ("norm cap", 0.5, 0)
    assert "0.5 |z|" in result.text
    assert "first 5 tokens" in ran(FusionNode, mass_tokens=5).text
    with pytest.raises(ValueError, match="needs zero_tokens of 1 or more"):
        ran(FusionNode, zero_tokens=0)


def test_scale_adapters_multiplies_every_attachment(base, ran, apply, ksample, picture):
    def both(first, second):
        model = apply(base.model, base.family, weight=first)
        return apply(model, base.family, "plus", weight=second, image=picture(2))

    scaled = ran(ScaleAdapters, model=both(0.8, 0.4), factor=0.5).MODEL
    assert torch.equal(ksample(base, scaled), ksample(base, both(0.4, 0.2)))


def test_scaled_to_zero_a_model_is_the_plain_one_and_calls_pass_untouched(base, ran, apply, ksample):
    from comfy.patcher_extension import WrappersMP

    steered = apply(base.model, base.family)
    off = ran(ScaleAdapters, model=steered, factor=0.0).MODEL
    seen = []
    off.add_wrapper(
        WrappersMP.DIFFUSION_MODEL,
        lambda executor, *args, **kw: (seen.append(args[5].get("patches_replace", {})), executor(*args, **kw))[1],
    )
    assert torch.equal(ksample(base, off), ksample(base))
    assert seen and not any(options.get("attn2") for options in seen)
    assert not torch.equal(ksample(base, steered), ksample(base)), "the model that came in still acts"


def test_scaling_a_plain_model_says_so_and_hands_it_on(sd15, ran):
    result = ran(ScaleAdapters, model=sd15.model, factor=0.5)
    assert result.MODEL is sd15.model and "nothing is attached" in result.text


def test_the_wires_of_these_nodes_go_into_apply():
    wanted = {socket.id: socket.io_type for socket in ApplyIPAdapter.define_schema().inputs}
    for node, name in ((LayerWeightsNode, "layers"), (WeightScheduleNode, "schedule"), (FusionNode, "fusion_settings")):
        assert node.define_schema().outputs[0].io_type == wanted[name]
