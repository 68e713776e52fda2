"""The host's FACE_LANDMARKS as faces."""

import numpy as np
import pytest
from pack.face.landmarks import canvas_size, faces_from_landmarks, five_points, keypoints


def mesh(points=478):
    return np.random.default_rng(0).uniform(10, 90, (points, 2)).astype(np.float32)


def landmarks(frames, size=(100, 200)):
    faces = [
        [
            {"landmarks_xy": xy, "bbox_xyxy": np.array([*xy.min(0), *xy.max(0)]), "score": 0.5 + 0.1 * i}
            for i, xy in enumerate(frame)
        ]
        for frame in frames
    ]
    oval = frozenset({(10, 338), (338, 297)})
    return {"frames": faces, "image_size": size, "connection_sets": {"face_oval": oval}}


def test_eyes_are_the_irises_or_the_middle_between_the_corners():
    full = mesh()
    points = five_points(full)
    assert np.array_equal(points, full[[468, 473, 1, 61, 291]])
    without = five_points(full[:468])
    assert np.allclose(without[0], (full[33] + full[133]) / 2)
    assert np.allclose(without[1], (full[362] + full[263]) / 2)
    assert np.array_equal(without[2:], points[2:])


def test_faces_come_best_score_first_with_box_and_oval(picture):
    wire = landmarks([[mesh(), mesh() + 50]])
    (entry,) = faces_from_landmarks(wire, picture(200, 100))
    assert [face.score for face in entry.faces] == pytest.approx([0.6, 0.5])
    assert np.array_equal(entry.faces[1].oval, mesh()[[10, 297, 338]])
    assert str(entry.faces[0].rung) == "FACE_LANDMARKS"
    assert np.array_equal(entry.faces[1].keypoints, keypoints(wire)[0][0])
    assert canvas_size(wire) == (200, 100)


def test_a_frame_without_a_face_keeps_its_place(picture):
    found = faces_from_landmarks(landmarks([[mesh()], [], [mesh()]]), picture(200, 100, count=3))
    assert [len(entry.faces) for entry in found] == [1, 0, 1]


@pytest.mark.parametrize(("count", "width"), [(2, 200), (1, 201)])
def test_landmarks_of_other_pictures_are_refused(picture, count, width):
    with pytest.raises(ValueError, match="1 pictures of 200x100, but the image input has"):
        faces_from_landmarks(landmarks([[mesh()]]), picture(width, 100, count=count))


@pytest.mark.parametrize("wire", [None, [], {"frames": []}, "text"])
def test_another_payload_on_the_wire_is_refused(picture, wire):
    with pytest.raises(ValueError, match="does not come from the host's MediaPipe node"):
        faces_from_landmarks(wire, picture())


def test_too_few_points_are_refused():
    with pytest.raises(ValueError, match="468 or 478 points"):
        five_points(mesh(68))
