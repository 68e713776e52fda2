"""ComfyUI pictures of every kind become 8-bit RGB, or a clear error."""

import numpy as np
import pytest
import torch
from pack.face.picture import pictures, to_image


def test_eight_bit_values_survive_the_way_through_floats():
    original = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    image = torch.from_numpy(original.astype(np.float32) / 255.0)[None]
    assert np.array_equal(pictures(image)[0].pixels, original)
    assert torch.equal(to_image([pictures(image)[0].pixels]), image)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types_are_taken(dtype):
    assert (pictures(torch.ones(1, 4, 4, 3, dtype=dtype))[0].pixels == 255).all()


def test_grey_becomes_rgb_and_alpha_is_dropped():
    grey = pictures(torch.full((1, 4, 5, 1), 0.2))[0]
    assert grey.pixels.shape == (4, 5, 3)
    assert (grey.pixels == 51).all()
    rgba = torch.rand(1, 4, 5, 4)
    assert np.array_equal(pictures(rgba)[0].pixels, pictures(rgba[..., :3])[0].pixels)


def test_sixteen_bit_steps_are_rounded_and_values_out_of_range_are_cut():
    image = torch.tensor([100.4 / 255, 100.6 / 255, -1.0, 2.0]).view(1, 1, 4, 1)
    assert pictures(image)[0].pixels[0, :, 0].tolist() == [100, 101, 0, 255]


def test_a_batch_keeps_its_length_and_names_its_pictures():
    batch = pictures(torch.zeros(3, 4, 4, 3))
    assert [picture.name for picture in batch] == ["picture 1 of 3", "picture 2 of 3", "picture 3 of 3"]


def test_the_hash_is_of_content_and_shape():
    zeros = pictures(torch.zeros(2, 4, 6, 3))
    assert zeros[0].digest == zeros[1].digest
    assert zeros[0].digest != pictures(torch.zeros(1, 6, 4, 3))[0].digest
    changed = torch.zeros(1, 4, 6, 3)
    changed[0, 3, 5, 2] = 1 / 255
    assert zeros[0].digest != pictures(changed)[0].digest


def test_pixels_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        pictures(torch.zeros(1, 4, 4, 3))[0].pixels[0, 0, 0] = 1


@pytest.mark.parametrize("shape", [(4, 4, 3), (1, 4, 4, 2), (0, 4, 4, 3), (1, 0, 4, 3), (1, 3, 4, 4, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"batch, height, width"):
        pictures(torch.zeros(shape))


def test_whole_numbers_are_refused():
    with pytest.raises(ValueError, match="floats from 0 to 1, found torch.uint8"):
        pictures(torch.zeros(1, 4, 4, 3, dtype=torch.uint8))


def test_a_picture_with_nan_is_named():
    image = torch.zeros(2, 4, 4, 3)
    image[1, 2, 2, 0] = float("nan")
    with pytest.raises(ValueError, match="Picture 2 of 2 contains NaN"):
        pictures(image)
