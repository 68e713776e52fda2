"""What the pack may cost, counted: none of it depends on the machine."""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from comfy.patcher_extension import WrappersMP
from pack.attention.adapter.adapter import Adapter
from pack.attention.reference import encode as encoding
from pack.attention.reference.encode import encode
from pack.attention.sampling.attach import attachments
from pack.attention.sampling.dispatch import Call
from pack.attention.sampling.run import Run
from pack.nodes.forms.weight_schedule import WeightScheduleNode
from running.device import is_card

BENCH = Path(__file__).resolve().parents[2] / "bench"


def bench(name):
    spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
    sys.modules[spec.name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


counts = bench("counts")
LAYERS = {"sd15": 16, "sdxl": 70}


def half():
    mask = torch.zeros(1, 64, 64)
    mask[..., :32] = 1
    return mask


def per_step(ksample, base, model):
    """Operators and waits of a step that is not the first of its run."""
    counted, steps = counts.watched(model)
    ksample(base, counted)
    return steps[-1].count, steps[-1].syncs


def test_in_half_precision_too_a_layer_is_what_the_hand_written_patch_makes_of_it(sd15, apply, ksample, monkeypatch):
    from miniature import models

    monkeypatch.setenv("LIKENESS_FUSED", "0")  # one kernel for text and picture rounds once where two round twice
    minimal = bench("minimal")
    half_model = models.unet("sd15", 1, torch.float16)
    steered = apply(half_model, "sd15", weight=0.7)
    by_hand = minimal.patched(half_model, attachments(steered)[0])
    first, second, plain = (ksample(sd15, model, steps=1) for model in (steered, by_hand, half_model))
    assert torch.equal(first, second)
    assert (first - plain).abs().mean() > 1e-2


SETTINGS = {
    "plain": ({}, 2),
    "a mask": (dict(attn_mask=half()), 2),
    "K+V": (dict(weight=0.5, embeds_scaling="K+V"), 2),
    "K+V and a mask": (dict(weight=0.5, embeds_scaling="K+V w/ C penalty", attn_mask=half()), 2),
    "K+mean(V) and a mask": (dict(weight=0.5, embeds_scaling="K+mean(V) w/ C penalty", attn_mask=half()), 3),
    "a weight for each frame": (dict(weight=[0.5, 1.0]), 2),
    "a weight for each frame and a mask": (dict(weight=[0.5, 1.0], attn_mask=half()), 3),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_branch_adds_at_most_three_operators_to_a_layer(name, sd15, apply, ksample):
    inputs, allowed = SETTINGS[name]
    plain, _ = per_step(ksample, sd15, sd15.model)
    steered, _ = per_step(ksample, sd15, apply(sd15.model, "sd15", **inputs))
    assert steered - plain == allowed * LAYERS["sd15"]


SCALED_FRAMES = {
    "K+V": (dict(embeds_scaling="K+V"), 3),
    "K+V and a mask": (dict(embeds_scaling="K+V", attn_mask=half()), 4),
    "K+mean(V) and a mask": (dict(embeds_scaling="K+mean(V) w/ C penalty", attn_mask=half()), 5),
}


@pytest.mark.parametrize("name", SCALED_FRAMES)
def test_a_weight_for_each_frame_with_a_scaling_costs_what_the_docs_say(name, sd15, apply, ksample):
    inputs, allowed = SCALED_FRAMES[name]
    plain, _ = per_step(ksample, sd15, sd15.model)
    steered, _ = per_step(ksample, sd15, apply(sd15.model, "sd15", weight=[0.5, 1.0], **inputs))
    assert steered - plain == allowed * LAYERS["sd15"]


def test_all_of_sdxls_layers_cost_as_little(sdxl, apply, ksample):
    plain, waits = per_step(ksample, sdxl, sdxl.model)
    one = apply(sdxl.model, "sdxl", "plus", attn_mask=half())
    steered, waits_steered = per_step(ksample, sdxl, apply(one, "sdxl"))
    assert steered - plain == 2 * 2 * LAYERS["sdxl"]
    assert waits_steered == waits


def test_ranges_and_schedules_of_all_adapters_read_one_number_a_call(sd15, apply, ksample):
    schedule = WeightScheduleNode.execute("linear").args[0]
    model = apply(sd15.model, "sd15", schedule=schedule)
    model = apply(model, "sd15", "plus", end_percent=0.9, start_percent=0.01)
    _, waits = per_step(ksample, sd15, sd15.model)
    _, steered = per_step(ksample, sd15, model)
    assert steered - waits == 1


@pytest.mark.parametrize("inputs", [dict(weight=0.0), dict(attn_mask=torch.zeros(1, 8, 8))], ids=["weight", "mask"])
def test_what_never_acts_adds_no_operator_and_no_wait(inputs, sd15, apply, ksample):
    assert per_step(ksample, sd15, apply(sd15.model, "sd15", **inputs)) == per_step(ksample, sd15, sd15.model)


def test_outside_its_range_it_reads_one_number_and_adds_nothing(sd15, apply, ksample):
    steered = per_step(ksample, sd15, apply(sd15.model, "sd15", start_percent=0.999, end_percent=0.9991))
    plain = per_step(ksample, sd15, sd15.model)
    assert (steered[0] - plain[0], steered[1] - plain[1]) == (1, 1)


def test_another_weight_or_seed_encodes_and_projects_nothing(sd15, apply, ksample):
    made = (Adapter, "_project"), (Adapter, "_tokens_of"), (encoding, "_embeds")
    with counts.calls(*made) as first:
        ksample(sd15, apply(sd15.model, "sd15", "plus", seed=99))
    # A pair of products for each layer and side; two pictures, one of them that of 'no reference'.
    assert first == {"_project": 2 * LAYERS["sd15"], "_tokens_of": 2, "_embeds": first["_embeds"]}
    with counts.calls(*made) as again:
        ksample(sd15, apply(sd15.model, "sd15", "plus", seed=99, weight=0.3, end_percent=0.7), seed=12)
    assert again == {}


def test_no_reference_is_encoded_once_for_an_encoder(sd15, load, picture):
    from miniature import models

    encoder = models.clip_vision("vit_h", 3)
    with counts.calls((encoding, "_embeds")) as encoded:
        for seed in (1, 2):
            encode(encoder, picture(seed))
            encoding.encode_zero_pixels(encoder)
    assert encoded["_embeds"] == 3


def test_of_three_hundred_frames_each_distinct_picture_is_encoded_once(picture):
    from miniature import models

    distinct = torch.cat([picture(seed, 32, 32) for seed in (1, 2, 3)])
    frames = distinct.repeat(100, 1, 1, 1)
    with counts.calls((encoding, "_embeds"), (encoding, "_pixel_values")) as made:
        embeds = encode(models.clip_vision("vit_h", 3), frames)
    assert made == {"_embeds": 1 if is_card() else 3, "_pixel_values": 3}, "a card encodes them together"
    assert embeds.count == 300 and torch.equal(embeds.feature("image_embeds")[0], embeds.feature("image_embeds")[297])


def test_no_adapter_weights_are_held_while_sampling(sd15, load, apply, ksample):
    adapter = load("sd15", "plus", 98).adapter
    held = []
    project = adapter._project
    adapter._project = lambda *given: (held.append(counts.resident_bytes([adapter.patcher])), project(*given))[1]
    model = apply(sd15.model, "sd15", "plus", seed=98)
    assert held and min(held) == adapter.patcher.model_size() > 0
    during = []

    def look(executor, *args, **kwargs):
        during.append(counts.resident_bytes([adapter.patcher]))
        return executor(*args, **kwargs)

    model.add_wrapper(WrappersMP.DIFFUSION_MODEL, look)
    ksample(sd15, model)
    assert during == [0, 0]


def test_a_mask_is_scaled_once_for_each_grid(sd15, apply, ksample):
    import pack.attention.sampling.run as running

    model = apply(sd15.model, "sd15", attn_mask=half())
    with counts.calls((running, "on_grid")) as scaled:
        ksample(sd15, model, steps=3)
    assert scaled["on_grid"] == 4  # grids of SD1.5's cross-attentions


def test_nothing_of_a_run_is_alive_afterwards(sd15, apply, ksample):
    model = apply(sd15.model, "sd15")
    before = repr(sorted(model.model_options["transformer_options"]))
    ksample(sd15, model)
    assert counts.alive(Run, Call) == 0
    assert repr(sorted(model.model_options["transformer_options"])) == before
    assert "patches_replace" not in model.model_options["transformer_options"]


def test_keys_and_values_grow_with_tokens_and_pictures(sd15, apply, picture):
    def size(model):
        return attachments(model)[-1].positive.nbytes

    one = size(apply(sd15.model, "sd15"))
    assert size(apply(sd15.model, "sd15", image=torch.cat([picture(1), picture(2), picture(3)]))) == 3 * one
    assert size(apply(sd15.model, "sd15", "plus")) == 4 * one


@pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="the map of a process is read from /proc")
def test_an_adapters_weights_are_the_mapped_file(load):
    weight = load("sd15", "plus").adapter.module.to_k["1"].weight
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, _, end = line.split(" ", 1)[0].partition("-")
        if int(start, 16) <= weight.data_ptr() < int(end, 16):
            assert line.endswith("sd15-plus-7.safetensors")
            return
    pytest.fail("the weights are nowhere in memory")
