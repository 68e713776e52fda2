"""Real faces where detectors fail: close, tiny, turned, in odd pictures."""

from itertools import combinations

import cv2
import numpy as np
import pytest
import torch
from pack.face.detect import LADDER, find
from pack.face.embed import embed
from pack.face.models import load
from pack.face.picture import pictures
from pack.face.refine import overlap
from pack.face.similarity import cosine


@pytest.fixture
def close_up(photo, obama):
    """The photo cut so that `inset` of the box is lost on every side."""
    x0, y0, x1, y1 = obama.box

    def cut(inset):
        dx, dy = inset * (x1 - x0), inset * (y1 - y0)
        return photo("obama.jpg")[max(int(y0 + dy), 0) : int(y1 - dy), max(int(x0 + dx), 0) : int(x1 - dx)]

    return cut


@pytest.mark.parametrize(("inset", "rung"), [(-0.1, "512"), (0.0, "448"), (0.1, "448"), (0.2, "384"), (0.3, "384")])
def test_close_ups_are_found_further_down_the_ladder(find_in, close_up, inset, rung):
    (face,) = find_in(close_up(inset))
    assert str(face.rung) == rung
    above = LADDER[: LADDER.index(int(rung))]
    assert find_in(close_up(inset), sizes=above, pad=False, larger=False, turned=False) == ()


@pytest.mark.parametrize(("inset", "alike"), [(-0.1, 0.9), (0.0, 0.85), (0.2, 0.5)])
def test_a_margin_finds_close_ups_at_the_first_size_too(embedded, close_up, obama, inset, alike):
    (face,) = embedded(close_up(inset), sizes=(640,))
    assert str(face.rung) == "640, padded"
    assert cosine(face, obama) > alike  # a fifth cut off on each side leaves no forehead and no chin
    height, width = face.picture.pixels.shape[:2]
    assert (face.keypoints > 0).all() and (face.keypoints < [width, height]).all()


def test_the_second_pass_makes_embeddings_depend_less_on_size(models, find_in, photo):
    def spread(**settings):
        original = photo("obama.jpg")
        faces = []
        for size in (128, 256, 320, 512, 640):
            (face,) = find_in(original, sizes=(size,), pad=False, **settings)
            faces.append(embed(models, face))
        return [cosine(a, b) for a, b in combinations(faces, 2)]

    once, twice = spread(), spread(refine=True)
    assert np.mean(twice) > np.mean(once) + 0.01
    assert np.mean(twice) > 0.97


def test_the_second_pass_keeps_all_faces_in_place(find_in, photo):
    once, twice = (find_in(photo("solvay_conference_1927.jpg"), refine=refine) for refine in (False, True))
    assert len(twice) == 29
    assert all(face.rung.refined for face in twice)
    for a, b in zip(once, twice, strict=True):
        # keypoints of small bearded faces move by up to half of the distance between the eyes, which is the point
        assert overlap(b.box[None], a.box)[0] > 0.6


def test_tiny_faces_are_found_at_larger_sizes_in_the_end(embedded, photo, obama):
    small = cv2.resize(photo("obama.jpg"), None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    crowd = np.full((2000, 3000, 3), 120, np.uint8)
    crowd[100 : 100 + small.shape[0], 200 : 200 + small.shape[1]] = small
    assert embedded(crowd, larger=False) == []
    (face,) = embedded(crowd, refine=True)
    assert str(face.rung) == "1280, refined"
    assert cosine(face, obama) > 0.9
    (turned,) = embedded(crowd[::-1, ::-1])
    assert str(turned.rung) == "1280, photo turned by 180 degrees"
    assert cosine(turned, obama) > 0.9


@pytest.fixture(scope="module")
def small(photo):
    """The photo at 640 pixels."""
    return cv2.resize(photo("obama.jpg"), (512, 640), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("degrees", range(0, 360, 15))
def test_a_face_is_the_same_however_the_photo_lies(embedded, small, obama, degrees):
    turn = cv2.getRotationMatrix2D((256, 320), degrees, 0.8)
    turn[:, 2] += 400 - 256, 400 - 320
    (face,) = embedded(cv2.warpAffine(small, turn, (800, 800)))
    assert cosine(face, obama) > 0.9
    assert face.rung.turned == 0 or 45 <= degrees <= 315
    assert ("photo turned by 180 degrees" in str(face.rung)) == (face.rung.turned == 180)


def test_without_the_look_in_four_turns_an_upside_down_face_is_nobody(embedded, small, obama):
    upside_down = small[::-1, ::-1]
    (nobody,), (face,) = embedded(upside_down, turned=False), embedded(upside_down)
    assert cosine(nobody, obama) < 0.1 < 0.98 < cosine(face, obama)
    height, width = small.shape[:2]
    (upright,) = embedded(small)
    assert np.allclose([width - 1, height - 1] - face.keypoints, upright.keypoints, atol=1e-3)


@pytest.mark.parametrize("name", ["players.jpg", "solvay_conference_1927.jpg"])
def test_a_group_on_its_head_is_found_whole(find_in, photo, name):
    pixels = photo(name)
    upright, turned = find_in(pixels), find_in(pixels[::-1, ::-1])
    assert [face.score for face in turned] == [face.score for face in upright]


def test_grey_rgba_and_sixteen_bit_pictures(models, photo, obama):
    original = torch.from_numpy(photo("obama.jpg"))[None] / 255
    sixteen_bit = (original * 65535).round() / 65535
    variants = {
        "rgba": torch.cat([original, torch.rand(*original.shape[:3], 1)], dim=-1),
        "16 bit": sixteen_bit,
        "half": original.half(),
        "grey": original.mean(dim=-1, keepdim=True),
    }
    for name, image in variants.items():
        (face,) = find(models, pictures(image))[0].faces
        alike = cosine(embed(models, face), obama)
        assert alike > (0.999 if name != "grey" else 0.9), name


def test_one_pixel(find_in):
    assert find_in(np.zeros((1, 1, 3), np.uint8)) == ()


@pytest.mark.parametrize("shape", [(1, 8000, 3), (8000, 3, 3), (5000, 8000, 3)])
def test_huge_pictures_without_a_face(find_in, shape):
    assert find_in(np.full(shape, 90, np.uint8)) == ()


def test_a_face_in_a_picture_of_8000_pixels(embedded, photo, obama):
    huge = cv2.resize(photo("obama.jpg"), (6400, 8000))
    (face,) = embedded(huge)
    assert cosine(face, obama) > 0.9
    assert np.abs(face.keypoints / [6400 / 910, 8000 / 1137] - obama.keypoints).max() < 6


def test_noise_is_no_face(find_in):
    assert find_in(np.random.default_rng(0).integers(0, 255, (600, 800, 3), dtype=np.uint8)) == ()


def test_a_detector_of_fixed_size_works(find_in, pack_folder, photo, tmp_path, as_picture):
    """SCRFD exported for 640 pixels only: made here from the dynamic one by writing its input size into the graph."""
    import onnx

    model = onnx.load(str(pack_folder / "scrfd_500m_bnkps.onnx"))
    for place, size in enumerate((1, 3, 640, 640)):
        model.graph.input[0].type.tensor_type.shape.dim[place].dim_value = size
    onnx.save(model, str(tmp_path / "fixed.onnx"))
    fixed = load(tmp_path, "CPU")
    assert fixed.detector.static_input_size == (640, 640)
    (entry,) = find(fixed, as_picture(photo("obama.jpg")))
    (dynamic,) = find_in(photo("obama.jpg"))
    assert np.allclose(entry.faces[0].keypoints, dynamic.keypoints, atol=1e-2)
