"""Pictures are cut, sharpened and taken apart as the old nodes did it."""

import pytest
import torch
from pack.nodes.legacy import pictures

WIDE = torch.linspace(0, 1, 448).expand(1, 224, 448)[..., None].expand(-1, -1, -1, 3)  # dark left, bright right


@pytest.mark.parametrize(("position", "mean"), [("left", 0.25), ("center", 0.5), ("top", 0.5), ("right", 0.75)])
def test_a_square_is_cut(position, mean):
    (square,) = pictures.prepared(WIDE, crop_position=position)
    assert square.shape == (1, 224, 224, 3) and square.mean().item() == pytest.approx(mean, abs=0.01)


def test_padding_keeps_all_of_it_on_black():
    (square,) = pictures.prepared(WIDE, crop_position="pad")
    assert square.shape == (1, 224, 224, 3) and square.mean().item() == pytest.approx(0.25, abs=0.01)
    assert square[:, :50].max() == 0


def test_sharpening_makes_edges_steeper_and_leaves_flat_parts_alone():
    edge = torch.full((1, 8, 8, 3), 0.3)
    edge[:, :, 4:] = 0.6
    sharp = pictures.sharpened(edge, 1.0)
    assert torch.allclose(sharp[:, :, 0], edge[:, :, 0]) and torch.allclose(sharp[:, :, -1], edge[:, :, -1])
    assert (sharp[:, :, 3] < 0.29).all() and (sharp[:, :, 4] > 0.61).all()
    assert torch.equal(pictures.sharpened(edge, 0.0), edge)


def test_sharpening_is_the_published_formula():
    """One pixel by hand: CAS with amount 0.5 on a cross of 0.2, 0.4, 0.6, 0.8 around 0.5, corners at 0.1 and 0.9."""
    x = torch.tensor([[0.1, 0.2, 0.9], [0.4, 0.5, 0.6], [0.1, 0.8, 0.9]])[None, :, :, None]
    low, high = 0.2 + 0.1, 0.8 + 0.9
    weight = -((min(low, 2 - high) / high) ** 0.5) * (0.5 * (1 / 5 - 1 / 8) + 1 / 8)
    expected = (weight * (0.2 + 0.4 + 0.6 + 0.8) + 0.5) / (1 + 4 * weight)
    assert pictures.sharpened(x, 0.5)[0, 1, 1, 0].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("height", "width", "places", "size"),
    [(300, 320, 4, (512, 512)), (200, 400, 2, (256, 512)), (100, 1000, 4, (256, 1024)), (400, 250, 2, (410, 256))],
)
def test_tiles_cover_the_picture(height, width, places, size):
    found, masks = pictures.tiles(torch.rand(2, height, width, 3), None, 0.0)
    assert found.shape == (2 * places, 256, 256, 3) and masks.shape == (places, *size)
    assert masks.amax(0).min() == 1, "no pixel is left out"


def test_tiles_act_within_the_mask_and_are_what_is_seen_there():
    mask = torch.zeros(1, 64, 128)
    mask[..., :64] = 1
    found, masks = pictures.tiles(WIDE[:, :224, :448], mask, 0.0)
    assert masks[0].mean() > 0.45 and masks[1].mean() < 0.01
    assert found[0].mean() < 0.3 < 0.7 < found[1].mean()
