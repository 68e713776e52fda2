"""What scaling the image branch costs, counted: none of it depends on the machine."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from pack.attention.sampling.own_branch import OwnCall
from pack.attention.sampling.run import Run
from pack.attention.weights.schedule import Schedule
from pack.nodes.wires import WeightSchedule

BLOCKS = 4


def bench(name):
    path = Path(__file__).resolve().parents[3] / "bench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"bench_{name}", path)
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


counts = bench("counts")


def per_step(film, base, model):
    """Operators and waits of a step that is not the first of its run."""
    counted, steps = counts.watched(model)
    film(base, counted, steps=2)
    return steps[-1].count, steps[-1].syncs


def half():
    mask = torch.zeros(1, 64, 96)
    mask[..., :48] = 1
    return mask


FEWER = {"weight": 0.0}
SETTINGS = {
    "a weight": (dict(weight=0.5), BLOCKS, 0),
    "a weight for either prompt": (dict(weight=0.5, negative_apart=True), BLOCKS, 0),
    "a mask": (dict(weight=0.5, attn_mask=half()), BLOCKS, 0),
    "a weight for each frame": (dict(schedule=WeightSchedule(None, (1.0, 0.5))), BLOCKS, 0),
    # Two operators more for the whole step: one reads which step it is, one puts the factor together anew.
    "a mask and a schedule": (
        dict(attn_mask=half(), schedule=WeightSchedule(Schedule(((0.0, 0.9), (1.0, 0.3))))),
        BLOCKS + 2,
        1,
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_weight_adds_one_operator_to_a_block(name, i2v, scale, film):
    inputs, operators, waits = SETTINGS[name]
    plain = per_step(film, i2v, i2v.model)
    scaled = per_step(film, i2v, scale(i2v.model, **inputs))
    assert (scaled[0] - plain[0], scaled[1] - plain[1]) == (operators, waits)


@pytest.mark.parametrize(
    "inputs", [{}, dict(weight=0.0, attn_mask=torch.zeros(1, 8, 8))], ids=["weight 1", "empty mask"]
)
def test_the_plain_model_costs_nothing(inputs, i2v, scale, film):
    assert per_step(film, i2v, scale(i2v.model, **inputs)) == per_step(film, i2v, i2v.model)


def test_outside_its_range_one_number_is_read(i2v, scale, film):
    scaled = per_step(film, i2v, scale(i2v.model, weight=0.5, start_percent=0.999, end_percent=0.9991))
    plain = per_step(film, i2v, i2v.model)
    assert (scaled[0] - plain[0], scaled[1] - plain[1]) == (1, 1)


def test_weight_0_saves_the_attention_to_the_picture(i2v, scale, film):
    import comfy.ldm.modules.attention as host

    asked = []

    def override(function, *args, **kwargs):
        asked.append(args[1].shape[1])
        return function(*args, **kwargs)

    assert host.optimized_attention
    model = scale(i2v.model, weight=0.0)
    model.model_options["transformer_options"]["optimized_attention_override"] = override
    film(i2v, model, steps=1)
    assert asked == [72, 512] * BLOCKS
    assert per_step(film, i2v, scale(i2v.model, weight=0.0))[0] < per_step(film, i2v, i2v.model)[0] + BLOCKS


def test_nothing_of_a_run_is_alive_afterwards(i2v, scale, film):
    film(i2v, scale(i2v.model, weight=0.5, attn_mask=half()))
    assert counts.alive(Run, OwnCall) == 0
