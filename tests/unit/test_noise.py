"""Noisy pictures: each kind by its formula, and the same for the same seed whatever else draws random numbers."""

import pytest
import torch
from pack.attention.reference.noise import NOISES, noise_picture, square

S = 0.3


@pytest.fixture
def picture():
    return torch.rand(2, 48, 64, 3, generator=torch.Generator().manual_seed(1))


def formula(kind, x, seed):
    """Written out with PyTorch's global source of random numbers, whose stream for a seed is the same."""
    torch.manual_seed(seed)
    if kind == "fade":
        return x * (1 - S) + torch.rand(x.shape) * S
    if kind == "gaussian":
        return x + S * torch.randn(x.shape)
    if kind == "dissolve":
        chosen = torch.rand(x.shape) < S
        return torch.where(chosen, torch.rand(x.shape), x)
    from torchvision import transforms

    elastic = transforms.ElasticTransform(alpha=75.0, sigma=3.5 * (1 - S))
    flips = transforms.Compose([transforms.RandomVerticalFlip(p=1.0), transforms.RandomHorizontalFlip(p=1.0)])
    displacement = elastic.get_params(elastic.alpha, elastic.sigma, list(x.shape[-2:]))
    moved = transforms.functional.elastic_transform(x, displacement)
    grain = 0.75 * S * torch.randn(x.shape)
    state = torch.get_rng_state()
    turned = flips(moved)
    torch.set_rng_state(state)
    return turned * (1 - grain) + grain


@pytest.mark.parametrize("kind", NOISES)
def test_each_kind_follows_its_formula(picture, kind):
    expected = formula(kind, picture.movedim(-1, 1), 5).clamp(0, 1).movedim(1, -1)
    torch.testing.assert_close(noise_picture(picture, kind, S, 0, 5), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", NOISES)
def test_the_seed_alone_decides_and_nobody_elses_random_numbers_are_touched(picture, kind):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one = noise_picture(picture, kind, S, 0, 5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(4)
    assert torch.equal(noise_picture(picture, kind, S, 0, 5), one)
    assert not torch.equal(noise_picture(picture, kind, S, 0, 6), one)


@pytest.mark.parametrize("kind", ["fade", "dissolve", "gaussian"])
def test_no_strength_is_the_picture(picture, kind):
    assert torch.equal(noise_picture(picture, kind, 0.0, 0, 5), picture)


@pytest.mark.parametrize("kind", NOISES)
def test_full_strength_stays_a_picture(picture, kind):
    made = noise_picture(picture, kind, 1.0, 0, 5)
    assert made.shape == picture.shape and made.is_contiguous()
    assert made.min() >= 0 and made.max() <= 1 and made.std() > 0.1


def test_an_even_blur_is_the_next_odd_one_and_softens(picture):
    sharp, even, odd = (noise_picture(picture, "fade", 1.0, blur, 5) for blur in (0, 4, 5))
    assert torch.equal(even, odd)
    assert (even.diff(dim=2).abs().mean() < 0.5 * sharp.diff(dim=2).abs().mean()).item()


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError, match="no noise 'snow'; choose one of: fade"):
        noise_picture(torch.zeros(1, 8, 8, 3), "snow", 1.0, 0, 0)


def test_the_square_is_the_centre():
    picture = torch.zeros(1, 40, 100, 4)
    picture[:, :, 30:70] = 1
    assert torch.equal(square(picture, 40), torch.ones(1, 40, 40, 3))
    torch.testing.assert_close(square(picture, 20), torch.ones(1, 20, 20, 3))
