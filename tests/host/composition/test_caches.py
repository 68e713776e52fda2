"""EasyCache and LazyCache skip calls of the model; the others are steered as ever."""

import pytest
import torch
from running.bounds import assert_same

STEPS = 8


def node(name):
    from comfy_extras import nodes_easycache

    return getattr(nodes_easycache, f"{name}Node")


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("name", ["EasyCache", "LazyCache"])
def test_calls_that_are_not_skipped_are_steered(sd15, apply, ksample, watch, differs, name, order):
    def cached(model):
        return node(name).execute(model, 0.4, 0.1, 0.95, False).args[0]

    model = apply(cached(sd15.model), "sd15") if order == "before" else cached(apply(sd15.model, "sd15"))
    steered, seen = watch(model)
    result = ksample(sd15, steered, steps=STEPS)
    assert 2 <= len(seen) < STEPS, "it skips some and not all"
    assert all(one.roles == ((1, "negative"), (0, "positive")) for one in seen)
    assert differs(result, ksample(sd15, cached(sd15.model), steps=STEPS)) > differs.effect
    assert_same(result, ksample(sd15, model, steps=STEPS))  # no state is carried from run to run


@pytest.mark.parametrize("name", ["EasyCache", "LazyCache"])
def test_a_cache_that_skips_nothing_changes_nothing(sd15, apply, ksample, name):
    model = node(name).execute(apply(sd15.model, "sd15"), 0.0, 0.1, 0.95, False).args[0]
    assert torch.equal(ksample(sd15, model, steps=4), ksample(sd15, apply(sd15.model, "sd15"), steps=4))
