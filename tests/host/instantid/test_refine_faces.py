"""Refine Faces on miniatures: what changes, what stays, whose identity each square gets, and what a user reads."""

import comfy.model_management
import comfy.samplers
import numpy as np
import pytest
import torch
from instantid_runs import columns, drawn, made_face, nets, ran
from pack.attention.regions.crop import Crop, conditioning_for, model_for
from pack.attention.sampling.attach import attach, attachments
from pack.face.errors import MissingFace
from pack.face.patch import pasted, resized, soft_edge, square_around
from pack.face.picture import pictures
from pack.face.value import PictureFaces
from pack.nodes.forms.refine_faces import RefineFaces

import nodes


@pytest.fixture(scope="module")
def vae():
    from miniature import models

    return models.vae(1, "sdxl")


@pytest.fixture
def canvas(picture):
    """Pictures of 256 x 128 pixels, and faces in them: the person's number by where it is."""

    def made(*where):
        image = picture(3, 128, 256, count=len(where))
        batch = tuple(
            PictureFaces(shot, tuple(made_face(shot, who, at) for at, who in people.items()))
            for shot, people in zip(pictures(image), where, strict=True)
        )
        return image, batch

    return made


@pytest.fixture
def refine(sdxl, vae):
    def refined(image, faces=None, **inputs):
        given = {"model": sdxl.model, "positive": sdxl.positive, "negative": sdxl.negative, "vae": vae, "seed": 5}
        given |= {"steps": 2, "resolution": 128, "denoise": 0.5, "faces": faces}
        return ran(RefineFaces, image=image, **{**given, **inputs})

    return refined


def test_only_the_squares_change_and_the_batch_keeps_its_length(canvas, refine):
    image, batch = canvas({(0, 0): 1}, {}, {(0, 0): 1, (128, 0): 2})
    before = image.clone()
    out = refine(image, batch, missing="skip")
    assert out.image.shape == image.shape and out.mask.shape == image.shape[:3]
    assert torch.equal(image, before)
    assert torch.equal(out.image[1], image[1]) and not out.mask[1].any()
    for i, entry in enumerate(batch):
        outside = torch.ones(128, 256, dtype=torch.bool)
        for face in entry.faces:
            square = square_around(face, 2.0)
            square.of(outside)[...] = False
            assert (square.of(out.image[i]) - square.of(image[i])).abs().max() > 0.01
        assert torch.equal(out.image[i][outside], image[i][outside])
        assert torch.equal(out.mask[i] > 0, ~outside)
    assert len(out.pictures) == 3, "before and after of each face"
    assert "picture 1 of 3: 1 face repainted" in out.text and "picture 2 of 3: no face, left as it is" in out.text


def test_a_square_is_what_the_hosts_own_nodes_make_of_it(sdxl, vae, canvas, refine, apply_instantid, photos):
    """Crop, VAE Encode, KSampler at this denoise, VAE Decode, paste: with the branch on the model."""
    image, batch = canvas({(40, 0): 1})
    steered = apply_instantid(photos(1), image=drawn((0, 0)), strength=0.0).model
    square = square_around(batch[0].faces[0], 2.0)
    cropped = resized(square.of(image[0]), 128)[None]
    (latent,) = nodes.VAEEncode().encode(vae, cropped)
    (samples,) = nodes.KSampler().sample(
        steered, 5, 2, 5.0, "euler", "normal", sdxl.positive, sdxl.negative, latent, 0.5
    )
    (decoded,) = nodes.VAEDecode().decode(vae, samples)
    wanted = pasted(image[0], resized(decoded[0], square.side), square, soft_edge(square, 0.15))
    assert torch.equal(refine(image, batch, model=steered).image[0], wanted)
    assert not torch.equal(refine(image, batch).image[0], wanted), "the branch matters"


def test_the_same_seed_gives_the_same_picture_and_another_another(canvas, refine):
    image, batch = canvas({(0, 0): 1, (128, 0): 2})
    first = refine(image, batch).image
    assert torch.equal(refine(image, batch).image, first)
    assert not torch.equal(refine(image, batch, seed=6).image, first)
    last = refine(image, batch, seed=2**64 - 1).image
    assert torch.isfinite(last).all()


def test_each_square_gets_the_region_of_its_own_person(canvas, apply_instantid, photos, refine):
    """Two people with a half of the picture each: swapping one person changes that person's square alone."""
    image, batch = canvas({(0, 0): 1, (136, 0): 2})
    keypoints = drawn((0, 0), (128, 0), size=(256, 128))

    def refined(*people):
        out = apply_instantid(photos(*people), image=keypoints, masks=columns(2, width=256))
        return refine(image, batch, model=out.model, positive=out.positive, negative=out.negative).image

    both, other = refined(1, 2), refined(1, 9)
    assert torch.equal(both[:, :, :128], other[:, :, :128])
    assert (both[:, :, 128:] - other[:, :, 128:]).abs().max() > 1e-3


def test_a_net_is_shown_the_keypoints_of_the_square(sdxl, apply_instantid, photos):
    out = apply_instantid(photos(1), image=drawn((0, 0)), strength=0.6, identitynet_end=0.9)
    depth = nodes.ControlNetApplyAdvanced().apply_controlnet(
        out.positive, out.negative, nets(out)[0].copy(), torch.rand(2, 64, 64, 3), 0.5, 0.0, 1.0
    )[0]
    plain = depth[0][1]["control"]
    shown, done = drawn((8, 8)), {}
    (entry,) = conditioning_for(depth, Crop(1, 0.5, 0.0, 1.0, 0.5), shown, done)
    cut, (net,) = entry[1]["control"], nets(out)
    assert plain.previous_controlnet is net, "nothing given is changed"
    assert torch.equal(net.cond_hint_original, drawn((0, 0)).movedim(-1, 1))
    ours = cut.previous_controlnet
    assert torch.equal(ours.cond_hint_original, shown.movedim(-1, 1))
    assert (ours.strength, ours.timestep_percent_range) == (0.6, (0.0, 0.9))
    (again,) = conditioning_for(depth, Crop(1, 0.5, 0.0, 1.0, 0.5), shown, done)
    assert again[1]["control"] is cut, "positive and negative share their nets"


def test_another_net_sees_its_part_of_its_own_picture(sdxl, canvas, refine):
    from instantid_runs import control_net

    hint = torch.rand(2, 128, 256, 3)
    positive, _ = nodes.ControlNetApplyAdvanced().apply_controlnet(
        sdxl.positive, sdxl.negative, control_net(9), hint, 0.5, 0.0, 1.0
    )
    ((_, options),) = conditioning_for(positive, Crop(1, 0.5, 0.25, 1.0, 0.75), drawn((0, 0)), {})
    assert torch.equal(options["control"].cond_hint_original, hint.movedim(-1, 1)[1:, :, 32:96, 128:])


def test_the_reference_of_a_picture_is_the_one_that_sampling_gave_it(load, picture, sdxl, apply):
    from pack.attention.regions.crop import Crop, _attachment_for
    from pack.attention.sampling.attach import attachments

    inputs = {"image": picture(1, count=2), "combine": "one per frame"}
    whole = Crop(4, 0.0, 0.0, 1.0, 1.0)
    for rule, entry in (("repeat last", 1), ("cycle", 0)):
        (attached,) = attachments(apply(sdxl.model, "sdxl", short_batch=rule, **inputs))
        block = next(iter(attached.positive.blocks))
        got, wanted = (
            _attachment_for(attached, whole).positive.pick(block, (0,)),
            attached.positive.pick(block, (entry,)),
        )
        assert torch.equal(got[0], wanted[0])
    (strict,) = attachments(apply(sdxl.model, "sdxl", short_batch="error", **inputs))
    with pytest.raises(ValueError, match="2 references"):
        _attachment_for(strict, whole)


def test_each_picture_of_a_batch_keeps_what_is_its_own(apply_instantid, photos, sdxl):
    from dataclasses import replace

    one, two = (attachments(apply_instantid(photos(who), image=drawn((0, 0))).model)[0] for who in (1, 2))
    block = ("middle", 0, 0)
    pair = [
        torch.cat(both) for both in zip(one.positive.pick(block, (0,)), two.positive.pick(block, (0,)), strict=True)
    ]
    layers = {block: tuple(pair)}
    framed = replace(
        one, positive=type(one.positive)(layers, 16), frame_scales=(0.3, 0.7), attn_mask=torch.rand(2, 8, 8)
    )
    (cut,) = attachments(model_for(attach(sdxl.model, framed), Crop(1, 0.0, 0.5, 0.5, 1.0)))
    assert cut.frame_scales == (0.7,)
    assert torch.equal(cut.attn_mask, framed.attn_mask[1:, 4:, :4])
    assert not cut.per_frame
    assert all(torch.equal(a, b[1:]) for a, b in zip(cut.positive.pick(block, (0,)), pair, strict=True))
    assert cut.order != framed.order


@pytest.mark.parametrize(
    "people",
    [{(40, 0): 1}, {(-30, -40): 1}, {(200, 60): 1}],
    ids=["inside", "over the top left", "over the bottom right"],
)
def test_a_square_stays_inside_the_picture_and_does_not_fade_at_its_border(people, canvas):
    _, batch = canvas(people)
    square = square_around(batch[0].faces[0], 1.5)
    right, bottom = square.left + square.side, square.top + square.side
    assert square.left >= 0 and square.top >= 0 and right <= 256 and bottom <= 128
    edge = soft_edge(square, 0.2)
    assert edge.min() >= 0 and edge.max() == 1
    for line, at_border in (
        (edge[0], square.top == 0),
        (edge[-1], bottom == 128),
        (edge[:, 0], square.left == 0),
        (edge[:, -1], right == 256),
    ):
        assert (line.max() == 1) == at_border


def test_no_feather_replaces_the_whole_square(canvas):
    image, batch = canvas({(40, 0): 1})
    square = square_around(batch[0].faces[0], 1.5)
    patch = torch.zeros(square.side, square.side, 3)
    assert not square.of(pasted(image[0], patch, square, soft_edge(square, 0.0))).any()


def test_points_go_where_the_pixels_go(canvas):
    _, batch = canvas({(40, 0): 1})
    face = batch[0].faces[0]
    square = square_around(face, 2.0)
    points = square.points(face.keypoints, 512)
    assert np.allclose(points / 512 * square.side + (square.left, square.top), face.keypoints, atol=1e-3)


def test_a_missing_face_is_named_or_skipped(canvas, refine):
    image, batch = canvas({(0, 0): 1}, {})
    with pytest.raises(
        MissingFace, match=r"No face found in picture 2 of 2\. Lower the threshold.* or set 'missing' to skip"
    ):
        refine(image, batch)
    empty = refine(image[1:], canvas({})[1], missing="skip")
    assert torch.equal(empty.image, image[1:])


def test_faces_of_other_pictures_are_refused(canvas, refine):
    image, batch = canvas({(0, 0): 1})
    with pytest.raises(ValueError, match=r"are of 1 pictures of \(256, 128\), but 'image' has 2 of \(64, 64\)"):
        refine(torch.rand(2, 64, 64, 3), batch)
    with pytest.raises(ValueError, match="either 'face_models'.*or 'faces'"):
        refine(image)


def test_an_area_cannot_be_cut(sdxl, canvas, refine):
    image, batch = canvas({(0, 0): 1})
    (area,) = nodes.ConditioningSetArea().append(sdxl.positive, 64, 64, 0, 0, 1.0)
    with pytest.raises(ValueError, match=r"carries 'area'.*Set Mask"):
        refine(image, batch, positive=area)


def test_it_can_be_interrupted_between_steps(canvas, refine, monkeypatch):
    image, batch = canvas({(0, 0): 1})
    asked = []

    def stop():
        asked.append(1)
        if len(asked) == 2:
            raise comfy.model_management.InterruptProcessingException

    monkeypatch.setattr(comfy.model_management, "throw_exception_if_processing_interrupted", stop)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        refine(image, batch, steps=4)
