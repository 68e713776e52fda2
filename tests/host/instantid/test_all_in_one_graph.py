"""InstantID, a style reference, a depth ControlNet and a LoRA in one graph: all act, and none disturbs another."""

import comfy.sd
import pytest
import torch
from instantid_runs import control_net, drawn
from miniature.loras import lora_state_dict

import nodes

ALL = {"lora": 1.0, "style": 1.0, "depth": 0.5, "instantid": (0.8, 0.8)}
LESS = [("lora", 0.0), ("style", 0.0), ("depth", 0.0), ("instantid", (0.0, 0.8)), ("instantid", (0.8, 0.0))]
OFF = {"lora": 0.0, "style": 0.0, "depth": 0.0, "instantid": (0.0, 0.0)}
EFFECT, ROUNDING = 1e-2, 1e-4
DEPTH = torch.rand(1, 128, 128, 3, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def graph(sdxl, apply, apply_instantid, photos, ksample):
    """One step of a graph with these parts in this order; a part of strength None is not in it."""

    def lora(model, positive, negative, strength):
        steered, _ = comfy.sd.load_lora_for_models(model, None, lora_state_dict(3, gain=3.0), strength, 0)
        return steered, positive, negative

    def style(model, positive, negative, weight):
        return apply(model, "sdxl", "plus", weight=weight, layer_preset="style"), positive, negative

    def depth(model, positive, negative, strength):
        node = nodes.ControlNetApplyAdvanced()
        return model, *node.apply_controlnet(positive, negative, control_net(9), DEPTH, strength, 0, 1)

    def instantid(model, positive, negative, strengths):
        weight, strength = strengths
        given = {"model": model, "positive": positive, "negative": negative, "image": drawn((0, 0))}
        out = apply_instantid(photos(1), weight=weight, strength=strength, **given)
        return out.model, out.positive, out.negative

    parts = {"lora": lora, "style": style, "depth": depth, "instantid": instantid}

    def run(*order, **changed):
        graph = sdxl.model, sdxl.positive, sdxl.negative
        for part in order or ALL:
            strength = changed.get(part, ALL[part])
            if strength is not None:
                graph = parts[part](*graph, strength)
        return ksample(sdxl, graph[0], steps=1, positive=graph[1], negative=graph[2])

    return run


def test_each_part_acts_beside_all_the_others(graph):
    whole = graph()
    for part, strength in LESS:
        assert (whole - graph(**{part: strength})).abs().max() > EFFECT, part


@pytest.mark.parametrize("part", OFF)
def test_a_part_at_0_is_the_graph_without_it_bit_for_bit(graph, part):
    assert torch.equal(graph(**{part: OFF[part]}), graph(**{part: None}))


def test_the_order_of_style_depth_and_instantid_is_no_matter(graph):
    whole = graph()
    assert torch.equal(graph("lora", "depth", "instantid", "style"), whole)
    depth_last = graph("lora", "style", "instantid", "depth")
    assert (depth_last - whole).abs().max() < ROUNDING * whole.abs().max(), "residuals add up in another order"
