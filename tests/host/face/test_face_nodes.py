"""Each face node as the graph calls it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("comfy", reason="needs ComfyUI: set LIKENESS_COMFYUI")

import comfy.model_management
from pack.face.errors import MissingFace, MissingPackage
from pack.nodes.forms.choose_face import ChooseFace
from pack.nodes.forms.embed_faces import EmbedFaces
from pack.nodes.forms.face_masks import FaceMasks
from pack.nodes.forms.face_similarity import FaceSimilarity
from pack.nodes.forms.find_faces import FindFaces
from pack.nodes.forms.join_faces import JoinFaces
from pack.nodes.forms.load_face_models import LoadFaceModels
from pack.nodes.forms.pose_sheet import PoseSheet
from pack.nodes.forms.render_keypoints import RenderKeypoints

NODES = (
    LoadFaceModels,
    FindFaces,
    ChooseFace,
    JoinFaces,
    EmbedFaces,
    RenderKeypoints,
    PoseSheet,
    FaceMasks,
    FaceSimilarity,
)
POINTS = [[250.3, 300.7], [390.2, 295.1], [318.9, 380.5], [262.4, 455.0], [384.6, 450.9]]


def sheet(*faces, size=(640, 768)):
    return json.dumps({"width": size[0], "height": size[1], "faces": list(faces)})


def nothing(count=1):
    return torch.zeros(count, 64, 64, 3)


def landmarks_of(batch, size):
    """What the host's MediaPipe node would give with its five points where ours are."""
    frames = []
    for entry in batch:
        frames.append([])
        for face in entry.faces:
            mesh = np.random.default_rng(0).uniform(face.box[:2], face.box[2:], (478, 2)).astype(np.float32)
            mesh[[468, 473, 1, 61, 291]] = face.keypoints
            frames[-1].append({"landmarks_xy": mesh, "bbox_xyxy": face.box.copy(), "score": face.score})
    return {"frames": frames, "image_size": size, "connection_sets": {"face_oval": {(a, a + 1) for a in range(9, 40)}}}


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)
def test_every_socket_is_explained_and_the_node_shows_what_it_did(node):
    schema = node.define_schema()
    schema.validate()
    assert schema.node_id == f"Likeness{node.__name__}"
    assert (
        schema.category == ("likeness/loaders" if node is LoadFaceModels else "likeness/face")
        and (schema.has_intermediate_output or schema.is_output_node)
        and schema.search_aliases
    )
    for socket in [*schema.inputs, *schema.outputs]:
        assert socket.tooltip, socket.id
    node.GET_NODE_INFO_V1()


def test_load_lists_packs_and_says_what_it_opened(ran):
    pack, *_ = LoadFaceModels.define_schema().inputs
    assert "vectron" in pack.options
    loaded = ran(LoadFaceModels, pack="vectron", provider="CPU")
    for words in (
        "scrfd_500m_bnkps.onnx",
        "w600k_mbf.onnx: MobileFaceNet (buffalo_s)",
        "runs on CPU",
        "non-commercial research",
    ):
        assert words in loaded.shown
    assert LoadFaceModels.validate_inputs("vectron") is True
    fingerprint = LoadFaceModels.fingerprint_inputs("vectron", provider="CPU")
    assert fingerprint == LoadFaceModels.fingerprint_inputs("vectron")
    assert "/" not in fingerprint, "the host writes it into every picture"


def test_load_says_which_files_a_missing_pack_needs():
    message = LoadFaceModels.validate_inputs("antelopev2")
    for words in ("scrfd_10g_bnkps.onnx", "glintr100.onnx", "antelopev2.zip", "github.com", "Installed: vectron"):
        assert words in message


@pytest.mark.parametrize("package", ["insightface", "onnxruntime"])
def test_without_the_packages_nodes_say_how_to_install_them(ran, monkeypatch, package):
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    LoadFaceModels.define_schema()
    with pytest.raises(MissingPackage, match=f"'{package}'.*pip install.* insightface onnxruntime"):
        LoadFaceModels.execute("vectron")


def test_without_opencv_drawing_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingPackage, match=r"'cv2'.*opencv-python"):
        RenderKeypoints.execute(keypoints=sheet(POINTS))


def test_find_gives_faces_numbers_and_a_preview(found, photo, folders):
    result = found(photo("players.jpg"))
    assert result.count == len(result.faces[0].faces) == 22
    first, *weak, rest = result.shown.splitlines()
    assert first == "picture 1 of 1: 22 faces (at 640)"
    assert len(weak) == 3 and all("small (2" in line and "expect less likeness" in line for line in weak)
    assert rest.startswith("picture 1 of 1: and ") and rest.endswith(" smaller ones")
    assert all(face.embedding.shape == (512,) for face in result.faces[0].faces)
    (picture,) = result.pictures
    assert Path(folders.get_temp_directory(), picture["filename"]).is_file()


def test_what_costs_likeness_is_said_in_words_and_as_a_badge(ran, found, photo, face_models):
    good, dark = photo("obama.jpg"), (photo("obama.jpg") * 0.06 * 255).round() / 255
    badges = FindFaces.execute(image=good, face_models=face_models).ui["likeness_badges"]
    assert badges == [["1 face", "at 640"]] and "likeness" not in found(good).shown
    batch = torch.cat([good, dark, good.flip(1, 2)])
    output = FindFaces.execute(image=batch, face_models=face_models).ui
    words = "picture 2 of 3: dark (its lights have "
    assert words in output["text"][0] and output["text"][0].count("expect less likeness") == 1
    turned = "at 640, photo turned by 180 degrees"
    assert output["likeness_badges"] == [["3 faces", "at 640", turned, "less likeness: dark"]]
    assert f"picture 3 of 3: 1 face ({turned})" in output["text"][0]
    faces = found(batch).faces
    assert words in ran(ChooseFace, faces=faces).shown and words in ran(EmbedFaces, faces=faces).shown


def test_find_keeps_a_batch_as_long_as_it_is(found, photo):
    image = photo("yaoming.jpg")
    result = found(torch.cat([image, torch.zeros_like(image), image]), refine=True)
    assert [len(entry.faces) for entry in result.faces] == [1, 0, 1]
    assert result.shown.splitlines()[1] == "picture 2 of 3: no face"
    assert "refined" in result.shown


def test_find_takes_the_hosts_landmarks_with_or_without_models(ran, found, photo, face_models):
    image = photo("obama.jpg")
    detected = found(image).faces
    landmarks = landmarks_of(detected, tuple(image.shape[1:3]))
    alone = ran(FindFaces, image=image, landmarks=landmarks)
    assert np.allclose(alone.faces[0].faces[0].keypoints, detected[0].faces[0].keypoints)
    assert "not embedded: no face models are connected" in alone.shown
    both = found(image, landmarks=landmarks)
    assert np.allclose(both.faces[0].faces[0].embedding, detected[0].faces[0].embedding)
    assert ran(FaceMasks, faces=both.faces, shape="oval").masks.sum() > 100
    with pytest.raises(ValueError, match="needs 'face_models'"):
        FindFaces.execute(image)


def test_cancel_stops_between_pictures(found, photo):
    comfy.model_management.interrupt_current_processing(True)
    with pytest.raises(comfy.model_management.InterruptProcessingException):
        found(photo("yaoming.jpg"), threshold=0.51)


def test_choose(ran, found, photo, folders):
    faces = found(photo("players.jpg")).faces
    largest = ran(ChooseFace, faces=faces)
    assert largest.faces[0].faces[0].area == max(face.area for face in faces[0].faces)
    like = found(photo("yaoming.jpg")).faces
    two = ran(ChooseFace, faces=faces, several="3, 1").faces
    third, first = two[0].faces
    assert [face.keypoints is of.keypoints for face, of in zip((third, first), faces[0].faces[2::-2], strict=True)]
    assert (third.number, first.number) == (3, 1)
    assert FaceMasks.execute(faces=two).ui["likeness_people"] == [(3, 1)], "and they keep their numbers"
    assert len(ran(FaceMasks, faces=two).masks) == 2, "these two of 22, in every node that takes people"
    drawn = ran(RenderKeypoints, faces=two, width=0, height=0).keypoints
    assert json.loads(drawn)["people"] == [3, 1]
    assert FaceMasks.execute(keypoints=drawn).ui["likeness_people"] == [(3, 1)]
    assert np.allclose(json.loads(drawn)["faces"], [third.keypoints, first.keypoints], atol=0.01)
    assert ran(FaceSimilarity, faces=two, reference=two).similarity == pytest.approx(1.0, abs=1e-5)
    each = FaceSimilarity.execute(faces=faces, reference=two).ui["likeness_match"]
    assert [run["person"] for run in each] == [3, 1] and min(run["pictures"][0]["score"] for run in each) > 0.999
    shown = ChooseFace.execute(faces=faces, several="3, 1").ui["likeness_faces"][0][0]
    assert shown["chosen"] == [2, 0] and len(shown["faces"]) == 22
    assert (Path(folders.get_temp_directory()) / shown["crops"]["file"]["filename"]).is_file()
    alike = ran(ChooseFace, faces=faces, rule="most like", like=like)
    assert ran(FaceSimilarity, faces=alike.faces, reference=like).similarity > 0.5
    with pytest.raises(MissingFace, match="picture 1 of 2"):
        ran(ChooseFace, faces=found(nothing(2)).faces)
    skipped = ran(ChooseFace, faces=found(nothing(2)).faces, missing="skip")
    assert len(skipped.faces) == 2
    assert "no face in picture 2 of 2: skipped" in skipped.shown
    with pytest.raises(MissingFace, match="No face found in the photo of 'like'"):
        ran(ChooseFace, faces=faces, rule="most like", like=found(nothing()).faces)


def people(found, photo, *names):
    """One batch of photos of different sizes, as Batch Faces of several loads would be."""
    return tuple(found(photo(name)).faces[0] for name in names)


def test_embed_averages_one_person_and_reports_a_stranger(ran, found, photo):
    faces = people(found, photo, "obama.jpg", "obama2.jpg", "biden.jpg", "obama3.jpg")
    mixed = ran(EmbedFaces, faces=faces)
    assert len(mixed.faces) == 1 and len(mixed.faces[0].faces) == 1
    assert mixed.crops.shape == (4, 224, 224, 3)
    assert "seems to show somebody else" in mixed.shown and "used anyway" in mixed.shown
    clean = ran(EmbedFaces, faces=faces, outliers="leave out")
    only = ran(EmbedFaces, faces=(*faces[:2], faces[3]))
    assert np.allclose(clean.faces[0].faces[0].embedding, only.faces[0].faces[0].embedding, atol=1e-4)
    assert len(ran(EmbedFaces, faces=faces, combine="each alone", crop_size="336").faces) == 4


def test_photos_of_any_sizes_become_one_identity_without_cropping_anybody(ran, found, photo):
    def sized(height, width):
        return torch.nn.functional.interpolate(whole.movedim(-1, 1), (height, width), mode="area").movedim(1, -1)

    whole = photo("obama.jpg")
    tiny, wide = sized(200, 160), torch.full((1, 300, 1600, 3), 0.5)
    wide[:, 10:290, 30:254] = sized(280, 224)
    (alone,) = found(whole).faces[0].faces
    for shots in ((wide, whole, tiny), (tiny, wide, whole)):
        batches = [found(shot).faces for shot in shots]
        join = ran(JoinFaces, faces={"faces0": batches[:1], "faces1": batches[1:]})
        assert join.shown == "3 photos, 3 faces"
        assert [entry.picture.size for entry in join.faces] == [(shot.shape[2], shot.shape[1]) for shot in shots]
        together = ran(EmbedFaces, faces=join.faces)
        (person,) = together.faces[0].faces
        assert person.unit_embedding @ alone.unit_embedding > 0.95
        assert "somebody else" not in together.shown and together.crops.shape[0] == 3
    empty = ran(JoinFaces, faces={"faces0": [found(whole).faces, found(nothing()).faces]})
    assert empty.shown == "2 photos, 1 face\npicture 2 of 2 (64x64): no face"
    with pytest.raises(MissingFace, match="picture 2 of 2.*cut to the shape of the first.*Join Faces"):
        ran(EmbedFaces, faces=empty.faces)


def test_embed_embeds_what_is_not_embedded_yet(ran, found, photo, face_models):
    plain = found(photo("obama.jpg"), embed=False).faces
    assert plain[0].faces[0].embedding is None
    with pytest.raises(ValueError, match="have no embedding"):
        ran(EmbedFaces, faces=plain)
    done = ran(EmbedFaces, faces=plain, face_models=face_models)
    assert done.faces[0].faces[0].recogniser == "MobileFaceNet"


def test_a_combined_embedding_stays_when_face_models_are_connected(ran, found, photo, face_models):
    combined = ran(EmbedFaces, faces=people(found, photo, "obama.jpg", "obama2.jpg")).faces
    plain = found(photo("obama3.jpg"), embed=False).faces
    both = ran(EmbedFaces, faces=(*combined, *plain), face_models=face_models, combine="each alone").faces
    assert np.array_equal(both[0].faces[0].embedding, combined[0].faces[0].embedding)
    assert both[1].faces[0].embedding is not None


def test_render_draws_faces_landmarks_and_json_alike(ran, found, photo):
    image = photo("obama.jpg")
    faces = found(image).faces
    size = {"width": 0, "height": 0}
    drawn = ran(RenderKeypoints, faces=faces, **size)
    assert drawn.image.shape == image.shape
    landmarks = landmarks_of(faces, tuple(image.shape[1:3]))
    assert torch.equal(ran(RenderKeypoints, landmarks=landmarks, **size).image, drawn.image)
    assert torch.equal(ran(RenderKeypoints, keypoints=drawn.keypoints, **size).image, drawn.image)


def test_render_has_the_published_pixels_and_poses(ran):
    drawn = ran(RenderKeypoints, keypoints=sheet(POINTS), width=640, height=768)
    assert int(drawn.image.any(dim=-1).sum()) == 4200
    small = ran(RenderKeypoints, keypoints=sheet(POINTS), width=320, height=384)
    assert np.allclose(json.loads(small.keypoints)["faces"][0], np.array(POINTS) / 2, atol=1e-2)
    posed = ran(RenderKeypoints, keypoints=sheet(POINTS), width=640, height=768, shift_x=50, rotation=20, mirror=True)
    assert not torch.equal(posed.image, drawn.image)


def test_written_keypoints_take_the_place_of_detected_ones_and_say_so(ran, found, photo):
    with pytest.raises(ValueError, match="none is given"):
        ran(RenderKeypoints)
    faces = found(photo("obama.jpg")).faces
    with pytest.raises(ValueError, match="either 'faces' or 'landmarks'; both"):
        ran(RenderKeypoints, faces=faces, landmarks={"frames": []})
    written = ran(RenderKeypoints, faces=faces, keypoints=sheet(POINTS))
    assert torch.equal(written.image, ran(RenderKeypoints, keypoints=sheet(POINTS)).image)
    assert "not used" in written.shown and "not used" not in ran(RenderKeypoints, faces=faces).shown


def test_masks_lie_on_the_faces_of_the_drawing(ran, found, photo):
    faces = found(photo("players.jpg")).faces
    canvas = {"width": 512, "height": 384, "fit": "fill"}
    masks = ran(FaceMasks, faces=faces, feather=4.0, **canvas)
    assert masks.masks.shape == (22, 384, 512)
    assert masks.together.shape == (1, 384, 512)
    assert masks.masks.sum(dim=0).max() <= 1 + 1e-6
    assert len(masks.pictures) == 1, "all of them over one photo"
    points = json.loads(ran(RenderKeypoints, faces=faces, **canvas).keypoints)["faces"]
    for mask, face in zip(masks.masks, points, strict=True):
        x, y = face[2]
        if 0 <= x < 512 and 0 <= y < 384:
            assert mask[int(y), int(x)] > 0.9
    with pytest.raises(MissingFace, match="No face found in any picture"):
        ran(FaceMasks, faces=found(nothing()).faces)


def test_masks_follow_drawn_keypoints_wherever_they_were_moved(ran):
    moved = {"shift_x": 90.0, "rotation": 30.0, "scale": 0.5}
    drawn = ran(RenderKeypoints, keypoints=sheet(POINTS, POINTS), width=0, height=0, **moved).keypoints
    for shape in ("ellipse", "box"):
        masks = ran(FaceMasks, keypoints=drawn, shape=shape, feather=0.0, normalise=False).masks
        assert masks.shape == (2, 768, 640)
        for mask, points in zip(masks, json.loads(drawn)["faces"], strict=True):
            assert all(mask[int(y), int(x)] == 1 for x, y in points)
            assert 0.01 < mask.mean() < 0.2
    half = ran(FaceMasks, keypoints=drawn, width=320, height=384, feather=0.0).masks
    assert abs(half.mean() - ran(FaceMasks, keypoints=drawn, feather=0.0).masks.mean()) < 1e-3


def test_the_latent_says_the_size_of_keypoints_and_masks(ran):
    latent = {"samples": torch.zeros(2, 4, 48, 64)}
    drawn = ran(RenderKeypoints, keypoints=sheet(POINTS), width=100, height=100, latent=latent)
    assert drawn.image.shape == (1, 384, 512, 3)
    assert torch.equal(drawn.image, ran(RenderKeypoints, keypoints=sheet(POINTS), width=512, height=384).image)
    assert ran(FaceMasks, keypoints=sheet(POINTS), latent=latent).masks.shape == (1, 384, 512)
    halved = {**latent, "downscale_ratio_spacial": 16}
    assert ran(FaceMasks, keypoints=sheet(POINTS), latent=halved).masks.shape == (1, 768, 1024)


def test_masks_say_what_they_are_made_of(ran, found):
    with pytest.raises(ValueError, match="either 'faces' or 'keypoints'; neither is given"):
        ran(FaceMasks)
    with pytest.raises(ValueError, match="both are given"):
        ran(FaceMasks, faces=found(nothing()).faces, keypoints=sheet(POINTS))
    with pytest.raises(MissingFace, match="No face found in any picture"):
        ran(FaceMasks, keypoints=sheet())
    with pytest.raises(ValueError, match="not JSON"):
        ran(FaceMasks, keypoints="left eye")
    with pytest.raises(ValueError, match="oval.*set 'shape' to ellipse or box"):
        ran(FaceMasks, keypoints=sheet(POINTS), shape="oval")


def test_a_pose_sheet_is_one_batch_with_a_latent_for_each(ran):
    alone = ran(PoseSheet, width=640, height=512)
    assert alone.image.shape == (5, 512, 640, 3) and alone.count == 5
    assert alone.latent["samples"].shape == (5, 4, 64, 80) and not alone.latent["samples"].any()
    assert len(torch.unique(alone.image.flatten(1), dim=0)) == 5, "every pose looks its own way"
    two = ran(PoseSheet, poses="frontal; up\ndown", people=2, latent={"samples": torch.ones(1, 4, 32, 48)})
    assert (
        two.image.shape == (2, 256, 384, 3)
        and bool((two.latent["samples"] == 1).all())
        and len(two.latent["samples"]) == 2
    )
    drawn = ran(RenderKeypoints, keypoints=two.keypoints, width=0, height=0)
    assert torch.equal(drawn.image[0], two.image[0])
    assert ran(FaceMasks, keypoints=two.keypoints).masks.shape == (2, 256, 384)
    with pytest.raises(ValueError, match="of 3 pictures, and there are 2 poses"):
        ran(PoseSheet, poses="up\ndown", latent={"samples": torch.zeros(3, 4, 8, 8)})


def test_similarity_and_copy_paste(ran, found, photo):
    obama, obama2, obama3, biden = (found(photo(f"{n}.jpg")).faces for n in ("obama", "obama2", "obama3", "biden"))
    same = ran(FaceSimilarity, faces=obama, reference=obama2)
    assert same.similarity > 0.5 and same.copy_paste == 0 and "measured with MobileFaceNet" in same.text
    assert ran(FaceSimilarity, faces=obama, reference=biden).similarity < 0.35
    copied = ran(FaceSimilarity, faces=obama, reference=obama, truth=obama3)
    assert copied.copy_paste == pytest.approx(1, abs=0.01)
    assert ran(FaceSimilarity, faces=obama2, reference=obama, truth=obama3).copy_paste < 0.3
    assert len(copied.pictures) == 3
    with pytest.raises(MissingFace, match="No face found in picture 1 of 1"):
        ran(FaceSimilarity, faces=found(nothing()).faces, reference=obama)
    nobody = ran(FaceSimilarity, faces=found(nothing()).faces, reference=obama, missing="skip")
    assert nobody.similarity == 0 and nobody.text.splitlines() == ["no face", "measured with MobileFaceNet"]
    assert "(same person above about 0.5, different people below 0.35)" in same.text.splitlines()


def test_every_picture_of_a_batch_is_compared(found, photo):
    def sized(name):
        return torch.nn.functional.interpolate(photo(name).movedim(-1, 1), (600, 480), mode="area").movedim(1, -1)

    batch = found(torch.cat([sized("biden.jpg"), torch.zeros(1, 600, 480, 3), sized("obama.jpg")])).faces
    output = FaceSimilarity.execute(faces=batch, reference=found(photo("obama2.jpg")).faces)
    lines = output.args[2].splitlines()
    assert lines[0].startswith("picture 1 of 3: similarity") and lines[1] == "picture 2 of 3: no face"
    (match,) = output.ui["likeness_match"]
    scores = [picture["score"] for picture in match["pictures"]]
    assert scores[0] < 0.35 and scores[1] is None and scores[2] > 0.5
    assert [picture["face"] for picture in match["pictures"]] == [0, None, 1] and match["reference"] == 2
    assert match["crops"]["columns"] == 3 and match["bounds"] == (0.35, 0.5)


def test_similarity_cautions_when_the_recogniser_also_steers(ran, found, photo):
    from dataclasses import replace

    (entry,) = found(photo("obama.jpg")).faces
    steered = (replace(entry, faces=tuple(replace(face, recogniser="ResNet100") for face in entry.faces)),)
    assert "InstantID" in ran(FaceSimilarity, faces=steered, reference=steered).text


def test_only_some_of_a_long_batch_is_shown(ran):
    from pack.nodes.page.show import MOST, shown

    output = shown(RenderKeypoints, "text", torch.zeros(MOST + 5, 8, 8, 3))
    assert len(output.ui["images"]) == MOST
    assert "first 16 of 21" in output.ui["text"][0]
