"""Buckets keep a picture's area and shape, and say where each of its points comes to lie."""

import pytest
import torch

pytest.importorskip("comfy.utils", reason="needs ComfyUI: set LIKENESS_COMFYUI")

SIZES = ((64, 64), (1920, 1080), (1080, 1920), (4000, 500), (500, 4000), (701, 653), (65, 640), (3, 900))


def test_buckets_keep_area_and_shape():
    from pack.attention.training.buckets import bucket_of

    assert bucket_of(1000, 1000, 512) == (512, 512)
    for width, height in ((1920, 1080), (1080, 1920), (4000, 500), (700, 650)):
        wide, high = bucket_of(width, height, 512)
        assert wide % 64 == high % 64 == 0
        assert 0.8 <= wide * high / 512**2 <= 1.0
        assert (wide > high) == (width > height) or wide == high


@pytest.mark.parametrize("size", SIZES)
def test_a_cut_picture_is_the_hosts_own(size):
    """Pixel for pixel what the host's scaling makes when it cuts at the middle itself."""
    import comfy.utils
    from pack.attention.training.buckets import bucket_of, to_bucket

    width, height = size
    picture = torch.rand(1, height, width, 3, generator=torch.Generator().manual_seed(width))
    hosts = comfy.utils.common_upscale(
        picture.movedim(-1, 1), *bucket_of(width, height, 128), "lanczos", "center"
    ).movedim(1, -1)
    assert torch.equal(to_bucket(picture, 128), hosts)


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (1600, 500), (333, 917), (64, 64)])
def test_a_point_lies_where_its_pixels_do(size):
    """A bright square is found, by its middle, where the cut says that the middle goes."""
    from pack.attention.training.buckets import cut_for

    width, height = size
    x, y, half = width // 2 + width // 8, height // 2 - height // 8, max(2, min(size) // 16)
    picture = torch.zeros(1, height, width, 3)
    picture[:, y - half : y + half, x - half : x + half] = 1  # its middle is the corner between four pixels
    cut = cut_for(width, height, 256)
    seen = cut.apply(picture)[0, ..., 0].double()
    middle = [
        (seen.sum(dim) * (torch.arange(length) + 0.5)).sum() / seen.sum()
        for dim, length in ((0, cut.size[0]), (1, cut.size[1]))
    ]
    placed = [at * scale + shift for at, scale, shift in zip((x, y), cut.scale, cut.offset, strict=True)]
    assert [float(each) for each in middle] == pytest.approx(placed, abs=0.1)  # of a pixel
