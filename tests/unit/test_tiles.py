"""Tiles cover a picture, evenly and completely."""

import pytest
import torch
from pack.attention.reference.tiles import cut, with_tiles


def coordinates(height, width):
    """A picture whose pixels say where they are."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([y, x, y * 0], -1)[None].float()


SHAPES = [
    (64, 64, 1, 1),
    (64, 64, 2, 4),
    (90, 64, 1, 2),
    (64, 200, 1, 4),
    (100, 300, 2, 12),
    (65, 64, 2, 6),
    (7, 50, 3, 51),
]


@pytest.mark.parametrize(("height", "width", "short", "count"), SHAPES)
def test_every_pixel_is_in_a_tile_and_tiles_are_square(height, width, short, count):
    tiles = cut(coordinates(height, width), short)
    side = -(-min(height, width) // short)
    assert tiles.shape == (count, side, side, 3)
    seen = {tuple(pixel) for pixel in tiles[..., :2].reshape(-1, 2).int().tolist()}
    assert len(seen) == height * width


def test_tiles_overlap_alike():
    starts = cut(coordinates(100, 330), 1)[:, 0, 0, 1].tolist()
    assert starts == [0, 77, 153, 230]


def test_tiles_follow_picture_by_picture():
    two = torch.stack([torch.zeros(8, 8, 3), torch.ones(8, 8, 3)])
    assert cut(two, 2).mean((1, 2, 3)).tolist() == [0] * 4 + [1] * 4


def test_none_are_made_where_they_would_add_nothing():
    square, wide = torch.zeros(1, 8, 8, 3), torch.zeros(1, 8, 12, 3)
    assert len(with_tiles(square, None, 0)) == len(with_tiles(square, None, 1)) == len(with_tiles(wide, None, 0)) == 1
    assert len(with_tiles(wide, None, 1)) == 2


def test_each_tile_has_its_part_of_its_pictures_mask():
    pictures = torch.cat([coordinates(20, 40)] * 2)
    mask = torch.zeros(2, 10, 20)
    mask[0, :, 10:] = 1
    mask[1, :5] = 1
    _, (tiles, masks) = with_tiles(pictures, mask, 1)
    assert tiles.shape == (4, 20, 20, 3) and masks.shape == (4, 20, 20)
    assert masks[0].mean() < 0.1 and masks[1].mean() > 0.9
    assert masks[2, :9].min() > 0.9 and masks[2, 11:].max() < 0.1
    (_, shared) = with_tiles(pictures, mask[:1], 1)[1]
    assert torch.equal(shared[2:], shared[:2])
