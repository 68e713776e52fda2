"""Every kind of picture that a graph may legally send to the face nodes: as many answers as pictures, or one clear error."""

import math
from dataclasses import replace

import pytest
import torch
from pack.face.errors import MissingFace
from pack.face.value import frozen
from pack.nodes.forms.choose_face import ChooseFace
from pack.nodes.forms.embed_faces import EmbedFaces
from pack.nodes.forms.face_masks import FaceMasks
from pack.nodes.forms.find_faces import FindFaces
from pack.nodes.forms.refine_faces import RefineFaces
from pack.nodes.forms.render_keypoints import RenderKeypoints

NAN, INF = math.nan, math.inf


def grey(picture):
    return picture.mean(dim=-1, keepdim=True)


def with_alpha(picture):
    return torch.cat([picture, torch.zeros_like(picture[..., :1])], dim=-1)


FACES = {
    "half precision": torch.Tensor.half,
    "double precision": torch.Tensor.double,
    "with alpha": with_alpha,
    "grey": grey,
    "beyond 0 to 1": lambda picture: picture * 1.3 - 0.1,
    "not contiguous": lambda picture: picture.movedim(-1, 1).contiguous().movedim(1, -1),
    "many": lambda picture: picture.repeat(3, 1, 1, 1),
    "beside much else": lambda picture: torch.nn.functional.pad(picture, (0, 0, 0, 4000)),
}


@pytest.mark.parametrize("case", FACES)
def test_the_face_is_found_in_pictures_of_any_kind(case, found, photo):
    picture = FACES[case](photo("obama.jpg"))
    faces = found(picture).faces
    assert len(faces) == len(picture)
    for entry in faces:
        assert len(entry.faces) == 1 and entry.faces[0].embedding.shape == (512,)


EMPTY = {
    "1 x 1": torch.full((1, 1, 1, 3), 0.3),
    "8192 x 64": torch.full((1, 64, 8192, 3), 0.5),
    "64 x 8192": torch.rand(1, 8192, 64, 3),
    "a line": torch.rand(1, 1, 5000, 3),
    "many": torch.zeros(5, 8, 8, 1),
}


@pytest.mark.parametrize("case", EMPTY)
@pytest.mark.parametrize("refine", [False, True])
def test_pictures_without_a_face_keep_their_place(case, refine, found, ran):
    picture = EMPTY[case]
    given = found(picture, refine=refine)
    assert (len(given.faces), given.count) == (len(picture), 0)
    assert len(ran(ChooseFace, faces=given.faces, missing="skip").faces) == len(picture)
    for node in (ChooseFace, EmbedFaces, FaceMasks):
        with pytest.raises(MissingFace, match=r"(?i)face"):
            node.execute(faces=given.faces)


NO_PICTURES = {
    "none": torch.zeros(0, 32, 32, 3),
    "no rows": torch.zeros(1, 0, 32, 3),
    "NaN": torch.rand(2, 32, 32, 3).index_fill(0, torch.tensor([1]), NAN),
    "infinite": torch.full((1, 32, 32, 3), INF),
    "one dimension less": torch.rand(32, 32, 3),
    "video": torch.rand(1, 2, 32, 32, 3),
    "two channels": torch.rand(1, 32, 32, 2),
    "channels first": torch.rand(1, 3, 32, 32),
    "bytes": torch.zeros(1, 32, 32, 3, dtype=torch.uint8),
}


@pytest.mark.parametrize("case", NO_PICTURES)
def test_what_is_no_picture_is_refused(case, face_models, found):
    for run in (
        lambda image: found(image),
        lambda image: RefineFaces.execute(image, None, [], [], None, face_models=face_models),
    ):
        with pytest.raises(ValueError, match=r"(?i)picture") as caught:
            run(NO_PICTURES[case])
        assert len(str(caught.value)) < 400


def test_batches_of_unlike_length_are_refused_by_name(found, photo, face_models):
    one, three = photo("obama.jpg"), photo("obama.jpg").repeat(3, 1, 1, 1)
    faces = found(one).faces
    with pytest.raises(ValueError, match="'faces' are of 1 pictures.*'image' has 3"):
        RefineFaces.execute(three, None, [], [], None, faces=faces)
    marks = {"frames": [[], []], "image_size": (one.shape[1], one.shape[2])}
    with pytest.raises(ValueError, match=r"of 2 pictures.*has 1"):
        FindFaces.execute(one, landmarks=marks, embed=False)


@pytest.mark.parametrize("kind", [grey, with_alpha], ids=lambda kind: kind.__name__)
def test_refined_pictures_come_back_in_three_channels_and_all_of_them(kind, sd15, found, photo):
    from miniature import models

    small = torch.nn.functional.interpolate(photo("obama.jpg").movedim(-1, 1), size=(160, 128)).movedim(1, -1)
    image = kind(small).repeat(2, 1, 1, 1)
    faces = found(image).faces
    vae = models.vae(1, "sd15")
    done, masks = RefineFaces.execute(
        image, sd15.model, sd15.positive, sd15.negative, vae, steps=1, resolution=128, faces=faces
    ).args
    assert done.shape == (2, 160, 128, 3) and masks.shape == (2, 160, 128)
    assert done.isfinite().all() and masks.any()


def test_one_choice_for_a_batch_of_faces_and_none(found, photo, ran):
    """Numbers that no face has, and photos to be like that show nobody, are errors that say so."""
    faces = found(photo("obama.jpg")).faces
    nobody = tuple(replace(entry, faces=()) for entry in faces)
    with pytest.raises(MissingFace, match="Face 1000 was asked for, by 'index' 999.*shows 1"):
        ChooseFace.execute(faces, index=999)
    with pytest.raises(MissingFace, match="'like'"):
        ChooseFace.execute(faces, rule="most like", like=nobody)
    assert len(ran(ChooseFace, faces=nobody * 3, missing="skip").faces) == 3
    with pytest.raises(ValueError, match="faces"):
        RenderKeypoints.execute(faces=())


def test_a_face_beyond_the_border_is_drawn_masked_and_embedded(found, photo, face_models):
    """A detector may see a face that is cut off; whatever it says of it, every node answers in the picture's size."""
    (entry,) = found(photo("obama.jpg"), embed=False).faces
    moved = replace(
        entry.faces[0], keypoints=frozen(entry.faces[0].keypoints - 900), box=frozen(entry.faces[0].box - 900)
    )
    faces = (replace(entry, faces=(moved,)),)
    height, width = photo("obama.jpg").shape[1:3]
    masks, _ = FaceMasks.execute(faces).args
    assert masks.shape == (1, height, width) and not masks.any()
    assert EmbedFaces.execute(faces, face_models).args[0][0].faces[0].embedding.shape == (512,)


@pytest.mark.parametrize("variant", ["faceid", "portrait"])
def test_adapters_that_read_faces_refuse_what_is_none(variant, sd15, load, found, photo):
    from pack.attention.sampling.attach import attachments
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
    from pack.nodes.forms.encode_reference import EncodeReference

    adapter = load("sd15", variant)
    faces = found(photo("obama.jpg")).faces
    nobody = (replace(faces[0], faces=()),)
    strange = (replace(faces[0], faces=(replace(faces[0].faces[0], embedding=frozen([NAN] * 512)),)),)
    before = dict(sd15.model.model_options["transformer_options"])
    cases = ((nobody, "No face"), ((), "face"), (faces + nobody, "No face"), (strange, "NaN or infinity"))
    for given, says in cases:
        with pytest.raises(ValueError, match=says):
            ApplyIPAdapter.execute(sd15.model, adapter, faces=given, any_recogniser=True)
    with pytest.raises(ValueError, match="connect 'faces' from Choose Face"):
        EncodeReference.execute(adapter=adapter, image=photo("obama.jpg"))
    assert sd15.model.model_options["transformer_options"] == before and not attachments(sd15.model)
