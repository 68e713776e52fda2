"""What holds for the branch that a model has by itself, beside the laws of every branch."""

import torch
from comfy.patcher_extension import WrappersMP
from pack.attention.branch.own import OwnBranch
from pack.attention.sampling import said
from pack.attention.sampling.attach import ATTACHMENTS, attachments
from pack.attention.weights.layer_text import parse
from pack.attention.weights.schedule import Schedule
from pack.nodes.wires import WeightSchedule

EFFECT = 1e-2
EVERY_BLOCK_AT_1 = ", ".join(f"{i}:1" for i in range(40))


def watched(model):
    """A clone, and what is put around its blocks in each call."""
    seen, clone = [], model.clone()

    def spy(executor, *args, **kwargs):
        (options,) = (each for each in (*args, *kwargs.values()) if isinstance(each, dict) and "cond_or_uncond" in each)
        seen.append(dict(options.get("patches_replace", {}).get("dit", {})))
        return executor(*args, **kwargs)

    clone.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
    return clone, seen


def test_only_blocks_that_change_are_touched_and_only_in_the_range(whole, scale, film):
    layers = parse(f"{EVERY_BLOCK_AT_1}, 3:0.5, 17:0", "wan14b")
    model, seen = watched(scale(whole.model, layers=layers, start_percent=0.4))
    film(whole, model, steps=4)
    touched = {("double_block", 3), ("double_block", 17)}
    assert [set(each) for each in seen] == [set(), set(), touched, touched]


def test_every_block_is_reached(whole, scale, film):
    model, seen = watched(scale(whole.model, weight=0.5))
    film(whole, model, steps=1)
    assert seen == [seen[0]] and set(seen[0]) == {("double_block", i) for i in range(40)}


def test_the_order_of_nodes_does_not_matter_bit_for_bit(whole, scale, film, differs):
    mask = torch.rand(1, 16, 24, generator=torch.Generator().manual_seed(0))
    first = dict(weight=0.3, layers=parse("5:1, 9:0.1, 30:2", "wan14b"))
    second = dict(weight=1.7, attn_mask=mask, negative_apart=True, negative_weight=0.4)
    third = dict(schedule=WeightSchedule(Schedule(((0.0, 0.9), (1.0, 0.2))), (1.0, 0.3)))

    def chain(*settings):
        model = whole.model
        for inputs in settings:
            model = scale(model, **inputs)
        return film(whole, model)

    made = chain(first, second, third)
    assert torch.equal(made, chain(third, second, first)) and torch.equal(made, chain(second, first, third))
    assert differs(made, chain(first, second)) > 1e-3


def test_two_nodes_multiply(i2v, scale, film):
    twice = scale(scale(i2v.model, weight=0.5), weight=0.5)
    assert torch.equal(film(i2v, twice), film(i2v, scale(i2v.model, weight=0.25)))
    assert torch.equal(film(i2v, scale(scale(i2v.model, weight=0.5), weight=2.0)), film(i2v))


def test_a_batch_is_scaled_like_each_alone(i2v, scale, film):
    mask = torch.zeros(9, 64, 96)
    mask[5:] = 1
    model = scale(i2v.model, weight=0.2, attn_mask=mask, negative_apart=True, negative_weight=1.5)
    torch.testing.assert_close(film(i2v, model, batch=2)[:1], film(i2v, model), atol=1e-4, rtol=0)


def test_a_block_that_is_skipped_stays_skipped_and_another_packs_attention_is_used(i2v, scale, film, differs):
    """As the host's Skip Layer Guidance and the packs for other attention functions write them."""

    def skip(args, extra):
        return args

    def with_skip(model):
        changed = model.clone()
        changed.set_model_patch_replace(skip, "dit", "double_block", 2)
        return changed

    skipped = film(i2v, with_skip(i2v.model))
    both = [
        film(i2v, model) for model in (with_skip(scale(i2v.model, weight=0.4)), scale(with_skip(i2v.model), weight=0.4))
    ]
    assert torch.equal(*both)
    assert differs(both[0], skipped) > 1e-3 and differs(both[0], film(i2v, scale(i2v.model, weight=0.4))) > 1e-4

    asked = []

    def override(function, *args, **kwargs):
        asked.append(args[1].shape[1])
        return function(*args, **kwargs)

    other = scale(i2v.model, weight=0.4)
    other.model_options["transformer_options"]["optimized_attention_override"] = override
    made = film(i2v, other, steps=1)
    assert torch.equal(made, film(i2v, scale(i2v.model, weight=0.4), steps=1))
    assert asked == [72, 257, 512] * 4


def test_the_model_without_a_picture_reads_text_there_and_it_is_said(i2v, without_branch, scale, film, differs):
    told = []
    model = scale(i2v.model, weight=0.5)
    (branch,) = attachments(model)
    model.model_options["transformer_options"][ATTACHMENTS] = (_telling(branch, told),)
    film(i2v, model, steps=1, **i2v.without)
    assert told == [said.NO_PICTURE]
    plain = film(i2v, i2v.model, **i2v.without)
    off = film(i2v, scale(i2v.model, weight=0.0), **i2v.without)
    assert torch.equal(off, film(without_branch, without_branch.model, **without_branch.without))
    assert differs(plain, off) > EFFECT, "the host's own surprise: no picture is not the same as no branch"


def test_one_picture_where_two_were_told_apart_is_said(flf2v, scale, film):
    told = []
    model = scale(flf2v.model, end_image_weight=0.2)
    (branch,) = attachments(model)
    model.model_options["transformer_options"][ATTACHMENTS] = (_telling(branch, told),)
    assert torch.equal(
        film(flf2v, model, steps=1, **flf2v.shown(1)), film(flf2v, flf2v.model, steps=1, **flf2v.shown(1))
    )
    assert told == [said.one_picture(257)]
    told.clear()
    film(flf2v, model, steps=1)
    assert told == []


def _telling(branch: OwnBranch, told):
    from dataclasses import replace

    return replace(branch, tell=told.append)
