"""What gets to the device of a run: in how many copies, of which memory, and that none is waited for.

There is no card here: the queries are on 'meta', to which tensors are copied as they are to a card.
"""

import gc
from dataclasses import replace
from types import SimpleNamespace

import comfy.model_management
import pytest
import torch
from pack.attention.adapter import adapter as adapter_module
from pack.attention.adapter import key_values
from pack.attention.adapter.key_values import KeyValues
from pack.attention.models.families import layers
from pack.attention.sampling import dispatch as dispatching
from pack.attention.sampling.attach import attachments, with_attachments
from pack.attention.sampling.dispatch import CALL, Call, dispatch
from pack.attention.sampling.rows import Chunk, Conditionings, Rows
from pack.attention.sampling.run import Run
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

pytestmark = pytest.mark.not_played("copies are counted on 'meta', where the CPU cannot play a card as well")
CARD = torch.device("meta")
GRID = (8, 8)


class Copies(TorchDispatchMode):
    """Bytes of each copy from the processor to the card, and those that would be waited for."""

    def __init__(self):
        super().__init__()
        self.sizes, self.waiting = [], 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        given = [x for x in tree_leaves(args) if isinstance(x, torch.Tensor)]
        if isinstance(result, torch.Tensor) and result.device == CARD and any(x.device.type == "cpu" for x in given):
            self.sizes.append(given[-1].nbytes)
            self.waiting += not (kwargs or {}).get("non_blocking", False)
        return result


@pytest.fixture
def on_card(sd15, monkeypatch):
    """Runs every cross-attention of SD1.5 on the card."""
    monkeypatch.setattr(dispatching, "_host_attention", lambda q, *_: q.clone())

    def ran(model, frames=1, calls=1):
        """What each call of a run copied."""
        attached = attachments(model)
        rows = Rows((Chunk("negative"), Chunk("positive")), tuple(range(frames)))
        run = Run(attached, sd15.model.model.model_sampling, Conditionings({}, {}))
        copied = []
        for _ in range(calls):
            call = Call(run, rows, run.acting(1.0), {})
            with Copies() as copies:
                for block in sorted(layer.key for layer in layers("sd15")):
                    width = attached[0].negative.layers[block][0].shape[-1]
                    q = torch.empty(rows.count, GRID[0] * GRID[1], width, dtype=torch.float16, device=CARD)
                    options = {
                        CALL: call, "block": block[:2], "block_index": block[2], "n_heads": 8,
                        "activations_shape": [rows.count, width, *GRID],
                    }  # fmt: skip
                    out = dispatch(q, q, q, options)
                    assert (out.device, out.dtype) == (CARD, torch.float16)
            copied.append(copies)
        return copied

    return ran


def half():
    mask = torch.zeros(1, 64, 64)
    mask[..., :32] = 1
    return mask


def test_an_adapter_gets_to_the_card_in_one_copy_for_each_side(sd15, apply, on_card):
    model = apply(sd15.model, "sd15")
    first, second = on_card(model, calls=2)
    sides = [getattr(attachments(model)[0], side).nbytes for side in ("negative", "positive")]
    assert sorted(first.sizes) == sorted(sides) and first.waiting == 0
    assert second.sizes == []


@pytest.mark.parametrize(
    ("inputs", "copies"),
    [
        (dict(attn_mask=half()), 3),
        (dict(weight=[0.5, 1.0]), 3),
        (dict(weight=[0.5, 1.0], embeds_scaling="K+mean(V) w/ C penalty", attn_mask=half()), 4),
        (dict(layer_preset="style precise"), 2),
    ],
    ids=["a mask", "a weight for each frame", "both, with means", "pushed away"],
)
def test_masks_and_factors_go_with_them_and_nothing_is_waited_for(inputs, copies, sd15, apply, on_card):
    (copied,) = on_card(apply(sd15.model, "sd15", "plus", **inputs), frames=2)
    assert len(copied.sizes) == copies and copied.waiting == 0


def test_several_adapters_copy_no_side_twice(sd15, apply, on_card, picture):
    one = apply(sd15.model, "sd15")
    (copies,) = on_card(apply(apply(one, "sd15", image=picture(2)), "sd15", "plus"))
    assert len(copies.sizes) == 5  # the first two are of one adapter: they share the side without a reference


def test_what_lies_before_and_behind_the_layers_that_act_is_not_copied(sd15, apply, on_card):
    (attached,) = attachments(apply(sd15.model, "sd15"))
    order = sorted(attached.positive.blocks)
    off = {block: 0.0 for block in order if block not in (order[3], order[5])}
    model = with_attachments(sd15.model, (replace(attached, layer_scales=off),))
    between = sum(part.nbytes for block in order[3:6] for part in attached.positive.layers[block])
    (copies,) = on_card(model)
    assert copies.sizes == [between, between] and between < attached.positive.nbytes / 2


def test_many_tokens_go_in_several_copies_of_a_bounded_size(sd15, apply, on_card, monkeypatch):
    model = apply(sd15.model, "sd15")
    whole = attachments(model)[0].positive.nbytes
    monkeypatch.setattr(key_values, "STRETCH", whole // 2)
    (copies,) = on_card(model)
    assert 4 <= len(copies.sizes) <= 8 and max(copies.sizes) <= whole // 2 and sum(copies.sizes) == 2 * whole
    assert copies.waiting == 0


def test_pictures_that_are_projected_on_demand_go_once_a_call(sd15, apply, picture, on_card, monkeypatch):
    monkeypatch.setattr(adapter_module, "KEPT_BUDGET", 0)
    model = apply(sd15.model, "sd15", image=picture(1, count=3), combine="one per frame")
    attached = attachments(model)[0]
    tokens, negative = attached.positive.tokens, attached.negative

    def projected(block, chosen):
        return tuple(torch.empty(*chosen.shape[:2], part.shape[-1], device=CARD) for part in negative.layers[block])

    object.__setattr__(attached.positive, "project", lambda block, chosen: projected(block, chosen))
    for copies in on_card(model, frames=3, calls=2):
        assert sorted(copies.sizes) == sorted([tokens.nbytes, negative.nbytes]) and copies.waiting == 0


def test_what_is_copied_at_once_is_what_single_layers_hold(sd15, apply, monkeypatch):
    monkeypatch.setattr(key_values, "like", lambda memory, q: memory.to(q.dtype))
    made = attachments(apply(sd15.model, "sd15", "plus"))[0].positive
    for wanted in (set(made.blocks), {("input", 4, 0), ("output", 9, 0), ("middle", 0, 0)}):
        copied = made.near(("middle", 0, 0), wanted, SimpleNamespace(device=CARD, dtype=torch.float64))
        assert copied.layers.keys() == wanted and copied.picture_tokens == made.picture_tokens
        for block, pair in copied.layers.items():
            assert all(torch.equal(a, b.double()) for a, b in zip(pair, made.layers[block], strict=True)), block


def test_on_the_processor_nothing_is_copied(apply, sd15):
    made = attachments(apply(sd15.model, "sd15", "plus"))[0].positive
    block = next(iter(made.blocks))
    assert made.near(block, made.blocks, torch.empty(1)) is made
    memory = made.memory.untyped_storage()
    picked = made.pick(block, (0,), torch.device("cpu"))
    assert all(part.untyped_storage().data_ptr() == memory.data_ptr() for part in picked)
    assert memory.nbytes() == made.nbytes


def test_keys_and_values_are_pinned_by_the_host_for_as_long_as_they_live(monkeypatch):
    pinned = []
    monkeypatch.setattr(comfy.model_management, "pin_memory", lambda tensor: pinned.append(tensor.data_ptr()) or True)
    monkeypatch.setattr(comfy.model_management, "unpin_memory", lambda tensor: pinned.remove(tensor.data_ptr()))
    widths = {("input", 1, 0): 8, ("middle", 0, 0): 16}

    def make(block):
        return tuple(torch.full((1, 4, widths[block]), float(number)) for number in (1, 2))

    made = KeyValues.filled(widths, (1, 4), 4, make, torch.device("cpu"))
    assert pinned == [made.memory.data_ptr()]
    assert [float(part.mean()) for pair in made.layers.values() for part in pair] == [1, 2, 1, 2]
    left = made.layers[("middle", 0, 0)][0]
    del made
    gc.collect()
    assert pinned == [] and float(left.mean()) == 1
