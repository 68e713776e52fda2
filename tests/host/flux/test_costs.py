"""What a reference costs in FLUX, counted: none of it depends on the machine."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from pack.attention.weights.schedule import Schedule
from pack.nodes.wires import WeightSchedule

BLOCKS = 19


def bench(name):
    path = Path(__file__).resolve().parents[3] / "bench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"bench_{name}", path)
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


counts = bench("counts")


@pytest.fixture
def added(flux, ksample):
    """Operators and waits that a model has more than the plain one in a step that is not the first of its run."""

    def per_step(model):
        counted, steps = counts.watched(model)
        ksample(flux, counted, steps=2)
        return steps[-1].count, steps[-1].syncs

    plain = per_step(flux.model)
    return lambda model: tuple(found - before for found, before in zip(per_step(model), plain, strict=True))


def half():
    mask = torch.zeros(1, 64, 64)
    mask[..., :32] = 1
    return mask


# An attention and a fused sum with the mask in it.
SETTINGS = {
    "plain": ({}, 2 * BLOCKS, 0),
    "a mask": (dict(attn_mask=half()), 2 * BLOCKS, 0),
    "16 tokens": (dict(variant="plus"), 2 * BLOCKS, 0),
    "K+V": (dict(weight=0.5, embeds_scaling="K+V"), 2 * BLOCKS, 0),
    "a weight for each picture": (dict(weight=[0.5, 1.0]), 2 * BLOCKS, 0),
    # One operator more for the whole step reads which step it is.
    "a schedule": (dict(schedule=WeightSchedule(Schedule(((0.0, 0.9), (1.0, 0.3))))), 2 * BLOCKS + 1, 1),
    "outside its range": (dict(start_percent=0.999, end_percent=0.9991), 1, 1),
    "weight 0": (dict(weight=0.0), 0, 0),
    "an empty mask": (dict(attn_mask=torch.zeros(1, 8, 8)), 0, 0),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_branch_adds_two_operators_to_a_block_and_waits_for_nothing(name, flux, apply, added):
    inputs, operators, waits = SETTINGS[name]
    assert added(apply(flux.model, "flux", **inputs)) == (operators, waits)


@pytest.mark.parametrize("inputs", [{}, dict(attn_mask=half())], ids=["plain", "a mask"])
def test_instantx_adds_an_attention_and_a_sum_to_each_of_all_blocks(inputs, flux, apply, ksample):
    from types import SimpleNamespace

    from miniature import flux as miniature

    whole = SimpleNamespace(**{**vars(flux), "family": "flux dev", "model": miniature.model("flux dev", 1)})

    def per_step(model):
        counted, steps = counts.watched(model)
        ksample(whole, counted, steps=2, cfg=1.0)
        return steps[-1].count, steps[-1].syncs

    plain, steered = per_step(whole.model), per_step(apply(whole.model, "flux", "instantx", **inputs))
    assert tuple(found - before for found, before in zip(steered, plain, strict=True)) == (2 * 57, 0)


def test_each_further_adapter_costs_as_much(flux, apply, added):
    assert added(apply(apply(flux.model, "flux"), "flux", "plus")) == (4 * BLOCKS, 0)


def test_while_sampling_nothing_of_the_adapter_is_loaded(flux, apply, load, ksample):
    import comfy.model_management

    steered = apply(flux.model, "flux")
    ksample(flux, steered, steps=1)
    loaded = [entry.model for entry in comfy.model_management.current_loaded_models]
    assert load("flux", "base", 7).adapter.patcher not in loaded  # the one that `apply` loads
