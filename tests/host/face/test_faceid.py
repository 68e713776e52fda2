"""FaceID from a photo to a steered picture: the real face models, small adapters of every face variant."""

from dataclasses import replace

import pytest
import torch
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.forms.choose_face import ChooseFace
from pack.nodes.forms.embed_faces import EACH, EmbedFaces
from pack.nodes.people.face_reference import embeds_of_faces

VARIANTS = {  # of the miniature adapters -> the kind that a user sets where keys cannot tell
    "faceid": "auto",
    "faceid_plus": "faceid_plus",
    "portrait": "auto",
    "unnorm": "portrait_unnorm",
}


@pytest.fixture(scope="session")
def face_adapter(adapter_folder):
    from miniature import adapters, models
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.nodes.wires import LoadedAdapter

    def load(variant, kind=None):
        path = adapter_folder / f"face-{variant}.bin"
        adapters.write_bin(adapters.adapter_state_dict("sd15", variant, 7), path)
        return LoadedAdapter(Adapter(checkpoint.read(path), kind or VARIANTS[variant]), models.clip_vision("vit_h", 3))

    return load


@pytest.fixture(scope="session")
def person(ran, found, photo):
    """One face of a photo, embedded."""
    return lambda name: ran(ChooseFace, faces=found(photo(name)).faces).faces


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_face_steers_and_another_face_steers_elsewhere(variant, sd15, ksample, face_adapter, person):
    adapter = face_adapter(variant)
    plain = ksample(sd15)
    results = [
        ksample(sd15, ApplyIPAdapter.execute(sd15.model, adapter, faces=person(name), any_recogniser=True).args[0])
        for name in ("obama.jpg", "biden.jpg")
    ]
    assert all((result - plain).abs().mean() > 1e-2 for result in results)
    assert (results[0] - results[1]).abs().mean() > 1e-3


def test_the_second_version_of_plus_differs_by_its_shortcut(sd15, ksample, face_adapter, person):
    pictures = [
        ksample(
            sd15,
            ApplyIPAdapter.execute(
                sd15.model, face_adapter("faceid_plus", kind), faces=person("obama.jpg"), any_recogniser=True, **inputs
            ).args[0],
        )
        for kind, inputs in (("faceid_plus", {}), ("faceid_plus_v2", {}), ("faceid_plus_v2", {"shortcut_scale": 2.0}))
    ]
    assert (pictures[0] - pictures[1]).abs().mean() > 1e-3
    assert (pictures[1] - pictures[2]).abs().mean() > 1e-3


def test_a_recogniser_the_adapter_was_not_trained_with_is_refused(sd15, face_adapter, person):
    with pytest.raises(
        ValueError, match=r"trained on embeddings of ResNet50 \(buffalo_l\), these come from MobileFaceNet.*buffalo_l"
    ):
        ApplyIPAdapter.execute(sd15.model, face_adapter("faceid"), faces=person("obama.jpg"))


def test_embeddings_are_kept_raw_and_of_length_one(face_adapter, person):
    face = person("obama.jpg")
    embeds = embeds_of_faces(face_adapter("faceid").adapter, face, None, any_recogniser=True)
    assert torch.equal(embeds.feature("face")[0], torch.from_numpy(face[0].faces[0].embedding.copy()))
    assert embeds.feature("face").norm() > 10
    torch.testing.assert_close(embeds.feature("unit_face").norm(), torch.tensor(1.0))
    assert "penultimate" not in embeds.names


def test_of_kolors_the_encoder_sees_the_square_around_the_face(face_adapter, person):
    """As its authors cut it; of other adapters it sees the face turned upright."""
    from pack.attention.adapter.variants import variant_named
    from pack.attention.reference.encode import encode
    from pack.face.align import crop
    from pack.face.picture import to_image
    from pack.face.square import square

    assert variant_named("kolors_faceid_plus").shows == "square"
    loaded, faces = face_adapter("faceid_plus"), person("obama.jpg")
    adapter, (face,) = loaded.adapter, faces[0].faces
    for shows, cut in (("upright", crop(face, 224)), ("square", square(face))):
        variant = replace(adapter.identity.variant, shows=shows)
        adapter.identity = replace(adapter.identity, variant=variant)
        seen = embeds_of_faces(adapter, faces, loaded.clip_vision, any_recogniser=True).feature("penultimate")
        assert torch.equal(seen, encode(loaded.clip_vision, to_image([cut])).feature("penultimate"))
    assert (seen - encode(loaded.clip_vision, to_image([crop(face, 336)])).feature("penultimate")).abs().mean() > 1e-3


def test_several_photos_of_one_person_act_as_one_reference(sd15, face_adapter, ran, found, photo):
    """The portrait adapters concatenate the tokens of each photo."""
    photos = [photo(name) for name in ("obama.jpg", "obama2.jpg")]
    size = torch.nn.functional.interpolate
    batch = torch.cat([size(p.movedim(-1, 1), (480, 400), mode="bilinear").movedim(1, -1) for p in photos])
    faces = ran(EmbedFaces, faces=ran(ChooseFace, faces=found(batch).faces).faces, combine=EACH).faces
    adapter = face_adapter("portrait")
    steered = ApplyIPAdapter.execute(sd15.model, adapter, faces=faces, any_recogniser=True).args[0]
    (attachment,) = steered.model_options["transformer_options"]["likeness_attachments"]
    assert attachment.positive.num_tokens == 2 * 16


def test_a_picture_with_several_faces_or_none_is_named(sd15, face_adapter, found, photo, person):
    adapter = face_adapter("faceid")
    two = person("obama.jpg")
    crowd = (replace(two[0], faces=(*two[0].faces, *two[0].faces)),)
    with pytest.raises(ValueError, match="has 2 faces; one is needed. Pick it with Choose Face"):
        ApplyIPAdapter.execute(sd15.model, adapter, faces=crowd, any_recogniser=True)
    with pytest.raises(ValueError, match="No face found in picture 1 of 1"):
        ApplyIPAdapter.execute(sd15.model, adapter, faces=(replace(two[0], faces=()),), any_recogniser=True)


def test_a_picture_for_a_face_adapter_and_a_face_for_a_picture_adapter_are_told_apart(
    sd15, face_adapter, load, photo, person
):
    with pytest.raises(ValueError, match="reads a face: connect 'faces'"):
        ApplyIPAdapter.execute(sd15.model, face_adapter("faceid"), image=photo("obama.jpg"))
    with pytest.raises(ValueError, match="reads a picture: connect 'image'"):
        ApplyIPAdapter.execute(sd15.model, load("sd15"), faces=person("obama.jpg"))


def test_the_lora_inside_the_file_is_put_on_the_model_and_said(sd15, face_adapter, person):
    output = ApplyIPAdapter.execute(sd15.model, face_adapter("faceid"), faces=person("obama.jpg"), any_recogniser=True)
    assert len(output.args[0].patches) == 4 * 32
    assert not sd15.model.patches
    assert "LoRA is on the model at 1" in output.ui.as_dict()["text"][0]
