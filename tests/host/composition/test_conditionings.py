"""Areas, masks, timestep ranges, defaults and hooks of conditionings under a branch."""

import comfy.hooks
import pytest
import torch

import nodes


def area(conditioning, left):
    return nodes.ConditioningSetArea().append(conditioning, 64, 128, left, 0, 1.0)[0]


def combine(*conditionings):
    together, *rest = conditionings
    for one in rest:
        (together,) = nodes.ConditioningCombine().combine(together, one)
    return together


def half_mask(left, size=128):
    mask = torch.zeros(1, size, size)
    mask[..., (slice(0, size // 2) if left else slice(size // 2, size))] = 1
    return mask


def bounded(conditioning, left):
    return nodes.ConditioningSetMask().append(conditioning, half_mask(left), "mask bounds", 1.0)[0]


HALVES = {"areas": lambda c, left: area(c, 0 if left else 64), "mask bounds": bounded}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_each_of_two_equal_areas_in_one_batch_sees_its_half_of_the_mask(
    sd15, apply, ksample, prompt, watch, differs, half
):
    """Without guidance the halves never meet: the right one stays as it was, the left one is wholly steered."""
    sides = combine(half(sd15.positive, True), half(prompt("a dog"), False))
    masked, seen = watch(apply(sd15.model, "sd15", attn_mask=half_mask(True)))
    result, plain, whole = (
        ksample(sd15, model, positive=sides, cfg=1.0) for model in (masked, None, apply(sd15.model, "sd15"))
    )
    assert [[chunk.area.left for chunk in one.call.rows.chunks] for one in seen] == [[8, 0], [8, 0]]
    assert torch.equal(result[..., 8:], plain[..., 8:])
    assert torch.equal(result[..., :8], whole[..., :8])
    assert differs(whole[..., :8], plain[..., :8]) > differs.effect
    assert differs(whole[..., 8:], plain[..., 8:]) > differs.effect


def test_an_area_over_the_edge_is_cut_as_the_host_cuts_it(sd15, apply, ksample, watch, differs):
    over = nodes.ConditioningSetArea().append(sd15.positive, 96, 128, 64, 0, 1.0)[0]
    masked, seen = watch(apply(sd15.model, "sd15", attn_mask=half_mask(True)))
    sides = combine(area(sd15.positive, 0), over)
    result, plain = (ksample(sd15, model, positive=sides, cfg=1.0) for model in (masked, None))
    assert {chunk.area.width for one in seen for chunk in one.call.rows.chunks} == {8}
    assert torch.equal(result[..., 8:], plain[..., 8:])
    assert differs(result[..., :8], plain[..., :8]) > differs.effect


def test_masked_conditionings_see_the_whole_canvas(sd15, apply, ksample, prompt, watch, differs):
    sides = combine(
        *(
            nodes.ConditioningSetMask().append(conditioning, half_mask(left), "default", 1.0)[0]
            for conditioning, left in ((sd15.positive, True), (prompt("a dog"), False))
        )
    )
    steered, seen = watch(apply(sd15.model, "sd15"))
    result, plain = (ksample(sd15, model, positive=sides) for model in (steered, None))
    assert {chunk.area for one in seen for chunk in one.call.rows.chunks} == {None}
    assert [sorted(polarity for _, polarity in one.roles) for one in seen] == [["negative", "positive", "positive"]] * 2
    assert differs(result[..., :8], plain[..., :8]) > differs.effect
    assert differs(result[..., 8:], plain[..., 8:]) > differs.effect


def test_ranges_of_conditionings_hand_over_from_one_to_the_next(sd15, apply, ksample, prompt, watch, differs):
    def ranged(conditioning, start, end):
        return nodes.ConditioningSetTimestepRange().set_range(conditioning, start, end)[0]

    steered, seen = watch(apply(sd15.model, "sd15"))
    halves = combine(ranged(sd15.positive, 0.0, 0.4), ranged(sd15.positive, 0.4, 1.0))
    result = ksample(sd15, steered, positive=halves, steps=4)
    assert [sorted(polarity for _, polarity in one.roles) for one in seen] == [["negative", "positive"]] * 4
    assert torch.equal(result, ksample(sd15, apply(sd15.model, "sd15"), steps=4))
    changed = combine(ranged(sd15.positive, 0.0, 0.4), ranged(prompt("a dog"), 0.4, 1.0))
    assert differs(ksample(sd15, steered, positive=changed, steps=4), result) > 1e-4


def test_default_conditionings_fill_what_others_leave(sd15, apply, ksample, prompt, watch, differs):
    from comfy_extras.nodes_hooks import ConditioningSetDefaultAndCombine

    masked = nodes.ConditioningSetMask().append(sd15.positive, half_mask(True), "default", 1.0)[0]
    (filled,) = ConditioningSetDefaultAndCombine().set_default_and_combine(masked, prompt("a dog"))
    steered, seen = watch(apply(sd15.model, "sd15"))
    result = ksample(sd15, steered, positive=filled)
    assert [sorted(polarity for _, polarity in one.roles) for one in seen] == [["negative", "positive", "positive"]] * 2
    assert differs(result, ksample(sd15, positive=filled)) > differs.effect
    assert differs(result, ksample(sd15, steered)) > 1e-4, "the default acts"


@pytest.fixture
def lora_hooks(lora_file):
    from comfy_extras.nodes_hooks import CreateHookLoraModelOnly

    def made(strength):
        return CreateHookLoraModelOnly().create_hook_model_only(lora_file, strength)[0]

    return made


def test_hooks_on_one_side_split_the_calls_and_keep_the_roles(sd15, apply, ksample, lora_hooks, watch, differs):
    from comfy_extras.nodes_hooks import ConditioningSetProperties

    hooks = comfy.hooks.HookGroup.combine_all_hooks([lora_hooks(0.6), lora_hooks(0.4)])  # a list of two
    (hooked,) = ConditioningSetProperties().set_properties(sd15.positive, 1.0, "default", hooks=hooks)
    steered, seen = watch(apply(sd15.model, "sd15"))
    result = ksample(sd15, steered, positive=hooked)
    assert sorted(one.roles for one in seen) == [((0, "positive"),)] * 2 + [((1, "negative"),)] * 2
    assert differs(result, ksample(sd15, positive=hooked)) > differs.effect, "ours acts"
    assert differs(result, ksample(sd15, apply(sd15.model, "sd15"))) > 1e-3, "the hooks act"


def test_hooks_on_both_sides_do_what_the_loader_does(sd15, apply, ksample, lora_hooks, lora_file, differs):
    from comfy_extras.nodes_hooks import PairConditioningSetProperties

    pair = PairConditioningSetProperties().set_properties(
        sd15.positive, sd15.negative, 1.0, "default", hooks=lora_hooks(1.0)
    )
    hooked = dict(zip(("positive", "negative"), pair, strict=True))
    by_hook = ksample(sd15, apply(sd15.model, "sd15"), **hooked)
    (loaded,) = nodes.LoraLoaderModelOnly().load_lora_model_only(apply(sd15.model, "sd15"), lora_file, 1.0)
    torch.testing.assert_close(by_hook, ksample(sd15, loaded), atol=1e-3, rtol=1e-3)
    assert differs(by_hook, ksample(sd15, apply(sd15.model, "sd15"))) > 1e-3
