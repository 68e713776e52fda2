"""Apply InstantID and Apply IdentityNet on miniatures: laws, halves, noise, keypoints, recipes, batches of poses."""

import math
import re
from dataclasses import replace

import pytest
import torch
from instantid_runs import columns, control_net, drawn, nets, residuals
from pack.attention.branch.fusion import Fusion
from pack.attention.reference.embeds import Embeds
from pack.attention.sampling.attach import attachments
from pack.attention.weights.schedule import Range
from pack.face.value import PictureFaces
from pack.nodes.people.recipes import NONE, RECIPES

EFFECT = 1e-2


def differs(one, other):
    return (one - other).abs().max().item()


def test_at_zero_it_is_the_plain_model_bit_for_bit(sdxl, apply_instantid, photos, sample, ksample):
    out = apply_instantid(photos(1), image=drawn((0, 0)), weight=0.0, strength=0.0)
    assert torch.equal(sample(out), ksample(sdxl))
    assert out.positive is sdxl.positive and out.negative is sdxl.negative


def test_it_is_apply_ip_adapter_and_apply_identitynet(
    sdxl, apply_instantid, apply_identitynet, instantid, photos, sample
):
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter

    both = sample(apply_instantid(photos(1), image=drawn((0, 0))), steps=1)
    branch = ApplyIPAdapter.execute(sdxl.model, instantid(), faces=photos(1), weight=0.8).args[0]
    assert torch.equal(sample(apply_identitynet(photos(1), model=branch), steps=1), both)
    for less in ({"weight": 0.0}, {"strength": 0.0}):
        assert differs(sample(apply_instantid(photos(1), image=drawn((0, 0)), **less), steps=1), both) > EFFECT


def test_what_came_in_is_unchanged_and_a_second_run_is_the_same(sdxl, apply_instantid, photos, sample, ksample):
    plain = ksample(sdxl)
    first = sample(apply_instantid(photos(1), image=drawn((0, 0))))
    assert torch.equal(ksample(sdxl), plain)
    assert all("control" not in options for _, options in sdxl.positive + sdxl.negative)
    assert torch.equal(sample(apply_instantid(photos(1), image=drawn((0, 0)))), first)


def test_the_negative_half_is_the_projection_of_zeros(apply_instantid, instantid, photos):
    adapter = instantid().adapter
    zeros = adapter.tokens(Embeds(face=torch.zeros(1, 512)))
    out = apply_instantid(photos(1), image=drawn((0, 0)))
    (attachment,) = attachments(out.model)
    (net,) = nets(out)
    assert torch.equal(net.face.negative, zeros)
    assert torch.equal(
        net.face.positive, adapter.tokens(Embeds(face=torch.from_numpy(photos(1)[0].faces[0].embedding.copy())[None]))
    )
    assert zeros.abs().max() > 0, "tokens of zeros are not zeros"
    for block in (("middle", 0, 0), ("input", 4, 0)):
        wanted = adapter.key_values(zeros, 16).pick(block, (0,))
        assert all(torch.equal(a, b) for a, b in zip(attachment.negative.pick(block, (0,)), wanted, strict=True))


def test_noise_is_seeded_of_the_given_size_and_only_in_the_negative_half(apply_instantid, instantid, photos):
    def negative(**how):
        (net,) = nets(apply_instantid(photos(1), image=drawn((0, 0)), **how))
        return net.face.negative

    once = negative(noise=0.35, noise_seed=3)
    torch.manual_seed(99)  # another global seed
    assert torch.equal(negative(noise=0.35, noise_seed=3), once)
    assert differs(negative(noise=0.35, noise_seed=4), once) > 1e-3
    assert torch.equal(negative(noise=0.0, noise_seed=4), negative())
    numbers = torch.rand(1, 512, generator=torch.Generator().manual_seed(3))
    assert torch.equal(once, instantid().adapter.tokens(Embeds(face=numbers * 0.35)))


def test_settings_reach_the_half_they_are_for(apply_instantid, photos):
    mask = torch.rand(1, 32, 32)
    out = apply_instantid(
        photos(1), image=drawn((0, 0)), weight=0.7, start_percent=0.1, end_percent=0.9, fusion="orthogonal",
        strength=0.6, identitynet_start=0.2, identitynet_end=0.8, attn_mask=mask,
    )  # fmt: skip
    (branch,), (net,) = attachments(out.model), nets(out)
    assert (branch.scale, branch.range) == (0.7, Range(0.1, 0.9))
    assert branch.fusion.rule == "orthogonal"
    assert (net.strength, net.timestep_percent_range) == (0.6, (0.2, 0.8))
    assert torch.equal(branch.attn_mask, mask) and torch.equal(net.face.mask, mask)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_sets_everything_and_says_so(apply_instantid, photos, name):
    recipe = RECIPES[name]
    out = apply_instantid(photos(1), image=drawn((0, 0)), recipe=name, weight=0.11, strength=0.12, end_percent=0.13)
    (branch,), (net,) = attachments(out.model), nets(out)
    assert (branch.scale, branch.fusion.rule, net.strength) == (recipe.weight, recipe.fusion, recipe.strength)
    assert branch.range == recipe.range == Range(*net.timestep_percent_range)
    assert name in out.text and str(recipe.weight) in out.text and recipe.fusion in out.text


def test_a_recipe_comes_before_a_connected_fusion(apply_instantid, photos):
    name, recipe = next((name, recipe) for name, recipe in RECIPES.items() if recipe.fusion != "norm cap")
    for chosen, rule in ((name, recipe.fusion), (NONE, "norm cap")):
        out = apply_instantid(
            photos(1), image=drawn((0, 0)), recipe=chosen, fusion_settings=Fusion("norm cap", cap=0.5)
        )
        assert [branch.fusion.rule for branch in attachments(out.model)] == [rule]


def test_recipes_are_distinct_and_the_first_choice_is_none(apply_instantid):
    from pack.nodes.forms.apply_instantid import ApplyInstantID

    assert len(set(RECIPES.values())) == len(RECIPES) >= 4
    combo = next(i for i in ApplyInstantID.define_schema().inputs if i.id == "recipe")
    assert combo.options[0] == combo.default == "none"


def test_without_a_keypoint_picture_it_is_drawn_from_the_face_at_the_size_of_the_latent(
    apply_instantid, photos, sample
):
    (net,) = nets(out := apply_instantid(photos(1), latent={"samples": torch.zeros(1, 4, 16, 16)}))
    assert torch.equal(net.cond_hint_original, drawn((0, 0)).movedim(-1, 1))
    assert len(out.pictures) == 1
    wide = apply_instantid(photos(1), latent={"samples": torch.zeros(1, 4, 16, 24)})
    (net,) = nets(wide)
    assert torch.equal(net.cond_hint_original, drawn((32, 0), size=(192, 128)).movedim(-1, 1)), (
        "all of the photo, centred"
    )
    assert torch.isfinite(sample(wide, width=24, steps=1)).all()
    assert "Head" not in out.text + wide.text
    (entry,) = photos(1)
    photo = replace(entry.picture, size=(2048, 2048))  # in which the same face is far away
    far = (PictureFaces(photo, (replace(entry.faces[0], picture=photo),)),)
    small = apply_instantid(far, latent={"samples": torch.zeros(1, 4, 128, 128)}).text
    assert re.search(r"Head \d\d of 1024 px: under a tenth of the height it keeps little likeness.*Portrait", small)


def test_without_a_latent_it_is_drawn_at_the_size_the_authors_generate_at(apply_instantid, photos):
    (net,) = nets(apply_instantid(photos(1)))
    assert net.cond_hint_original.shape == (1, 3, 1280, 1280)


def test_a_batch_of_keypoint_pictures_is_a_sheet_of_poses(sdxl, apply_instantid, photos, sample):
    poses = torch.cat([drawn((0, 0)), drawn((16, 8))])
    applied = apply_instantid(photos(1), image=poses, latent={"samples": torch.zeros(2, 4, 16, 16)})
    assert "batch" not in applied.text
    for batch, said in (
        (5, "2 keypoint pictures for a batch of 5: they take turns"),
        (1, "batch of 1: those that follow are not used"),
    ):
        assert said in apply_instantid(photos(1), image=poses, latent={"samples": torch.zeros(batch, 4, 16, 16)}).text
    together = sample(applied, batch=2, steps=1)
    for index in range(2):
        alone = sample(apply_instantid(photos(1), image=poses[index : index + 1]), batch=2, steps=1)
        assert differs(together[index], alone[index]) < 1e-4
    assert differs(sample(apply_instantid(photos(1), image=poses[:1]), batch=2, steps=1)[1], together[1]) > EFFECT


def test_another_net_on_the_conditionings_stays_before_it(sdxl, apply_instantid, photos):
    import nodes

    depth = nodes.ControlNetApplyAdvanced().apply_controlnet(
        sdxl.positive, sdxl.negative, control_net(9), torch.rand(1, 128, 128, 3), 0.5, 0.0, 1.0
    )
    out = apply_instantid(photos(1), positive=depth[0], negative=depth[1], image=drawn((0, 0)))
    (net,) = nets(out)
    assert net.previous_controlnet is depth[0][0][1]["control"]


def test_the_masks_of_both_halves_are_the_region_of_the_person_and_where_it_may_act(apply_instantid, photos):
    anywhere = torch.ones(1, 16, 24)
    anywhere[:, :8] = 0
    out = apply_instantid(photos(1, 2), image=drawn((0, 0), size=(192, 128)), masks=columns(2), attn_mask=anywhere)
    wanted = columns(2)
    wanted[:, :64] = 0
    for i, (branch, net) in enumerate(zip(attachments(out.model), nets(out), strict=True)):
        assert torch.equal(branch.attn_mask, wanted[i : i + 1])
        assert torch.equal(net.face.mask, wanted[i : i + 1])


def test_weights_for_each_frame_and_schedules_multiply_as_on_apply_ip_adapter(apply_instantid, photos):
    (branch,) = attachments(apply_instantid(photos(1), image=drawn((0, 0)), weight=[0.2, 0.9]).model)
    assert branch.frame_scales == (0.2, 0.9)
    assert math.isclose(branch.scale, 1.0)


def test_the_net_alone_gives_the_residuals_of_the_whole_node(sdxl, apply_instantid, apply_identitynet, photos, sample):
    whole = residuals(apply_instantid(photos(1), image=drawn((0, 0))), sample)
    alone = residuals(apply_identitynet(photos(1)), sample)
    assert len(whole) == len(alone) > 0
    assert all(torch.equal(a, b) for a, b in zip(whole, alone, strict=True))


def test_the_model_of_the_net_alone_tells_it_positive_from_negative(apply_identitynet, photos, sample, monkeypatch):
    """Without the run in its options the net could only guess by the order of the conditionings."""
    from pack.attention.identitynet.net import IdentityNet
    from pack.attention.sampling.attach import RUN

    out, polarities, get_control = apply_identitynet(photos(1)), [], IdentityNet.get_control

    def spy(net, x, t, cond, count, options):
        chunk = options[RUN].conditionings.chunk
        polarities.extend(chunk(uuid, index=0).polarity for uuid in options["uuids"])
        return get_control(net, x, t, cond, count, options)

    monkeypatch.setattr(IdentityNet, "get_control", spy)
    sample(out, steps=1)
    assert sorted(polarities) == ["negative", "positive"]
    assert attachments(out.model) == ()


def test_the_hosts_split_over_devices_gives_each_side_its_own_copy_of_the_net(
    apply_instantid, photos, sample, over_two_devices, monkeypatch
):
    from comfy.patcher_extension import WrappersMP
    from pack.attention.identitynet.net import IdentityNet

    out = apply_instantid(photos(1), image=drawn((0, 0)))
    monkeypatch.setattr(type(out.model), "get_free_memory", lambda self, device: 0)
    one_by_one = sample(out, steps=1)
    (net,) = nets(out)
    copy = net.deepclone_multigpu(torch.device("cpu", 0), autoregister=True)
    asked, ask = [], IdentityNet.get_control
    monkeypatch.setattr(IdentityNet, "get_control", lambda self, *args: asked.append(self) or ask(self, *args))
    out.model = out.model.clone()
    out.model.add_wrapper(WrappersMP.SAMPLER_SAMPLE, over_two_devices("sdxl"))
    assert torch.equal(sample(out, steps=1), one_by_one)
    assert len(asked) == 2 and {id(each) for each in asked} == {id(net), id(copy)}
