"""The ladder of sizes, the margin and the second pass, with a detector whose answers are known."""

import numpy as np
import pytest
import torch
from pack.face.detect import LADDER, Settings, find, ladder
from pack.face.errors import MissingModel
from pack.face.frame import framed
from pack.face.picture import pictures
from pack.face.refine import overlap
from pack.face.turned import SIDE

SIZES = [(size, size) for size in LADDER]
SMALL = (2 * SIDE, 2 * SIDE)
"""The size at which the face that was found is looked at in all turns."""


def test_the_first_size_that_finds_a_face_ends_the_search(fake_models, fake_detector, picture):
    detector = fake_detector(at=[(448, 448)])
    (entry,) = find(fake_models(detector), picture())
    assert [size for size, _ in detector.asked] == [*SIZES[:3], SMALL]
    assert str(entry.faces[0].rung) == "448"


def test_then_all_sizes_again_with_a_margin(fake_models, fake_detector, picture):
    # 200x100 pictures: in a canvas of 640 the picture is 320x160, so 1.6 times as large, 160 and 240 from the corner
    detector = fake_detector(at=[((640, 640), (640, 640))], box=(160, 240, 320, 320))
    (entry,) = find(fake_models(detector), picture(200, 100))
    assert [size for size, _ in detector.asked] == [*SIZES, (640, 640), SMALL]
    assert str(entry.faces[0].rung) == "640, padded"
    assert np.allclose(entry.faces[0].box, [0, 0, 100, 50])


def test_no_face_is_an_empty_entry_after_every_try(fake_models, fake_detector, picture):
    detector = fake_detector(at=[])
    assert [len(entry.faces) for entry in find(fake_models(detector), picture(count=2))] == [0, 0]
    # with and without margin, and in three more turns; two equal pictures are looked at once
    assert len(detector.asked) == 5 * len(LADDER)


def test_without_margin_and_with_own_sizes(fake_models, fake_detector, picture):
    detector = fake_detector(at=[])
    find(fake_models(detector), picture(), Settings(sizes=(320, 160), pad=False))
    assert [size for size, _ in detector.asked] == [(320, 320), (160, 160)] * 4


def test_what_is_found_nowhere_is_looked_for_at_larger_sizes_as_far_as_there_are_pixels(
    fake_models, fake_detector, picture
):
    for longest, larger in ((640, []), (641, [1280] * 4), (1281, [1280, 2560, 1280, 1280, 1280])):
        detector = fake_detector(at=[])
        find(fake_models(detector), picture(longest, 100))
        assert [size[0] for size, _ in detector.asked][5 * len(LADDER) :] == larger
    detector = fake_detector(at=[(2560, 2560)])
    (entry,) = find(fake_models(detector), picture(2000, 100), Settings(ladder(1280)))
    assert str(entry.faces[0].rung) == "2560"
    (entry,) = find(fake_models(detector), picture(2000, 100), Settings(larger=False))
    assert entry.faces == ()


def test_the_ladder_starts_where_it_is_told():
    assert ladder(640) == LADDER
    assert ladder(1280) == (1280, *LADDER)
    assert ladder(320) == (320, 256, 192, 128)
    with pytest.raises(ValueError, match="multiple of 32 pixels, found 500"):
        ladder(500)


def test_a_detector_of_fixed_size_is_asked_for_that_size_only(fake_models, fake_detector, picture):
    detector = fake_detector(at=[], fixed=(640, 640))
    find(fake_models(detector), picture())
    assert [size for size, _ in detector.asked] == [(640, 640)] * 5


def test_the_second_pass_replaces_a_face_it_finds_again(fake_models, fake_detector, picture):
    # first pass: box 40x50 at (10, 10); second pass sees the 100x100 square from (-20, -15) and finds the box below
    class Twice(fake_detector):
        def detect(self, img, input_size, *, det_thresh):
            boxes, points = super().detect(img, input_size, det_thresh=det_thresh)
            if img.shape[:2] == (100, 100):
                boxes[0, :4] = (32, 27, 69, 76)
            return boxes, points

    detector = Twice(at=[(640, 640)])
    (entry,) = find(fake_models(detector), picture(300, 200), Settings(refine=True))
    assert str(entry.faces[0].rung) == "640, refined"
    assert np.allclose(entry.faces[0].box, [12, 12, 49, 61])
    (plain,) = find(fake_models(fake_detector(at=[(640, 640)])), picture(300, 200))
    assert np.allclose(entry.faces[0].keypoints, plain.faces[0].keypoints + [-20, -15])


def test_the_second_pass_never_takes_a_neighbour(fake_models, fake_detector, picture):
    class Elsewhere(fake_detector):
        def detect(self, img, input_size, *, det_thresh):
            boxes, points = super().detect(img, input_size, det_thresh=det_thresh)
            if img.shape[:2] == (100, 100):
                boxes[0, :4] = (70, 65, 95, 95)
            return boxes, points

    (entry,) = find(fake_models(Elsewhere(at=[(640, 640)])), picture(300, 200), Settings(refine=True))
    assert str(entry.faces[0].rung) == "640"
    assert np.allclose(entry.faces[0].box, [10, 10, 50, 60])


def test_what_was_found_is_remembered_for_the_same_content_and_settings(fake_models, fake_detector, picture):
    detector = fake_detector(at=[(640, 640)])
    models = fake_models(detector)
    for settings in (Settings(), Settings(), Settings(threshold=0.6)):
        find(models, picture(), settings)
    assert [size for size, _ in detector.asked] == [(640, 640), SMALL] * 2


def test_progress_is_told_after_every_picture_and_may_stop_the_run(fake_models, fake_detector, picture):
    told = []
    find(fake_models(fake_detector(at=[])), picture(count=3), tick=lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]

    def stop(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find(fake_models(fake_detector(at=[])), picture(), tick=stop)


def test_a_picture_thinner_than_a_pixel_at_every_size_has_no_face(fake_models, fake_detector):
    detector = fake_detector(at=SIZES)
    (entry,) = find(fake_models(detector), pictures(torch.zeros(1, 2, 8000, 3)))
    assert entry.faces == () and detector.asked == []


def test_a_pack_without_detector_says_where_one_is(fake_models, picture):
    with pytest.raises(MissingModel, match="There is no detector in .*antelopev2.zip or buffalo_l.zip"):
        find(fake_models(), picture())


@pytest.mark.parametrize("shape", [(480, 640), (2000, 30), (1, 1), (31, 4000)])
def test_the_margin_can_be_taken_off_again(shape):
    frame = framed(np.full((*shape, 3), 255, np.uint8), (640, 640))
    assert frame.canvas.shape == (640, 640, 3)
    lit = np.argwhere(frame.canvas.any(axis=2))
    assert lit.min() >= 160
    corners = frame.back(np.array([lit.min(0)[::-1], lit.max(0)[::-1] + 1], np.float32))
    assert np.allclose(corners, [[0, 0], shape[::-1]], atol=1e-3)


def test_overlap():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 3]], np.float32)
    assert overlap(boxes, np.array([0, 0, 10, 10], np.float32)) == pytest.approx([1, 1 / 3, 0, 0])
