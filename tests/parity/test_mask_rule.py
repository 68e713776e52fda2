"""The mask rule 'diffusers' is diffusers' own, number for number."""

import pytest
import torch
from oracles.packages import reference
from pack.attention.branch.masks import on_grid

processor = reference("diffusers.image_processor").IPAdapterMaskProcessor

# (mask, grid): square, wide and tall, grids that the guess gets right and those where it cuts or fills up.
SHAPES = [
    ((64, 64), (8, 8)),
    ((512, 768), (16, 24)),
    ((1024, 576), (32, 18)),
    ((100, 37), (13, 5)),
    ((64, 96), (9, 13)),
    ((96, 64), (11, 8)),
    ((64, 64), (12, 5)),
]


@pytest.mark.parametrize(("size", "grid"), SHAPES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_rule_is_diffusers_own(size, grid):
    mask = torch.rand(2, *size, generator=torch.Generator().manual_seed(0))
    queries = grid[0] * grid[1]
    theirs = processor.downsample(mask, batch_size=2, num_queries=queries, value_embed_dim=1)
    ours = on_grid(mask, grid, rule="diffusers")
    assert ours.shape == theirs.shape == (2, queries, 1)
    assert torch.equal(ours, theirs)
