"""Everything that a graph may legally send into InstantID's nodes: the right picture or one clear error, nothing half done."""

import copy
import math

import pytest
import torch
from instantid_runs import FIVE, columns, control_net, drawn, nets
from miniature import strangers
from pack.attention.sampling.attach import attachments
from pack.face.pose import KeypointSheet, to_json
from pack.nodes.forms.face_masks import FaceMasks
from pack.nodes.forms.region_prompts import RegionPrompts
from pack.nodes.forms.render_keypoints import RenderKeypoints

NAN, INF = math.nan, math.inf
NODES = ["apply_instantid", "apply_identitynet"]


@pytest.fixture(params=NODES)
def apply(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def untouched(sdxl):
    """A check that neither the model nor the conditionings of the base have been changed."""

    def state():
        options = sdxl.model.model_options["transformer_options"]
        conditionings = [[sorted(entry[1]) for entry in side] for side in (sdxl.positive, sdxl.negative)]
        return copy.copy(options), {name: len(patch) for name, patch in sdxl.model.patches.items()}, conditionings

    before = state()
    yield
    assert state() == before
    assert not attachments(sdxl.model)


def whole(out, sample, batch=1, **how):
    """The latents of a run, once they are seen to be as many as were asked for."""
    made = sample(out, steps=1, batch=batch, **how)
    assert len(made) == batch and made.isfinite().all()
    return made


def widened(picture, channels):
    return torch.cat([picture, torch.ones(*picture.shape[:3], channels - 3)], dim=-1)


KEYPOINTS = {
    "with alpha": lambda: widened(drawn((0, 0)), 4),
    "half precision": lambda: drawn((0, 0)).half(),
    "double precision": lambda: drawn((0, 0)).double(),
    "of another size": lambda: drawn((0, 0), size=(256, 256)),
    "not contiguous": lambda: drawn((0, 0)).permute(0, 2, 1, 3).contiguous().permute(0, 2, 1, 3),
    "more than pictures": lambda: drawn((0, 0)).repeat(5, 1, 1, 1),
    "brighter than white": lambda: drawn((0, 0)) * 3,
}


@pytest.mark.parametrize("case", KEYPOINTS)
def test_odd_pictures_of_keypoints_act(case, apply_identitynet, photos, sample, sdxl, ksample):
    made = whole(apply_identitynet(photos(1), image=KEYPOINTS[case]()), sample, batch=2)
    assert not torch.equal(made, ksample(sdxl, steps=1, batch=2))


NO_KEYPOINTS = {
    "none": lambda: torch.zeros(0, 128, 128, 3),
    "no rows": lambda: torch.zeros(1, 0, 128, 3),
    "NaN": lambda: torch.cat([drawn((0, 0)), drawn((0, 0)) * NAN]),
    "infinite": lambda: torch.full((1, 128, 128, 3), INF),
    "grey": lambda: drawn((0, 0)).mean(dim=-1, keepdim=True),
    "two channels": lambda: drawn((0, 0))[..., :2],
    "1 x 1": lambda: torch.full((1, 1, 1, 3), 0.3),
    "8192 x 64": lambda: torch.rand(1, 64, 8192, 3),
    "one dimension less": lambda: drawn((0, 0))[0],
    "bytes": lambda: (drawn((0, 0)) * 255).to(torch.uint8),
    "a mask": lambda: torch.zeros(1, 128, 128),
}


@pytest.mark.parametrize("case", NO_KEYPOINTS)
def test_what_shows_no_keypoints_is_refused(case, apply, photos, untouched):
    with pytest.raises(ValueError, match="(?i)picture") as caught:
        apply(photos(1), image=NO_KEYPOINTS[case]())
    assert 20 < len(str(caught.value)) < 400


MASKS = {
    "of another size": lambda: torch.rand(1, 7, 300),
    "1 x 1": lambda: torch.ones(1, 1, 1),
    "8192 x 64": lambda: torch.rand(1, 64, 8192),
    "without a dimension for several": lambda: torch.rand(20, 30),
    "with a channel": lambda: torch.rand(1, 1, 16, 16),
    "more than pictures": lambda: torch.rand(5, 16, 16),
    "half precision": lambda: torch.rand(1, 16, 16).half(),
    "truth values": lambda: torch.rand(1, 16, 16) > 0.5,
}
MASK_OF = {"apply_instantid": "attn_mask", "apply_identitynet": "mask"}


def given(node, **inputs):
    return inputs if node == "apply_instantid" else {"image": drawn((0, 0)), **inputs}


@pytest.mark.parametrize("case", MASKS)
@pytest.mark.parametrize("node", NODES)
def test_masks_of_any_size_and_kind(node, case, request, photos, sample):
    apply = request.getfixturevalue(node)
    limited = apply(photos(1), **given(node, image=drawn((0, 0)), **{MASK_OF[node]: MASKS[case]()}))
    free = apply(photos(1), **given(node, image=drawn((0, 0))))
    assert not torch.equal(whole(limited, sample), whole(free, sample)) or case == "1 x 1"


@pytest.mark.parametrize("case", ["of another size", "1 x 1", "with a channel", "half precision", "truth values"])
@pytest.mark.parametrize("node", NODES)
def test_regions_of_any_size_and_kind_with_a_mask_over_all(node, case, request, photos, sample):
    apply = request.getfixturevalue(node)
    masks = MASKS[case]()
    two = torch.cat([masks, ~masks if masks.dtype == torch.bool else 1 - masks])
    out = apply(photos(1, 2), masks=two, **given(node, image=drawn((0, 0)), **{MASK_OF[node]: MASKS[case]()}))
    assert len(nets(out)) == 2
    whole(out, sample)


NO_MASKS = {
    "none": torch.zeros(0, 8, 8),
    "no rows": torch.zeros(1, 0, 8),
    "NaN": torch.full((1, 8, 8), NAN),
    "infinite": torch.full((1, 8, 8), INF),
    "one dimension": torch.ones(8),
}


@pytest.mark.parametrize("name", ["masks", "the mask"])
@pytest.mark.parametrize("case", NO_MASKS)
@pytest.mark.parametrize("node", NODES)
def test_what_is_no_mask_is_refused(node, case, name, request, photos, untouched):
    socket = "masks" if name == "masks" else MASK_OF[node]
    with pytest.raises(ValueError, match="mask"):
        request.getfixturevalue(node)(photos(1), **given(node, **{socket: NO_MASKS[case]}))


def test_an_empty_mask_is_the_plain_model(apply_instantid, photos, sample, sdxl, ksample):
    for sockets in ({"masks": torch.zeros(1, 5, 9)}, {"attn_mask": torch.zeros(1, 5, 9)}):
        assert torch.equal(sample(apply_instantid(photos(1), **sockets), steps=1), ksample(sdxl, steps=1))


@pytest.mark.parametrize(
    ("node", "inputs", "says"),
    [
        *(("apply_instantid", {"weight": value}, "weight") for value in (NAN, INF, [0.5, NAN])),
        *((node, {"strength": value}, "strength") for value in (NAN, INF) for node in NODES),
        *(("apply_instantid", {"noise": value}, "noise") for value in (NAN, INF)),
        *(("apply_instantid", dict(zip(("start_percent", "end_percent"), pair, strict=True)), "start_percent")
          for pair in ((0.6, 0.4), (NAN, 1.0), (0.0, NAN), (-0.1, 1.0), (0.0, 1.5))),
        *(("apply_instantid", dict(zip(("identitynet_start", "identitynet_end"), pair, strict=True)), "start_percent")
          for pair in ((0.6, 0.4), (NAN, 1.0), (0.0, 1.5))),
        ("apply_identitynet", {"start_percent": 0.9, "end_percent": 0.1}, "start_percent"),
        *((node, {"masks": columns(2), "who": "by list", "order": text}, "order") for text in ("", "x", "0,,", "0 9")
          for node in NODES),
    ],
    ids=str,
)  # fmt: skip
def test_numbers_that_are_none_are_refused(node, inputs, says, request, photos, untouched):
    with pytest.raises(ValueError, match=says):
        request.getfixturevalue(node)(photos(1, 2) if "masks" in inputs else photos(1), **given(node, **inputs))


@pytest.mark.parametrize("size", [(64, 64), (1, 1), (8, 1024), (13, 17)], ids=str)
def test_keypoints_are_drawn_for_latents_of_any_shape(size, apply_instantid, photos):
    for shape in ((1, 4, *size), (3, 16, *size), (1, 16, 5, *size)):
        assert apply_instantid(photos(1), latent={"samples": torch.zeros(shape)}).pictures


@pytest.mark.parametrize("size", [(13, 17), (17, 13), (21, 21)], ids=str)
def test_latents_that_layers_cannot_halve_are_sampled(size, apply_instantid, group, sample):
    latent = {"samples": torch.zeros(1, 4, *size)}
    masks = torch.rand(2, 5, 7)
    out = apply_instantid(group(1, 2), latent=latent, masks=masks)
    made = sample(out, steps=1, height=size[0], width=size[1], batch=3)
    assert made.shape == (3, 4, *size) and made.isfinite().all()


@pytest.mark.parametrize("batch", [1, 2, 4])
@pytest.mark.parametrize("poses", [1, 2, 3])
def test_keypoints_and_pictures_of_unlike_number(poses, batch, apply_identitynet, photos, sample):
    whole(apply_identitynet(photos(1), image=drawn((0, 0)).repeat(poses, 1, 1, 1)), sample, batch=batch)


@pytest.mark.parametrize("family", strangers.FAMILIES)
def test_models_of_other_families_are_named_and_refused(family, sdxl, apply, photos, untouched):
    other = sdxl.model.clone()
    other.add_object_patch("diffusion_model", strangers.network(family))
    with pytest.raises(ValueError, match=rf"{strangers.FAMILIES[family]}.*Connect an SDXL"):
        apply(photos(1), model=other, image=drawn((0, 0)))


@pytest.mark.parametrize("side", ["positive", "negative"])
def test_conditionings_of_none_and_of_many_keep_their_number(side, apply, photos, sdxl):
    for entries in ([], getattr(sdxl, side) * 3):
        out = apply(photos(1), image=drawn((0, 0)), **{side: entries})
        assert len(getattr(out, side)) == len(entries)


@pytest.mark.parametrize("embedding", [NAN, INF])
def test_embeddings_that_are_no_numbers_are_refused(embedding, apply, photos, untouched):
    from dataclasses import replace

    (entry,) = photos(1)
    broken = entry.faces[0].embedding.copy()
    broken[7] = embedding
    with pytest.raises(ValueError, match="NaN or infinity"):
        apply((replace(entry, faces=(replace(entry.faces[0], embedding=broken),)),), image=drawn((0, 0)))


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("name", ["zero_convs.0.0.weight", "middle_block.1.transformer_blocks.3.attn2.to_k.weight"])
def test_a_net_with_weights_that_are_no_numbers_is_named(name, value, apply, photos, untouched):
    from miniature import models

    net = models.controlnet(4)
    with torch.no_grad():
        net.control_model.get_parameter(name).view(-1)[-1] = value
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"control_net.*{name}.*contains NaN"):
            apply(photos(1), control_net=net, image=drawn((0, 0)))


@pytest.mark.parametrize("case", [*NO_MASKS, "two dimensions"])
def test_region_prompts_refuse_what_is_no_mask(case, sdxl, untouched):
    mask = NO_MASKS.get(case)
    if mask is None:
        made = RegionPrompts.execute(sdxl.clip, sdxl.positive, torch.ones(8, 8), "a man").args[0]
        assert len(made) == 2
        return
    with pytest.raises(ValueError, match="mask"):
        RegionPrompts.execute(sdxl.clip, sdxl.positive, mask, "a man")


@pytest.mark.parametrize("share", [NAN, INF, -0.1, 1.1])
def test_region_prompts_refuse_what_is_no_share(share, sdxl):
    with pytest.raises(ValueError, match="base_share"):
        RegionPrompts.execute(sdxl.clip, sdxl.positive, torch.ones(1, 8, 8), "a man", share)


REGIONS = {
    "empty": lambda: torch.zeros(1, 8, 8),
    "1 x 1": lambda: torch.full((1, 1, 1), 0.3),
    "half precision": lambda: torch.rand(1, 8, 8).half(),
}


@pytest.mark.parametrize("case", REGIONS)
def test_region_prompts_over_odd_masks_are_sampled(case, sdxl, ksample):
    masks = REGIONS[case]()
    made = RegionPrompts.execute(sdxl.clip, sdxl.positive, masks, "a man").args[0]
    out = ksample(sdxl, positive=made, steps=1, batch=2)
    assert len(out) == 2 and out.isfinite().all()


SHEETS = {
    "at one point": [[5, 5]] * 5,
    "on a line": [[i, 5] for i in range(5)],
    "mirrored": FIVE[[1, 0, 2, 4, 3]].tolist(),
    "far away": (FIVE + 90_000).tolist(),
    "tiny": (FIVE / 1000).tolist(),
    "huge": (FIVE * 800).tolist(),
}


@pytest.mark.parametrize("shape", ["ellipse", "box"])
@pytest.mark.parametrize("case", SHEETS)
def test_face_masks_of_odd_points_are_masks_or_refused(case, shape):
    text = to_json(KeypointSheet((64, 48), (torch.tensor(SHEETS[case]).float().numpy(),)))
    try:
        masks, together = FaceMasks.execute(keypoints=text, shape=shape).args
    except ValueError as error:
        assert "face" in str(error).lower() and case in ("at one point", "on a line")
        return
    assert masks.shape == together.shape == (1, 48, 64)
    assert masks.isfinite().all() and masks.min() >= 0 and masks.max() <= 1


@pytest.mark.parametrize(("name", "value"), [("dilate", NAN), ("feather", NAN), ("feather", INF), ("dilate", -INF)])
def test_face_masks_refuse_softness_that_is_none(name, value, photos):
    with pytest.raises(ValueError, match=name):
        FaceMasks.execute(photos(1), **{name: value})


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (8192, 64)], ids=str)
@pytest.mark.parametrize("fit", ["fit", "fill", "stretch"])
def test_masks_and_keypoints_of_odd_sizes(size, fit, photos):
    masks, together = FaceMasks.execute(photos(1, 2), width=size[0], height=size[1], fit=fit).args
    assert masks.shape == together.shape == (2, size[1], size[0]) and masks.isfinite().all()
    picture, _ = RenderKeypoints.execute(photos(1, 2), width=size[0], height=size[1], fit=fit).args
    assert picture.shape == (2, size[1], size[0], 3)


@pytest.mark.parametrize("value", [NAN, INF, 1e30])
@pytest.mark.parametrize("name", ["scale", "rotation", "shift_x", "shift_y"])
def test_poses_that_are_none_are_refused(name, value, photos):
    if name == "rotation" and value == 1e30:
        pytest.skip("a rotation of any number of degrees is one")
    with pytest.raises(ValueError, match=r"keypoint|rotation|scale|shift"):
        RenderKeypoints.execute(photos(1), **{name: value})


def test_a_batch_with_pictures_without_faces_keeps_its_length(photos):
    from dataclasses import replace

    first, second, third = photos(1, 2, 3)
    batch = (first, replace(second, faces=()), third)
    masks, together = FaceMasks.execute(batch).args
    assert (len(masks), len(together)) == (2, 3) and not together[1].any()
    assert len(RenderKeypoints.execute(batch).args[0]) == 3


def test_control_net_is_seen_once(photos, apply_identitynet, monkeypatch):
    """Looking through 2.5 GB of weights is done once for a loaded net, not for each person and prompt."""
    from pack.attention.identitynet import wrap

    looked, look = [], wrap.first_not_finite
    monkeypatch.setattr(wrap, "first_not_finite", lambda found: looked.append(1) or look(found))
    net = control_net(seed=77)
    for _ in range(2):
        apply_identitynet(photos(1, 2), masks=columns(2), image=drawn((0, 0)), control_net=net)
    assert looked == [1]
