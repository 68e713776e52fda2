"""Two and three people: at the injection site each region reacts to its own face only, in branch and net."""

from dataclasses import replace

import pytest
import torch
from instantid_runs import columns, drawn, nets, residuals
from pack.attention.sampling import dispatch as dispatching
from pack.attention.sampling.attach import attachments
from pack.attention.sampling.dispatch import CALL, dispatch
from pack.attention.sampling.run import Run

EFFECT = 1e-3
BEFORE_ANY_FACE = 4  # residuals of the first resolution, which has no cross-attention
WIDTH = 24  # latent columns: divisible by two and by three people at every resolution of the UNet


@pytest.fixture
def injected(sdxl, ksample, monkeypatch):
    """(out, other) -> for each layer what `out` and what `other` would add to the very same queries: (block, grid, a, b)."""

    def of(out, other):
        seen = []

        def deltas(call, q, k, v, options):
            base = call.previous((*options["block"], options["block_index"]))(q, k, v, options)
            return dispatch(q, k, v, {**options, CALL: call}) - base

        def spy(q, k, v, options):
            call = options[CALL]
            run = Run(attachments(other.model), sdxl.model.model.model_sampling, call.run.conditionings)
            swapped = replace(call, run=run, acting=run.acting(None))
            block, grid = (*options["block"], options["block_index"]), tuple(options["activations_shape"][-2:])
            pair = (deltas(each, q, k, v, options).unflatten(1, grid) for each in (call, swapped))
            seen.append((block, *pair))
            return dispatch(q, k, v, options)

        with monkeypatch.context() as patched:
            patched.setattr(dispatching, "dispatch", spy)
            ksample(sdxl, out.model, width=WIDTH, steps=1)
        assert len(seen) == 70
        return seen

    return of


@pytest.fixture
def several(apply_instantid, photos):
    """(person, ...) -> Apply InstantID with a column of the picture for each."""

    def made(*people, **inputs):
        given = {"image": drawn((0, 0), (64, 0), size=(8 * WIDTH, 128)), "masks": columns(len(people))}
        return apply_instantid(photos(*people), **{**given, **inputs})

    return made


@pytest.mark.parametrize("count", [2, 3])
def test_a_region_reacts_to_its_own_face_only_in_every_layer(several, injected, count):
    people = list(range(1, count + 1))
    for changed in (0, count - 1):
        others = [who + 50 if i == changed else who for i, who in enumerate(people)]
        for block, one, other in injected(several(*people), several(*others)):
            regions = zip(one.chunk(count, dim=2), other.chunk(count, dim=2), strict=True)
            for place, (a, b) in enumerate(regions):
                if place == changed:
                    assert (a - b).abs().max() > 1e-6, block
                else:
                    assert torch.equal(a, b), block
                    assert a.any(), block


def test_outside_of_every_region_the_branch_adds_exactly_nothing(several, injected):
    thirds = columns(3)
    for block, both, alone in injected(several(1, 2, masks=thirds[:2]), several(1, masks=thirds[:1])):
        left, middle, right = both.chunk(3, dim=2)
        assert left.any() and middle.any(), block
        assert not right.any(), block
        assert torch.equal(left, alone.chunk(3, dim=2)[0]), block
        assert not torch.cat(alone.chunk(3, dim=2)[1:], dim=2).any(), block


@pytest.mark.parametrize("count", [2, 3])
def test_the_nets_add_in_each_region_what_its_own_face_gives(several, sample, count):
    people = list(range(1, count + 1))
    whole = residuals(several(*people), sample, width=WIDTH)
    for changed in range(count):
        others = [who + 50 if i == changed else who for i, who in enumerate(people)]
        swapped = residuals(several(*others), sample, width=WIDTH)
        alone = residuals(several(people[changed], masks=columns(count)[changed : changed + 1]), sample, width=WIDTH)
        reacting = 0
        for a, b, c in zip(whole, swapped, alone, strict=True):
            for place, (one, other, single) in enumerate(
                zip(a.chunk(count, dim=-1), b.chunk(count, dim=-1), c.chunk(count, dim=-1), strict=True)
            ):
                if place == changed:
                    reacting += bool((one - other).abs().max() > EFFECT * one.abs().max())
                    assert torch.equal(one, single)
                else:
                    assert torch.equal(one, other)
                    assert not single.any()
        assert reacting == len(whole) - BEFORE_ANY_FACE


def embeddings_of(out):
    return [net.face.positive for net in nets(out)]


def same_people(one, other):
    return all(torch.equal(a, b) for a, b in zip(embeddings_of(one), embeddings_of(other), strict=True))


def test_a_list_seats_people_in_its_order(several):
    listed = several(1, 2, who="by list", order="1, 0")
    assert same_people(listed, several(2, 1))
    assert not same_people(listed, several(1, 2))
    assert all(torch.equal(net.face.mask, mask[None]) for net, mask in zip(nets(listed), columns(2), strict=True))


def test_positions_seat_people_as_they_stand_in_the_group_photo(apply_instantid, group):
    photo = group(1, 2, 3)
    inputs = {"image": drawn((0, 0), size=(8 * WIDTH, 128)), "who": "by position"}
    straight = apply_instantid(photo, masks=columns(3), **inputs)
    backwards = apply_instantid(photo, masks=columns(3).flip(0), **inputs)
    assert same_people(straight, apply_instantid(photo, masks=columns(3), image=inputs["image"]))
    assert all(torch.equal(a, b) for a, b in zip(embeddings_of(straight), embeddings_of(backwards)[::-1], strict=True))


def test_a_list_picks_people_out_of_a_group(apply_instantid, group):
    photo, canvas = group(1, 2, 3), drawn((0, 0), size=(8 * WIDTH, 128))
    two = apply_instantid(photo, image=canvas, masks=columns(2), who="by list", order="2 0")
    assert same_people(two, apply_instantid((*group(3), *group(1)), image=canvas, masks=columns(2)))
    one = apply_instantid(photo, image=canvas, who="by list", order="1")
    assert len(nets(one)) == 1
    assert nets(one)[0].face.mask is None


def test_a_group_without_a_keypoint_picture_is_drawn_as_it_stands(apply_instantid, group):
    latent = {"samples": torch.zeros(1, 4, 16, 32)}
    for net in nets(apply_instantid(group(1, 2), masks=columns(2, width=256), latent=latent)):
        assert torch.equal(net.cond_hint_original, drawn((0, 0), (128, 0), size=(256, 128)).movedim(-1, 1))


def test_where_regions_overlap_they_share(several):
    halves = columns(2)
    halves[0] = 1  # the first person may be anywhere
    out = several(1, 2, masks=halves)
    first, second = (branch.attn_mask[0] for branch in attachments(out.model))
    assert torch.equal(first + second, torch.ones_like(first))
    assert torch.equal(first[:, :96], torch.ones(128, 96))
    assert (first[:, 96:] == 0.5).all()


def test_the_same_people_in_the_other_order_make_the_same_branch(several, ksample, sdxl):
    one, other = several(1, 2, strength=0.0), several(2, 1, masks=columns(2).flip(0), strength=0.0)
    assert torch.equal(ksample(sdxl, one.model, width=WIDTH, steps=1), ksample(sdxl, other.model, width=WIDTH, steps=1))
