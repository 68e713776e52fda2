import pytest
import torch
import torch.nn.functional as F
from pack.attention.branch.masks import Area, on_grid
from pack.attention.identitynet.residual_mask import residual_factors, touches

CELL = 8
RULES = ["mean", "bilinear"]


def factor(mask, places, grid, rule):
    return residual_factors(mask, places, grid, rule, CELL)


@pytest.fixture
def mask():
    return torch.rand(2, 64, 96, generator=torch.Generator().manual_seed(0))


def test_mean_is_the_mean_of_what_a_cell_covers(mask):
    found = factor(mask, [(1, None)], (8, 12), "mean")
    assert found.shape == (1, 1, 8, 12)
    torch.testing.assert_close(found[0, 0], mask[1].reshape(8, 8, 12, 8).mean(dim=(1, 3)))


def test_bilinear_is_the_rule_of_the_reference(mask):
    for scale in (8, 16, 32):
        grid = (64 // scale, 96 // scale)
        reference = F.interpolate(mask[:1, None], grid, mode="bilinear")
        assert torch.equal(factor(mask, [(0, None)], grid, "bilinear"), reference)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("grid", [(8, 12), (4, 6), (7, 11), (3, 5)], ids=str)
def test_a_full_mask_is_exactly_one_everywhere(grid, rule):
    for size in ((64, 96), (50, 70), (5, 9)):
        assert torch.equal(factor(torch.ones(1, *size), [(0, None)], grid, rule), torch.ones(1, 1, *grid))


@pytest.mark.parametrize("rule", RULES)
def test_an_area_takes_its_part_of_the_mask(mask, rule):
    area = Area(4, 6, 2, 5, (8, 12))
    part = mask[:1, 16:48, 40:88]
    torch.testing.assert_close(
        factor(mask, [(0, area)], (4, 6), rule), factor(part, [(0, None)], (4, 6), rule), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("rule", RULES)
def test_every_place_has_a_row(mask, rule):
    left, right = (Area(8, 6, 0, x, (8, 12)) for x in (0, 6))
    wanted = [(0, left), (1, right), (0, left)]
    found = factor(mask, wanted, (8, 6), rule)
    assert torch.equal(found, torch.cat([factor(mask, [place], (8, 6), rule) for place in wanted]))
    assert not torch.equal(found[0], found[1])


def test_the_rule_of_the_branch_is_the_same(mask):
    assert torch.equal(factor(mask, [(0, None)], (8, 12), "mean").flatten(2).mT, on_grid(mask[:1], (8, 12)))


def test_a_mask_touches_only_the_areas_it_is_above_zero_in():
    corner = torch.zeros(2, 64, 64)
    corner[0, 0, 0] = 0.01
    near, far = Area(4, 4, 0, 0, (8, 8)), Area(4, 4, 4, 4, (8, 8))
    assert touches(corner, [(0, None)])
    assert touches(corner, [(0, far), (0, near)])
    assert not touches(corner, [(0, far)])
    assert not touches(corner, [(1, None), (1, near)])
