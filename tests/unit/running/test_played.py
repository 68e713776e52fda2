"""A played card tells where tensors are and refuses what a card refuses."""

import pytest
import torch
import torch.nn.functional as F
from running.played import CARD, Card, DevicesMet
from torch import nn

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def card():
    with Card() as entered:
        yield entered


@pytest.fixture
def there():
    return torch.arange(6.0).reshape(2, 3).to(CARD)


@pytest.fixture
def here():
    return torch.ones(2, 3)


def test_a_tensor_knows_where_it_is(there, here):
    assert there.device == CARD and there.is_cuda and not there.is_cpu
    assert here.device == CPU and here.is_cpu and not here.is_cuda
    assert there.to("cpu").device == there.cpu().device == CPU
    assert there.to(here).device == CPU and here.to(there).device == here.type_as(there).device == CARD
    assert here.to(CARD, torch.float16, non_blocking=True).dtype == torch.float16
    assert there.to(torch.float64).device == CARD


def test_moving_is_a_copy_and_staying_is_none(card, there, here):
    assert there.to(CARD) is there and here.cpu() is here
    there.cpu().zero_()
    assert there.sum() == 15
    assert card.copies == 1


def test_what_is_made_there_or_of_it_is_there(there):
    made = (torch.zeros(2, device="cuda"), torch.arange(3, device=CARD), torch.empty_like(there), there.new_ones(2))
    of_it = (there[0], there.T, there + 1, there.clone(), *there.split(1), torch.stack([there, there]), there.mul_(2))
    assert all(one.device == CARD for one in (*made, *of_it))
    assert torch.zeros_like(there, device="cpu").device == CPU


@pytest.mark.parametrize(
    "operation",
    [
        torch.add,
        lambda there, here: here.mul_(there),
        lambda there, here: torch.cat([there, here]),
        lambda there, here: F.linear(there, here),
        lambda there, here: torch.where(there > 1, there, here),
        lambda there, here: F.scaled_dot_product_attention(there[None], here[None], here[None]),
        lambda there, here: here * there.sum(),
        lambda there, here: here[there.long()[0, :2]],
        lambda there, here: there.__setitem__(here.bool(), here[0]),
        torch.equal,
    ],
)
def test_two_devices_do_not_meet(operation, there, here):
    with pytest.raises(DevicesMet, match=r"\(.*\) on the C|on the other"):
        operation(there, here)


def test_a_number_of_the_cpu_may_be_anywhere_and_so_may_an_index(there, here):
    assert (there * torch.tensor(2.0)).device == CARD
    assert there[torch.tensor([1, 0])].device == CARD
    there[:] = here
    there[0].copy_(here[1])
    assert torch.equal(there.cpu(), here)


def test_numpy_does_not_reach_it(there):
    with pytest.raises(TypeError, match="numpy"):
        there.numpy()
    assert there.cpu().numpy().sum() == 15


def test_a_module_moves_with_its_weights_and_back(there):
    layer = nn.PReLU(3)
    before = layer.weight.detach().clone()
    layer.to(CARD)
    assert layer.weight.device == CARD and layer(there).device == CARD
    with pytest.raises(DevicesMet, match="prelu"):
        layer(torch.ones(1, 3))
    assert layer.to(device=CARD, dtype=torch.float64).weight.device == CARD
    layer.to("cpu", torch.float32)
    assert torch.equal(layer.weight, before)


def test_what_is_let_go_is_forgotten(card):
    for _ in range(50):
        torch.ones(1000).to(CARD)
        assert torch.ones(1000).device == CPU, "memory is given out again"


def test_gradients_are_where_their_weights_are_also_of_blocks_that_compute_twice(there, here):
    from torch.utils.checkpoint import checkpoint

    weight = nn.Parameter(there.clone())
    checkpoint(lambda x: (x * weight).sum(), torch.ones_like(there), use_reentrant=False).backward()
    assert weight.grad.device == CARD and torch.equal(weight.grad.cpu(), here)
    with pytest.raises(DevicesMet):
        weight.grad.add_(here)
    with pytest.raises(DevicesMet):
        checkpoint(lambda x: (x * there).sum(), here, use_reentrant=False)
