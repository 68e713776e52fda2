import torch
from pack.attention.branch.masks import Area, on_grid


def test_a_cell_gets_the_mean_of_what_it_covers():
    mask = torch.zeros(1, 8, 8)
    mask[:, :, 4:] = 1
    mask[:, 0, 0] = 1
    cells = on_grid(mask, (2, 2))[0, :, 0]
    assert cells.tolist() == [1 / 16, 1, 0, 1]


def test_cells_the_mask_does_not_touch_are_exactly_zero_and_covered_ones_exactly_one():
    mask = torch.zeros(1, 200, 100)
    mask[:, :100] = 1
    for grid in ((50, 25), (12, 7), (7, 3), (400, 200)):
        cells = on_grid(mask, grid).view(grid)
        half = grid[0] // 2
        assert torch.equal(cells[:half], torch.ones(half, grid[1]))
        assert torch.equal(cells[grid[0] - half :], torch.zeros(half, grid[1]))


def test_an_area_sees_its_part_of_the_canvas():
    mask = torch.arange(16.0).view(1, 4, 4)
    right = on_grid(mask, (4, 2), Area(4, 2, 0, 2, canvas=(4, 4)))
    assert torch.equal(right.view(4, 2), mask[0, :, 2:])


def test_queries_run_row_by_row():
    assert on_grid(torch.arange(6.0).view(1, 2, 3), (2, 3)).flatten().tolist() == [0, 1, 2, 3, 4, 5]
