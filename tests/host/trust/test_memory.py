"""A batch of 24 frames, each with its own reference and weight: how many bytes steering holds, counted by the allocator.

The counts come from PyTorch's own record of every allocation and release, so that they are the same on every run.
"""

import gc

import pytest
import torch
from pack.attention.adapter import adapter as adapter_module
from pack.attention.sampling import run as run_module
from pack.attention.sampling.attach import attachments
from pack.attention.sampling.few_tokens import fastest_count
from pack.nodes.forms.weight_schedule import WeightScheduleNode
from torch.profiler import ProfilerActivity, profile

FRAMES = 24
PICTURES = FRAMES * 4 * 8 * 8 * 4  # bytes of the latents that a run gives back


def held(work):
    """(most bytes at once, bytes left, result) of a piece of work."""
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        result = work()
    now = most = 0
    for event in recorded.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            most = max(most, now)
    return most, now, result


@pytest.fixture
def animated(sd15, apply, picture):
    def made(variant):
        schedule = WeightScheduleNode.execute("linear", frames="1.0, 0.2", frames_count=FRAMES).args[0]
        pictures = picture(1, count=FRAMES)
        return apply(sd15.model, "sd15", variant, image=pictures, combine="one per frame", schedule=schedule)

    return made


@pytest.mark.parametrize("variant", ["base", "plus"])
def test_a_run_holds_one_copy_of_keys_and_values_for_each_row(variant, sd15, animated, ksample):
    small = dict(height=8, width=8, batch=FRAMES)
    steered = animated(variant)
    ksample(sd15, sd15.model, **small), ksample(sd15, steered, **small)  # what is loaded once is loaded
    plain, left, _ = held(lambda: ksample(sd15, sd15.model, **small))
    most, left_too, _ = held(lambda: ksample(sd15, steered, **small))
    longer, _, _ = held(lambda: ksample(sd15, steered, steps=4, **small))
    assert left == left_too == PICTURES, "nothing but the pictures is left"
    source = attachments(steered)[-1].positive
    copies = fastest_count(source.num_tokens, torch.device("cpu")) // source.num_tokens
    rows = 2 * copies * source.nbytes  # both halves of guidance, each frame its own
    layer = 3 * copies * max(k.nbytes + v.nbytes for k, v in source.layers.values())  # while one is put together
    assert 0 < most - plain <= rows + layer
    assert longer - most < 1 << 16, "more steps hold no more"


def test_beyond_its_budgets_it_holds_one_layer_at_a_time(sd15, animated, ksample, monkeypatch):
    small = dict(height=8, width=8, batch=FRAMES)
    plain, _, _ = held(lambda: ksample(sd15, sd15.model, **small))
    within = animated("plus")
    kept, _, expected = held(lambda: ksample(sd15, within, **small))
    monkeypatch.setattr(adapter_module, "KEPT_BUDGET", 0)
    monkeypatch.setattr(run_module, "STORE_BUDGET", 0)
    beyond = animated("plus")
    anew, _, made = held(lambda: ksample(sd15, beyond, **small))
    assert anew - plain < (kept - plain) / 2
    torch.testing.assert_close(made, expected, atol=1e-5, rtol=0)
