"""What a user reads when something does not fit InstantID: what is wrong, what was found, what to do."""

import pytest
import torch
from instantid_runs import columns, control_net, drawn
from pack.face.errors import MissingFace, WrongRecogniser
from pack.face.picture import pictures
from pack.face.value import PictureFaces

NODES = ["apply_instantid", "apply_identitynet"]


@pytest.fixture(params=NODES)
def apply(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def given():
    return {"image": drawn((0, 0))}


def test_no_face_names_the_picture(apply, given, photos):
    empty = tuple(PictureFaces(picture, ()) for picture in pictures(torch.zeros(2, 64, 64, 3)))
    with pytest.raises(MissingFace, match=r"No face found in picture 1 of 2, picture 2 of 2\. Lower the threshold"):
        apply(empty, **given)
    with pytest.raises(MissingFace, match="No face found in picture 2 of 2"):
        apply((photos(1)[0], empty[1]), **given)


def test_several_faces_say_how_many_and_how_to_choose(apply, given, group, photos):
    advice = "Choose Face.*Embed Faces.*'masks'.*Face Masks"
    with pytest.raises(ValueError, match=rf"3 faces \(picture 1 of 1: 3\).*{advice}"):
        apply(group(1, 2, 3), **given)
    with pytest.raises(ValueError, match=rf"2 faces \(picture 1 of 2: 1, picture 2 of 2: 1\).*{advice}"):
        apply(photos(1, 2), **given)


def test_other_counts_of_faces_and_masks_say_how_photos_of_one_person_are_merged(apply, given, photos):
    with pytest.raises(
        ValueError, match="3 faces and 2 masks.*Embed Faces makes one face of several photos of one person"
    ):
        apply(photos(1, 2, 3), masks=columns(2), **given)


def test_an_empty_mask_has_no_position(apply, given, photos):
    with pytest.raises(ValueError, match="mask 2 of .* is empty"):
        apply(photos(1, 2), masks=torch.stack([torch.ones(8, 8), torch.zeros(8, 8)]), who="by position", **given)


def test_people_of_several_photos_share_no_canvas(apply_instantid, photos):
    with pytest.raises(ValueError, match="2 people come from 2 photos.*Connect a keypoint picture.*Render Keypoints"):
        apply_instantid(photos(1, 2), masks=columns(2))


def test_a_keypoint_picture_of_another_shape_than_the_latent_is_refused_at_once(apply_instantid, given, photos):
    wide = {"samples": torch.zeros(1, 4, 8, 16)}
    with pytest.raises(ValueError, match="but the picture being made is 128x64.*Set that size in Render Keypoints"):
        apply_instantid(photos(1), latent=wide, **given)


def test_an_sd15_model_is_refused(sd15, apply, given, photos):
    with pytest.raises(ValueError, match=r"InstantID for SDXL .*connected model is SD1.5.*Connect an SDXL model"):
        apply(photos(1), model=sd15.model, **given)


def test_an_adapter_that_is_no_instantid_is_refused_with_what_it_is(apply, given, load, photos):
    with pytest.raises(ValueError, match="IP-Adapter for SDXL, not InstantID.*models/instantid.*Apply IP-Adapter"):
        apply(photos(1), adapter=load("sdxl"), **given)


def test_a_controlnet_that_is_no_identitynet_is_refused(apply, given, photos):
    with pytest.raises(ValueError, match="7 cross-attentions.*SDXL has 34"):
        apply(photos(1), control_net=control_net(family="sd15"), **given)


def test_a_photo_or_a_black_picture_in_place_of_keypoints_is_refused(apply, photos, picture):
    with pytest.raises(ValueError, match="looks like a photo.*Render Keypoints"):
        apply(photos(1), image=picture(1, 128, 128))
    with pytest.raises(ValueError, match="is black: it shows no face"):
        apply(photos(1), image=torch.zeros(1, 128, 128, 3))


def test_keypoints_of_another_shape_are_refused_before_they_are_cut(apply, photos, sample):
    with pytest.raises(ValueError, match=r"picture is 128x128, .* made is 192x128.*Render Keypoints.*'latent'"):
        sample(apply(photos(1), image=drawn((0, 0))), width=24)


def test_keypoints_of_another_size_but_the_same_shape_are_taken(apply, photos, sample):
    assert torch.isfinite(sample(apply(photos(1), image=drawn((0, 0), size=(250, 256))), steps=1)).all()


def test_faces_of_another_recogniser_are_refused_or_reported(apply, given, photos):
    other = photos(1, recogniser="MobileFaceNet")
    with pytest.raises(WrongRecogniser, match=r"ResNet100 \(antelopev2\), these come from MobileFaceNet.*antelopev2"):
        apply(other, **given)
    out = apply(other, any_recogniser=True, **given)
    assert "MobileFaceNet" in out.text and "allowed by you" in out.text


def test_faces_without_embeddings_say_where_to_get_them(apply, given, photos):
    from dataclasses import replace

    (entry,) = photos(1)
    bare = (replace(entry, faces=(replace(entry.faces[0], embedding=None, recogniser=None),)),)
    with pytest.raises(ValueError, match="no embedding.*Find Faces"):
        apply(bare, **given)
