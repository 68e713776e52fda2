"""The host's ways to guide: every row is taken for what it is, whatever index the guider gives it."""

import pytest
import torch

POSITIVE, NEGATIVE = "positive", "negative"


def nodes_of(name):
    import importlib

    return importlib.import_module(f"comfy_extras.nodes_{name}")


@pytest.mark.parametrize("style", ["regular", "nested"])
def test_dual_cfg_gives_the_negative_the_index_0(sd15, apply, guided, prompt, watch, differs, style):
    def guider(model):
        node = nodes_of("custom_sampler").DualCFGGuider
        return node.execute(model, sd15.positive, prompt("a dog"), sd15.negative, 4.0, 3.0, style).args[0]

    steered, seen = watch(apply(sd15.model, "sd15"))
    result = guided(guider(steered), steered)
    assert {role for one in seen for role in one.roles} == {(0, NEGATIVE), (1, POSITIVE), (2, POSITIVE)}
    assert differs(result, guided(guider(sd15.model), sd15.model)) > differs.effect


def test_perp_neg_has_two_negatives(sd15, apply, guided, prompt, watch, differs):
    def guider(model):
        node = nodes_of("perpneg").PerpNegGuider
        return node.execute(model, sd15.positive, sd15.negative, prompt(""), 5.0, 1.0).args[0]

    steered, seen = watch(apply(sd15.model, "sd15"))
    result = guided(guider(steered), steered)
    assert {role for one in seen for role in one.roles} == {(0, POSITIVE), (1, NEGATIVE), (2, NEGATIVE)}
    assert differs(result, guided(guider(sd15.model), sd15.model)) > differs.effect


def test_a_basic_guider_has_a_positive_alone(sd15, apply, guided, watch, differs):
    def guider(model):
        return nodes_of("custom_sampler").BasicGuider.execute(model, sd15.positive).args[0]

    steered, seen = watch(apply(sd15.model, "sd15"))
    result = guided(guider(steered), steered)
    assert {one.roles for one in seen} == {((0, POSITIVE),)}
    assert differs(result, guided(guider(sd15.model), sd15.model)) > differs.effect


BOTH = ((1, NEGATIVE), (0, POSITIVE))

# name: the node on a model, the calls it makes in every step
PATCHES = {
    "PAG": (lambda m: nodes_of("pag").PerturbedAttentionGuidance.execute(m, 3.0), [BOTH, ((0, POSITIVE),)]),
    "SAG": (lambda m: nodes_of("sag").SelfAttentionGuidance.execute(m, 0.7, 2.0), [BOTH, ((0, NEGATIVE),)]),
    "NAG": (lambda m: nodes_of("nag").NAGuidance.execute(m, 5.0, 0.5, 1.5), [BOTH]),
    "RescaleCFG": (lambda m: nodes_of("model_advanced").RescaleCFG().patch(m, 0.7), [BOTH]),
    "Mahiro": (lambda m: nodes_of("mahiro").Mahiro.execute(m), [BOTH]),
}


def on(model, node):
    returned = node(model)
    return getattr(returned, "args", returned)[0]


@pytest.mark.parametrize("name", PATCHES)
def test_guidance_by_patches_keeps_every_row_in_its_role(sd15, apply, ksample, watch, differs, name):
    node, calls = PATCHES[name]
    steered, seen = watch(apply(on(sd15.model, node), "sd15"))
    before = ksample(sd15, steered)
    assert [one.roles for one in seen] == calls * 2
    assert torch.equal(before, ksample(sd15, on(apply(sd15.model, "sd15"), node)))
    assert differs(before, ksample(sd15, on(sd15.model, node))) > differs.effect, "ours acts"
    assert differs(before, ksample(sd15, apply(sd15.model, "sd15"))) > 1e-3, "the node acts"


def test_skip_layer_guidance_runs_the_positive_once_more(sd15, apply, ksample, watch, differs):
    """A UNet has none of the layers that it skips, so the picture is the one without it."""

    def node(model):
        return nodes_of("slg").SkipLayerGuidanceDiT.execute(model, 3.0, 0.0, 1.0, "7", "7", 0.0)

    steered, seen = watch(on(apply(sd15.model, "sd15"), node))
    result = ksample(sd15, steered)
    assert [one.roles for one in seen] == [BOTH, ((0, POSITIVE),)] * 2
    torch.testing.assert_close(result, ksample(sd15, apply(sd15.model, "sd15")), atol=1e-3, rtol=1e-3)
    assert differs(result, ksample(sd15)) > differs.effect


def test_simple_skip_layer_guidance_runs_the_sides_apart(sd15, apply, ksample, watch, differs):
    def node(model):
        return nodes_of("slg").SkipLayerGuidanceDiTSimple.execute(model, 0.0, 1.0, "7", "7")

    steered, seen = watch(on(apply(sd15.model, "sd15"), node))
    result = ksample(sd15, steered)
    assert [one.roles for one in seen] == [((0, POSITIVE),), ((1, NEGATIVE),)] * 2
    torch.testing.assert_close(result, ksample(sd15, apply(sd15.model, "sd15")), atol=1e-3, rtol=1e-3)
    assert differs(result, ksample(sd15)) > differs.effect


def with_an_area(conditioning, more, width, height):
    """A conditioning, and another one for the upper left of the picture."""
    import nodes

    (area,) = nodes.ConditioningSetArea().append(more, width, height, 0, 0, 1.0)
    return nodes.ConditioningCombine().combine(conditioning, area)[0]


# The host copies an area to the lists that have none like it, with its uuid: each copy is of its own list.


def test_dual_cfg_takes_the_copies_of_an_area_for_what_they_are(sd15, apply, guided, prompt, watch):
    steered, seen = watch(apply(sd15.model, "sd15"))
    both = with_an_area(sd15.positive, prompt("a dog"), 64, 128)
    node = nodes_of("custom_sampler").DualCFGGuider
    guided(node.execute(steered, both, prompt("a bird"), sd15.negative, 4.0, 3.0, "regular").args[0], steered)
    roles = [role for one in seen for role in one.roles]
    assert set(roles) == {(0, NEGATIVE), (1, POSITIVE), (2, POSITIVE)}
    assert len(roles) == 2 * 6


def test_sag_takes_the_copy_of_an_area_for_negative(sd15, apply, ksample, prompt, watch):
    steered, seen = watch(on(apply(sd15.model, "sd15"), PATCHES["SAG"][0]))
    ksample(
        sd15, steered, positive=with_an_area(sd15.positive, prompt("a dog"), 128, 128), height=32, width=32, steps=1
    )
    rows = [
        (role, chunk.area is not None)
        for one in seen
        for role, chunk in zip(one.roles, one.call.rows.chunks, strict=True)
    ]
    guided_first, sag_alone = sorted(rows[:4]), sorted(rows[4:])
    assert guided_first == [
        ((0, POSITIVE), False), ((0, POSITIVE), True), ((1, NEGATIVE), False), ((1, NEGATIVE), True)
    ]  # fmt: skip
    assert sag_alone == [((0, NEGATIVE), False), ((0, NEGATIVE), True)]
