"""Half precision and fp8 weights: a branch does in them what it does in float32, within what the type can hold."""

import pytest
import torch
from running.device import is_card

# Name of the type: what the change that a branch makes may differ by, in parts of it, on the mean. Types of fp8
# are only kept in memory; the host computes in a wider one.
TOLERANCES = {"float16": 0.01, "bfloat16": 0.05, "float8_e4m3fn": 0.05, "float8_e5m2": 0.05}


@pytest.fixture
def in_type():
    """A model with weights of a type, and one of float32 with the same numbers."""
    from miniature import models

    def made(name):
        rounded = models.unet("sd15", 1, dtype=getattr(torch, name))
        exact = models.unet("sd15", 1)
        weights = rounded.model.diffusion_model.state_dict()
        exact.model.diffusion_model.load_state_dict({key: tensor.float() for key, tensor in weights.items()})
        assert next(rounded.model.diffusion_model.parameters()).dtype == getattr(torch, name)
        return rounded, exact

    return made


@pytest.mark.parametrize("name", TOLERANCES)
def test_a_branch_does_what_it_does_in_float32(sd15, apply, ksample, in_type, name):
    """One step, so that sampling does not multiply what is rounded; then whole runs with each kind of setting."""

    def change(model, **settings):
        plain, steered = (ksample(sd15, m, steps=1) for m in (model, apply(model, "sd15", **settings)))
        assert steered.isfinite().all()
        return steered - plain

    rounded, exact = in_type(name)
    expected, found = change(exact), change(rounded)
    assert expected.abs().mean() > 1e-2
    hosts = (ksample(sd15, rounded, steps=1) - ksample(sd15, exact, steps=1)).abs().mean()
    allowed = 2 * hosts if is_card() else TOLERANCES[name] * expected.abs().mean()
    assert (found - expected).abs().mean() <= allowed, "on a card: twice what the host's own rounding does"


@pytest.mark.parametrize("name", TOLERANCES)
def test_every_kind_of_branch_stays_finite_in_whole_runs(sd15, apply, ksample, in_type, differs, name):
    rounded, _ = in_type(name)
    mask = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(5))
    model = apply(rounded, "sd15", attn_mask=mask, fusion="orthogonal v2")
    model = apply(model, "sd15", "plus", embeds_scaling="K+mean(V) w/ C penalty", weight=1.5)
    assert differs(ksample(sd15, model), ksample(sd15, rounded)) > differs.effect


def test_fp8_weights_of_a_model_that_computes_in_bfloat16(sd15, apply, ksample, in_type):
    """As the weight types of Load Diffusion Model on a card without fp8."""
    rounded, exact = in_type("float8_e4m3fn")
    rounded.model.manual_cast_dtype = torch.bfloat16
    assert rounded.model.get_dtype_inference() == torch.bfloat16
    found, expected = (ksample(sd15, apply(m, "sd15"), steps=1) - ksample(sd15, m, steps=1) for m in (rounded, exact))
    assert (found - expected).abs().mean() <= 0.15 * expected.abs().mean()
