"""One soft mask for each face."""

import tracemalloc

import numpy as np
import pytest
import torch
from pack.face import masks
from pack.face.masks import SHAPES, Softness, centres, face_masks, normalised, union

SIZE = (112, 112)


@pytest.fixture
def upright(face, picture):
    (shown,) = picture(*SIZE)
    angles = np.linspace(0, 2 * np.pi, 36, endpoint=False)
    oval = np.stack([56 + 30 * np.cos(angles), 60 + 40 * np.sin(angles)], axis=1)
    return face((20, 10, 90, 105), of=shown, oval=oval)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mask_covers_the_face_and_not_the_corners(upright, shape):
    mask = face_masks([upright], SIZE, shape)
    assert mask.shape == (1, 112, 112)
    for x, y in upright.keypoints:
        assert mask[0, int(y), int(x)] == 1
    assert mask[0, 0, 0] == mask[0, -1, -1] == 0
    assert set(mask.unique().tolist()) == {0.0, 1.0}


def test_a_box_is_exact(face, picture):
    mask = face_masks([face((10, 20, 30, 50), of=picture(64, 64)[0])], (64, 64), "box")[0]
    assert int(mask.sum()) == 21 * 31
    assert mask[20:51, 10:31].all()


def test_the_ellipse_turns_with_the_face(upright, face, picture):
    turned = np.stack([upright.keypoints[:, 1], 111 - upright.keypoints[:, 0]], axis=1)
    sideways = face_masks([face(keypoints=turned, of=picture(*SIZE)[0])], SIZE)[0]
    straight = face_masks([upright], SIZE)[0]
    assert (torch.rot90(straight) != sideways).float().mean() < 0.01


@pytest.mark.parametrize("shape", SHAPES)
def test_dilating_moves_the_edge_by_that_many_pixels(upright, shape):
    areas = [float(face_masks([upright], SIZE, shape, Softness(dilate=d)).sum()) for d in (-6, -3, 0, 3)]
    assert areas == sorted(areas) and len(set(areas)) == 4
    row = [int(face_masks([upright], SIZE, shape, Softness(dilate=d))[0, 60].sum()) for d in (0, 5)]
    assert row[1] - row[0] == pytest.approx(10, abs=2)


def test_feathering_is_a_slope_of_that_width_about_the_edge(upright):
    hard = face_masks([upright], SIZE, "box")[0]
    soft = face_masks([upright], SIZE, "box", Softness(feather=10))[0]
    assert soft.min() == 0 and soft.max() == 1
    column = soft[60, 90 - 4 : 90 + 7]
    assert (column.diff() < 0).all()
    assert column.diff().abs().max() == pytest.approx(0.1, abs=1e-5)
    assert abs(float(soft.sum() / hard.sum()) - 1) < 0.03


@pytest.mark.parametrize("soft", [Softness(), Softness(feather=16), Softness(-9, 4), Softness(40, 3)], ids=str)
@pytest.mark.parametrize("left", [-300, -70, -30, 60, 200])
def test_a_part_of_a_face_has_the_edge_of_the_whole(left, soft, upright, face, picture, monkeypatch):
    """What lies further outside of the picture than the softness reaches is not drawn, and would change nothing."""
    moved = face(keypoints=upright.keypoints + (left, 0), of=picture(*SIZE)[0])
    part, far = face_masks([moved], SIZE, soft=soft), masks._signed_distance
    monkeypatch.setattr(masks, "_signed_distance", lambda outline, size, reach: far(outline, size, 1000.0))
    # OpenCV's distances differ in the last bit with the size that they are measured in.
    torch.testing.assert_close(part, face_masks([moved], SIZE, soft=soft), atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [(8192, 64), (64, 8192)], ids=str)
def test_a_long_picture_costs_no_square(size, upright):
    tracemalloc.start()
    try:
        face_masks([upright.__class__(**{**vars(upright), "keypoints": upright.keypoints * 60})], size)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 4 * size[0] * size[1]


def test_masks_of_overlapping_faces_add_up_to_one(face, picture):
    (shown,) = picture(64, 64)
    faces = [face((0, 0, 40, 63), of=shown), face((24, 0, 63, 63), of=shown)]
    together = face_masks(faces, (64, 64), "box", Softness(feather=6))
    apart = face_masks(faces, (64, 64), "box", Softness(feather=6), normalise=False)
    assert together.sum(dim=0).max() <= 1 + 1e-6
    assert together[0, 32, 32] == together[1, 32, 32] == 0.5
    alone = apart.sum(dim=0) <= 1
    assert torch.equal(together[:, alone], apart[:, alone])
    assert apart[:, 32, 32].tolist() == [1, 1]


@pytest.mark.parametrize("box", [(-50, -50, 200, 200), (500, 500, 600, 600), (-40, 20, 10, 60), (1e7, 1e7, 2e7, 2e7)])
@pytest.mark.parametrize("feather", [0, 8])
def test_faces_beyond_the_border_are_cut_there(face, picture, box, feather):
    mask = face_masks([face(box, of=picture(64, 64)[0])], (64, 64), "box", Softness(feather=feather))[0]
    assert torch.isfinite(mask).all()
    inside = max(0, min(box[2], 63) - max(box[0], 0)) * max(0, min(box[3], 63) - max(box[1], 0))
    assert (mask.max() == 1) == (inside > 0)
    if box[0] == -50:
        assert mask.min() == 1  # the picture's border is no edge
    if box[0] == -40:
        assert mask[40, 0] == 1


def test_no_face_is_no_mask_and_an_empty_union():
    masks = face_masks([], (8, 4))
    assert masks.shape == (0, 4, 8)
    assert torch.equal(union(masks), torch.zeros(4, 8))


def test_an_oval_needs_landmarks(face):
    with pytest.raises(ValueError, match="FACE_LANDMARKS"):
        face_masks([face()], (200, 100), "oval")


def test_masks_that_do_not_overlap_stay_bit_for_bit():
    masks = torch.zeros(2, 8, 8)
    masks[0, :, :4], masks[1, :, 4:] = 0.3, torch.rand(8, 4)
    assert torch.equal(normalised(masks), masks)


def test_masks_that_overlap_share_by_their_weights():
    masks = torch.ones(3, 4, 4)
    masks[1] = 0.5
    assert torch.allclose(normalised(masks)[:, 0, 0], torch.tensor([0.4, 0.2, 0.4]))
    assert torch.allclose(normalised(masks).sum(dim=0), torch.ones(4, 4))


def test_centres_are_parts_of_the_picture():
    masks = torch.zeros(2, 40, 80)
    masks[0, 10:20, 20:40] = 1
    masks[1] = 0.25
    assert np.allclose(centres(masks), [(0.375, 0.375), (0.5, 0.5)])


def test_an_empty_mask_has_no_centre():
    with pytest.raises(ValueError, match="mask 2 of .* is empty"):
        centres(torch.stack([torch.ones(4, 4), torch.zeros(4, 4)]))
