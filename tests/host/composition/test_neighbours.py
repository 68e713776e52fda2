"""Packs beside ours that run the model's layers, tiles or nets in their own way, written after what they do."""

import copy

import pytest
import torch
from comfy.patcher_extension import WrappersMP
from pack.attention.sampling import said
from pack.attention.sampling.attach import attachments, with_attachments

WIDE = {"height": 16, "width": 32}


def compiled_in(pack, source):
    """A function that looks as if it came from a pack in custom_nodes."""
    space = {}
    exec(compile(source, f"/ComfyUI/custom_nodes/{pack}/nodes.py", "exec"), space)  # noqa: S102
    return space["made"]


@pytest.fixture
def listened(monkeypatch):
    """(model) -> a clone whose branches tell a list instead of the node."""
    from dataclasses import replace

    def listening(model, told):
        return with_attachments(model, tuple(replace(one, tell=told.append) for one in attachments(model)))

    return listening


def halves(function, given, change=lambda part: part):
    """A call of the model for the left half of the latent and one for the right."""
    x, t, c = given["input"], given["timestep"], given["c"]
    half = x.shape[-1] // 2
    return torch.cat([function(change(part), t, **c) for part in (x[..., :half], x[..., half:])], dim=-1)


def left_quarter():
    mask = torch.zeros(1, 128, 256)
    mask[..., :64] = 1
    return mask


def test_a_tile_outside_the_mask_is_the_plain_models(sd15, apply, ksample, listened):
    told, model = [], sd15.model.clone()
    model.set_model_unet_function_wrapper(halves)
    plain = ksample(sd15, model, steps=1, **WIDE)
    steered = listened(apply(model, "sd15", attn_mask=left_quarter()), told)
    made = ksample(sd15, steered, steps=1, **WIDE)
    assert torch.equal(made[..., 16:], plain[..., 16:])
    assert (made[..., :8] - plain[..., :8]).abs().mean() > 0.1
    assert told == []


def test_a_tile_whose_place_nobody_knows_is_told_of_on_the_node(sd15, apply, ksample, listened):
    """A pack that changes what it cut: where the part was cannot be seen any more."""
    told, model = [], sd15.model.clone()
    model.set_model_unet_function_wrapper(lambda function, given: halves(function, given, lambda part: part * 1.01))
    ksample(sd15, listened(apply(model, "sd15", attn_mask=left_quarter()), told), steps=2, **WIDE)
    assert told == [said.PART], "said once for a run"
    told.clear()
    ksample(sd15, listened(apply(model, "sd15"), told), steps=2, **WIDE)
    assert told == [], "without a mask nothing is lost"


def test_a_node_that_samples_tiles_as_pictures_of_their_own_is_told_of(sd15, apply, ksample, listened):
    from comfy_execution.utils import CurrentNodeContext
    from pack.attention.regions.crop import Crop, model_for

    told = []
    steered = listened(apply(sd15.model, "sd15", attn_mask=left_quarter()), told)
    with CurrentNodeContext("prompt", "7"):
        ksample(sd15, steered, steps=1)
        assert told == []
        ksample(sd15, steered, steps=1)
        assert told == [said.SEVERAL]
        ksample(sd15, model_for(steered, Crop(0, 0.0, 0.0, 0.5, 1.0)), steps=1)
    with CurrentNodeContext("prompt", "8"):
        ksample(sd15, steered, steps=1)
    assert told == [said.SEVERAL], "our own crops cut the mask, and another node begins anew"


def test_a_network_that_runs_each_row_by_itself_is_steered(sd15, apply, ksample, listened, differs, picture):
    def one_by_one(executor, x, t, context, y, control, options, **kwargs):
        rows = range(len(x))
        return torch.cat(
            [executor(x[i : i + 1], t[i : i + 1], context[i : i + 1], y, control, options, **kwargs) for i in rows]
        )

    told = []
    steered = apply(sd15.model, "sd15", image=picture(1, count=2), combine="one per frame")
    whole = ksample(sd15, steered, batch=2)
    model = listened(steered, told)
    model.add_wrapper(WrappersMP.DIFFUSION_MODEL, one_by_one)
    torch.testing.assert_close(ksample(sd15, model, batch=2), whole, atol=1e-3, rtol=1e-3)
    assert differs(whole, ksample(sd15, batch=2)) > differs.effect and told == []


def test_a_network_that_runs_a_part_of_the_rows_is_told_of(sd15, apply, ksample, listened):
    def first_alone(executor, x, t, context, y, control, options, **kwargs):
        one = executor(x[:1], t[:1], context[:1], y, control, options, **kwargs)
        return one.expand(len(x), -1, -1, -1)

    told = []
    model = listened(apply(sd15.model, "sd15"), told)
    model.add_wrapper(WrappersMP.DIFFUSION_MODEL, first_alone)
    ksample(sd15, model)
    assert told == [said.left_out(0, 2, None)]


MADE = """
def made(function, given):
    return given["c"]["transformer_options"]["likeness_test"](given)
"""


def test_a_pack_with_a_loop_of_its_own_is_named_on_the_node(sd15, apply, ksample, listened):
    """It calls the network itself, past everything that ComfyUI's model calls: no reference can act."""
    told, model = [], sd15.model.clone()
    model.set_model_unet_function_wrapper(compiled_in("ComfyUI-OwnLoop", MADE))
    model.model_options["transformer_options"]["likeness_test"] = lambda given: torch.zeros_like(given["input"])
    ksample(sd15, listened(apply(model, "sd15"), told))
    assert told == [said.never_acted(False, ("ComfyUI-OwnLoop",))]
    assert "ComfyUI-OwnLoop" in told[0] and "did nothing" in told[0]


def test_a_network_whose_layers_never_ask_is_told_of(sd15, apply, ksample, listened):
    def without_layers(executor, x, t, context, y, control, options, **kwargs):
        return executor(x, t, context, y, control, {**options, "patches_replace": {}}, **kwargs)

    told = []
    model = listened(apply(sd15.model, "sd15"), told)
    model.add_wrapper(WrappersMP.DIFFUSION_MODEL, without_layers)
    assert torch.equal(ksample(sd15, model), ksample(sd15))
    assert told == [said.never_acted(True, ())]


@pytest.mark.parametrize("settings", [{"weight": 0.0}, {"start_percent": 0.99, "end_percent": 1.0}])
def test_a_branch_that_should_not_act_is_not_complained_of(sd15, apply, ksample, listened, settings):
    told = []
    ksample(sd15, listened(apply(sd15.model, "sd15", **settings), told), steps=2)
    assert told == []


def test_blocks_that_another_pack_rebuilt_leave_options_out(sd15, apply, ksample, differs):
    """They give the number of heads and little else."""

    steered = apply(sd15.model, "sd15", attn_mask=left_quarter())
    whole = ksample(sd15, steered)
    from pack.attention.sampling import dispatch as dispatching

    dispatch = dispatching.dispatch

    def bare(q, k, v, options):
        left = {key: value for key, value in options.items() if key not in ("attn_precision", "activations_shape")}
        return dispatch(q, k, v, left)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dispatching, "dispatch", bare)
        assert torch.equal(ksample(sd15, steered), whole)
    assert differs(whole, ksample(sd15)) > differs.effect


def test_queries_that_a_patch_shares_out_are_refused_with_words(sd15, apply, ksample, listened):
    """Four times the rows with a quarter of the queries each is no prompt coupled to regions."""

    def windows(n, context, value, options):
        quarters = n.unflatten(1, (4, -1)).flatten(0, 1)
        return quarters, *(x.repeat_interleave(4, 0) for x in (context, value))

    def joined(n, options):
        return n.unflatten(0, (-1, 4)).flatten(1, 2)

    def foreign(model):
        changed = model.clone()
        changed.set_model_attn2_patch(windows)
        changed.set_model_attn2_output_patch(joined)
        return changed

    told = []
    made = ksample(sd15, listened(apply(foreign(sd15.model), "sd15"), told))
    assert torch.equal(made, ksample(sd15, foreign(sd15.model)))
    assert told == [said.left_out(8, 2, None)]


def test_the_folder_of_a_pack_is_told_by_its_code():
    function = compiled_in("SomePack", "def made():\n    pass")
    assert said.pack_of(function) == "SomePack"
    holder = type("Patch", (), {"__call__": function})()
    assert said.pack_of(holder) == "SomePack"
    assert said.pack_of(copy.copy) is None and said.pack_of(None) is None
