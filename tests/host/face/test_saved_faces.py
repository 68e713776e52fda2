"""Save Faces and Load Faces: what was kept steers exactly as the photo did, and what is missing is said."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from comfy_execution.graph_utils import ExecutionBlocker
from pack.face.cache import Cache
from pack.face.errors import MissingFace, MissingPhoto, WrongRecogniser
from pack.nodes.files.saved_files import FACES
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.forms.choose_face import ChooseFace
from pack.nodes.forms.embed_faces import EACH, EmbedFaces
from pack.nodes.forms.face_masks import FaceMasks
from pack.nodes.forms.face_similarity import FaceSimilarity
from pack.nodes.forms.load_faces import LoadFaces
from pack.nodes.forms.render_keypoints import RenderKeypoints
from pack.nodes.forms.save_faces import SaveFaces
from pack.nodes.people.keypoint_pictures import keypoint_pictures


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    import folder_paths

    for name in ("input", "output"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(folder_paths, f"{name}_directory", str(tmp_path / name))
    return tmp_path


@pytest.fixture(scope="session")
def adapter_of(adapter_folder):
    """Variant -> a small adapter of it with the image encoder that fits."""
    from miniature import adapters, models
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.nodes.wires import LoadedAdapter

    def load(variant, kind="auto", family="sd15"):
        path = adapter_folder / f"saved-{family}-{variant}.bin"
        adapters.write_bin(adapters.adapter_state_dict(family, variant, 7), path)
        return LoadedAdapter(Adapter(checkpoint.read(path), kind), models.clip_vision("vit_h", 3))

    return load


@pytest.fixture
def through_a_file(ran):
    """Faces -> what Load Faces gives of the file that Save Faces wrote of them."""

    def kept(faces, **how):
        ran(SaveFaces, faces=faces, filename_prefix="people/a", **how)
        return ran(LoadFaces, file=LoadFaces.define_schema().inputs[0].options[-1]).faces

    return kept


@pytest.fixture
def person(ran, found, photo):
    return lambda name, **how: ran(ChooseFace, faces=found(photo(name), **how).faces).faces


def all_of(faces):
    return [face for entry in faces for face in entry.faces]


@pytest.mark.parametrize("node", [SaveFaces, LoadFaces], ids=lambda node: node.__name__)
def test_every_socket_is_explained(node):
    schema = node.define_schema()
    schema.validate()
    assert schema.node_id == f"Likeness{node.__name__}" and schema.category == "likeness/face" and schema.search_aliases
    assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
    node.GET_NODE_INFO_V1()


@pytest.mark.parametrize(
    ("variant", "kind", "crop"), [("faceid", "auto", "none"), ("faceid_plus", "faceid_plus_v2", "224")]
)
def test_a_face_from_a_file_steers_as_its_photo_did(
    variant, kind, crop, sd15, ksample, adapter_of, person, through_a_file
):
    adapter, faces = adapter_of(variant, kind), person("obama.jpg")

    def drawn(given):
        return ksample(sd15, ApplyIPAdapter.execute(sd15.model, adapter, faces=given, any_recogniser=True).args[0])

    by_photo = drawn(faces)
    assert torch.equal(drawn(through_a_file(faces, crop=crop)), by_photo)
    assert (by_photo - ksample(sd15)).abs().mean() > 1e-2


def test_keypoints_are_drawn_as_of_the_photo(ran, person, through_a_file):
    faces = person("obama.jpg")
    kept = through_a_file(faces)
    for canvas in (None, (640, 768)):
        assert torch.equal(
            keypoint_pictures(None, all_of(kept), canvas), keypoint_pictures(None, all_of(faces), canvas)
        )
    for inputs in ({}, {"width": 0, "height": 0}, {"scale": 0.5, "rotation": 20.0}):
        by_file, by_photo = (ran(RenderKeypoints, faces=given, **inputs) for given in (kept, faces))
        assert torch.equal(by_file.image, by_photo.image) and by_file.keypoints == by_photo.keypoints


def test_masks_are_those_of_the_photo(ran, found, photo, through_a_file):
    faces = found(photo("players.jpg")).faces
    masks = [ran(FaceMasks, faces=given, width=160, height=120).masks for given in (through_a_file(faces), faces)]
    assert len(masks[0]) == 22 and torch.equal(*masks)


def test_choosing_and_comparing_need_no_photo(ran, found, photo, person, through_a_file):
    group, other = found(photo("players.jpg")).faces, person("obama.jpg")
    kept = through_a_file(group)
    for rule in ("largest", "left to right", "as numbered", "most central"):
        chosen = [ran(ChooseFace, faces=given, rule=rule, index=3).faces for given in (kept, group)]
        assert np.array_equal(*(all_of(given)[0].embedding for given in chosen))
    alike = [ran(FaceSimilarity, faces=given, reference=other) for given in (kept, group)]
    assert alike[0].similarity == alike[1].similarity and alike[0].text == alike[1].text


def test_several_photos_become_one_identity_from_their_files(ran, person, through_a_file):
    faces = person("obama.jpg") + person("obama2.jpg")
    by_photo = ran(EmbedFaces, faces=faces)
    kept = ran(EmbedFaces, faces=through_a_file(faces, crop="224"))
    assert np.array_equal(all_of(kept.faces)[0].embedding, all_of(by_photo.faces)[0].embedding)
    assert torch.equal(kept.crops, by_photo.crops)
    without = ran(EmbedFaces, faces=through_a_file(faces), combine=EACH)
    assert np.array_equal(all_of(without.faces)[1].embedding, all_of(faces)[1].embedding)
    assert isinstance(without.crops, ExecutionBlocker) and "no upright crop of 224 pixels" in without.crops.message
    assert "no crops: there is no upright crop of 224 pixels" in without.shown


def test_a_batch_keeps_its_length(ran, found, photo, through_a_file):
    image = photo("yaoming.jpg")
    faces = found(torch.cat([image, torch.zeros_like(image), image])).faces
    kept = through_a_file(faces)
    assert [len(entry.faces) for entry in kept] == [1, 0, 1]
    with pytest.raises(MissingFace, match="No face found in picture 2 of 3"):
        ran(ChooseFace, faces=kept)
    with pytest.raises(MissingFace, match="No face found in any picture"):
        ran(SaveFaces, faces=found(torch.zeros(1, 64, 64, 3)).faces)


def test_the_nodes_say_what_is_in_the_file(ran, person, own_folders):
    saved = ran(SaveFaces, faces=person("obama.jpg"), filename_prefix="people/anna", crop="224")
    assert saved.shown.splitlines()[0] == f"people/anna_00001_{FACES.suffix}"
    (name,) = LoadFaces.define_schema().inputs[0].options
    assert name == f"people/anna_00001_{FACES.suffix} [output]"
    loaded = ran(LoadFaces, file=name)
    width, height = loaded.faces[0].picture.size
    for words in (f"picture 1 of 1, {width}x{height}: score 0.", ", MobileFaceNet, upright crop of 224 px"):
        assert words in loaded.shown and words in saved.shown
    (picture,) = loaded.pictures
    assert picture["type"] == "temp"
    assert not list(own_folders.rglob("*.part"))


def test_the_history_gets_the_files_name(person):
    output = SaveFaces.PREPARE_CLASS_CLONE({}).execute(faces=person("obama.jpg"), filename_prefix="a/b")
    assert output.ui["faces"] == [{"filename": f"b_00001_{FACES.suffix}", "subfolder": "a", "type": "output"}]


MISSING = {
    "a recogniser": (
        "faceid",
        "auto",
        {"crop": "224"},
        WrongRecogniser,
        "was trained on embeddings of ResNet50 .*these",
    ),
    "an adapter for pictures": ("base", "auto", {}, ValueError, "reads a picture and not a face"),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_an_adapter_lacks_is_said_by_both_nodes(case, ran, adapter_of, person):
    variant, kind, how, error, says = MISSING[case]
    faces, adapter = person("obama.jpg"), adapter_of(variant, kind)
    with pytest.raises(error, match=says):
        ran(SaveFaces, faces=faces, adapter=adapter, **how)
    ran(SaveFaces, faces=faces, **how)
    with pytest.raises(error, match=says):
        ran(LoadFaces, file=LoadFaces.define_schema().inputs[0].options[0], adapter=adapter)


def test_an_embedding_or_a_crop_that_is_missing_is_said(ran, adapter_of, person, found, photo, monkeypatch, sd15):
    from pack.nodes.people import saved_people

    plus, plain = adapter_of("faceid_plus", "faceid_plus"), found(photo("obama.jpg"), embed=False).faces
    with pytest.raises(
        ValueError, match="has no embedding, which .* reads. Load the pack .*, switch 'embed' on in Find Faces"
    ):
        ran(SaveFaces, faces=plain, adapter=plus)
    monkeypatch.setattr(saved_people, "check_recogniser", lambda *_: "")  # the tests' pack has another recogniser
    faces = person("obama.jpg")
    with pytest.raises(ValueError, match="there is no upright crop of 224 pixels.*'crop' set to 224"):
        ran(SaveFaces, faces=faces, adapter=plus)
    ran(SaveFaces, faces=faces, adapter=plus, crop="224")
    ran(SaveFaces, faces=faces)
    small, bare = LoadFaces.define_schema().inputs[0].options
    ran(LoadFaces, file=small, adapter=plus)
    with pytest.raises(ValueError, match="there is no upright crop of 224 pixels"):
        ran(LoadFaces, file=bare, adapter=plus)
    with pytest.raises(MissingPhoto, match="no upright crop; one of 224 is needed. Save the faces again with 'crop'"):
        ApplyIPAdapter.execute(sd15.model, plus, faces=ran(LoadFaces, file=bare).faces, any_recogniser=True)


def test_the_square_that_kolors_reads_is_kept_or_said_to_be_missing(
    ran, adapter_of, person, monkeypatch, through_a_file
):
    from pack.nodes.people import saved_people
    from pack.nodes.people.face_reference import embeds_of_faces

    monkeypatch.setattr(saved_people, "check_recogniser", lambda *_: "")  # the tests' pack has another recogniser
    kolors, faces = adapter_of("faceid_plus", "faceid_plus"), person("obama.jpg")
    identity = kolors.adapter.identity
    kolors.adapter.identity = replace(identity, variant=replace(identity.variant, shows="square"))
    for crop in ("none", "224"):
        with pytest.raises(ValueError, match="no square of 336 pixels around the face.*'crop' set to 336 square"):
            ran(SaveFaces, faces=faces, adapter=kolors, crop=crop)
    kept = through_a_file(faces, adapter=kolors, crop="336 square")
    seen = [embeds_of_faces(kolors.adapter, given, kolors.clip_vision, True) for given in (kept, faces)]
    assert torch.equal(*(embeds.feature("penultimate") for embeds in seen))
    with pytest.raises(MissingPhoto, match="no square around the face. Save the faces again with 'crop'"):
        embeds_of_faces(kolors.adapter, through_a_file(faces), kolors.clip_vision, True)


def test_faces_without_embedding_cannot_be_embedded_without_the_photo(
    ran, found, photo, person, face_models, through_a_file
):
    kept = through_a_file(found(photo("obama.jpg"), embed=False).faces)
    face_models = replace(face_models, embedded=Cache(8))  # as on a machine that has not seen the photo
    with pytest.raises(MissingPhoto, match="The photo of picture 1 of 1 is not there"):
        ran(EmbedFaces, faces=kept, face_models=face_models)
    embedded = ran(EmbedFaces, faces=through_a_file(found(photo("obama.jpg"), embed=False).faces, crop="112"),
                   face_models=face_models, crop_size="112").faces  # fmt: skip
    # The recogniser ran twice, on several threads, whose sums differ in the last bit.
    assert np.allclose(all_of(embedded)[0].embedding, all_of(person("obama.jpg"))[0].embedding, atol=1e-5)


OUTSIDE = ["../a", "a/../../b", "/tmp/a", "C:\\a", "\\\\server\\share\\a", "a\0b", "", "."]


def test_a_name_outside_the_output_folder_is_refused(ran, person, own_folders):
    faces = person("obama.jpg")
    for prefix in OUTSIDE:
        with pytest.raises(ValueError, match="is no name below ComfyUI's output folder"):
            ran(SaveFaces, faces=faces, filename_prefix=prefix)
    for prefix in ("a" * 300, "people/" + "\u8138" * 80):
        with pytest.raises(ValueError, match=r"is \d+ bytes long; a name of at most \d+ fits.*'people/anna'"):
            ran(SaveFaces, faces=faces, filename_prefix=prefix)
    assert not [path for path in own_folders.rglob("*") if path.is_file()]
    longest = "a" * int(re.search(r"at most (\d+)", str(refusal("a" * 300)))[1])
    ran(SaveFaces, faces=faces, filename_prefix=longest)


def refusal(prefix):
    """What is said of a name that is too long."""
    with pytest.raises(ValueError) as refused:
        FACES.new(prefix)
    return refused.value


def test_only_files_of_faces_are_listed_and_loaded(ran, person, own_folders):
    ran(SaveFaces, faces=person("obama.jpg"), filename_prefix="a")
    (own_folders / "input" / "b.likeness.safetensors").write_bytes(b"x")
    assert LoadFaces.define_schema().inputs[0].options == [f"a_00001_{FACES.suffix} [output]"]
    for name in ("b.likeness.safetensors", f"../a{FACES.suffix}", f"none{FACES.suffix} [output]"):
        with pytest.raises(
            ValueError, match=r"there is no file of faces .* Save Faces writes them to the output folder"
        ):
            ran(LoadFaces, file=name)


def test_a_file_with_new_contents_under_its_old_name_is_loaded_again(ran, person, own_folders):
    ran(SaveFaces, faces=person("obama.jpg"), filename_prefix="a")
    (name,) = LoadFaces.define_schema().inputs[0].options
    before = LoadFaces.fingerprint_inputs(file=name)
    Path(own_folders / "output" / f"a_00001_{FACES.suffix}").unlink()
    ran(SaveFaces, faces=person("biden.jpg"), filename_prefix="a")
    assert LoadFaces.fingerprint_inputs(file=name) != before and "/" not in before
