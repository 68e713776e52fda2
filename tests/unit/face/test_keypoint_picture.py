"""Telling drawn keypoints from photos and black pictures."""

import numpy as np
import pytest
import torch
from pack.face.draw import draw_keypoints
from pack.face.keypoint_picture import authors_size, check_keypoint_picture
from pack.face.picture import pictures, to_image

FIVE = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)], np.float32)


def drawn(size=(512, 640), scale=1.0, shift=0.0):
    return to_image([draw_keypoints([FIVE * scale + shift], size)])


def check(image):
    for picture in pictures(image):
        check_keypoint_picture(picture)


@pytest.mark.parametrize(
    "image",
    [
        drawn(),
        drawn((128, 128)),
        drawn((1024, 1024), 9.0),
        drawn((1024, 1024), 0.1, 300),
        drawn((512, 512), 5.0, 200),
        torch.nn.functional.interpolate(drawn((1024, 1024), 6.0).movedim(-1, 1), size=(392, 392), mode="bilinear").movedim(1, -1),
        drawn() * 0.9 + 0.02,
    ],
    ids=["one", "tiny canvas", "close-up", "far", "partly outside", "resized", "recoded"],
)  # fmt: skip
def test_drawn_keypoints_are_accepted(image):
    check(image)


def test_a_group_is_accepted():
    faces = [FIVE + np.array([x, y], np.float32) for x in range(0, 900, 150) for y in range(0, 900, 150)]
    check(to_image([draw_keypoints(faces, (1024, 1024))]))


def test_a_black_picture_is_named():
    with pytest.raises(ValueError, match=r"\(picture 2 of 2\) is black: it shows no face.*Render Keypoints"):
        check(torch.cat([drawn(), torch.zeros(1, 640, 512, 3)]))


@pytest.mark.parametrize("contrast", [1.0, 0.3])
def test_a_photo_is_called_one(contrast):
    coarse = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    photo = torch.nn.functional.interpolate(coarse, size=(256, 256), mode="bicubic").clamp(0, 1).movedim(1, -1)
    with pytest.raises(ValueError, match="looks like a photo.*Find Faces and Render Keypoints"):
        check(0.5 + contrast * (photo - 0.5))


def test_a_picture_in_other_colours_has_no_points():
    grey = drawn().amax(dim=-1, keepdim=True).expand(-1, -1, -1, 3) * 0.8
    with pytest.raises(ValueError, match="none of the five coloured points.*red, green, blue, yellow, magenta"):
        check(grey)


@pytest.mark.parametrize(
    ("photo", "wanted"),
    [((1000, 1000), (1280, 1280)), ((3000, 4000), (960, 1280)), ((4000, 3000), (1280, 960)), ((640, 480), (1280, 960))],
)
def test_the_authors_size(photo, wanted):
    assert authors_size(photo) == wanted


def test_a_strip_still_has_a_size():
    assert authors_size((10, 4000)) == (64, 1280)
