"""The picture of what will happen agrees with what happens."""

import comfy.samplers
import pytest
import torch
from pack.attention.models.families import layers
from pack.attention.sampling.attach import attachments
from pack.attention.sampling.strengths import strengths
from pack.attention.weights.layer_presets import preset
from pack.attention.weights.schedule import Schedule
from pack.nodes.forms.show_adapters import ShowAdapters
from pack.nodes.page.plot import heat
from pack.nodes.wires import WeightSchedule


def levels(model, steps):
    return comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "normal", steps)[:-1].tolist()


@pytest.fixture
def two(sdxl, apply, picture):
    style = apply(sdxl.model, "sdxl", weight=0.8, layer_preset="style precise", boost=0.5, end_percent=0.6)
    schedule = WeightSchedule(Schedule(((0.0, 0.0), (1.0, 1.0))), (1.0, 0.5))
    left = torch.zeros(1, 64, 96)
    left[:, :, :48] = 1
    return apply(style, "sdxl", "plus", image=picture(2), attn_mask=left, schedule=schedule, fusion="orthogonal")


def test_factors_are_those_that_the_run_gives_every_layer_at_every_step(two, sdxl, ksample, monkeypatch):
    from pack.attention.sampling.run import Run

    seen = {}
    layer = Run.layer
    steps = []

    def recording(self, kind, site, *given):
        found = layer(self, kind, site, *given)
        for one in found.branches:
            attachment = one.branch.attachment
            seen[len(steps), id(attachment), site.key] = attachment.scale_in(site.key) * one.branch.factor
        return found

    acting = Run.acting
    monkeypatch.setattr(Run, "layer", recording)
    monkeypatch.setattr(Run, "acting", lambda self, sigma: (steps.append(sigma), acting(self, sigma))[1])
    ksample(sdxl, two, steps=4)
    monkeypatch.undo()
    sigmas = levels(two, 4)
    assert steps == pytest.approx(sigmas)
    for branch in strengths(attachments(two), two.get_model_object("model_sampling"), sigmas):
        for step in range(4):
            for layer in layers("sdxl"):
                happened = seen.get((step + 1, id(branch.attachment), layer.key), 0.0)
                assert branch.factors[step][layer.transformer] == pytest.approx(happened), (step, layer)


def test_swapped_blocks_and_switched_off_branches_are_told(two, sdxl, apply):
    precise, _ = strengths(attachments(two), two.get_model_object("model_sampling"), levels(two, 4))
    assert precise.swapped == preset("style precise", "sdxl").swapped
    off = apply(sdxl.model, "sdxl", weight=0.0)
    (branch,) = strengths(attachments(off), off.get_model_object("model_sampling"), levels(off, 4))
    assert not branch.acts


def test_the_node_shows_a_panel_for_each_branch(two, sdxl, apply, ran):
    both = ran(ShowAdapters, model=two, steps=20, scheduler="karras")
    assert both.same_model is two
    assert len(both.pictures) == 1
    one = ran(ShowAdapters, model=apply(sdxl.model, "sdxl"))
    assert both.image.shape[0] == 1 and both.image.shape[1] == 2 * one.image.shape[1]
    lines = both.text.splitlines()
    assert lines[0].startswith("sdxl-base-7.safetensors: 2 of 11 blocks, ")
    assert "11 of 11 blocks" in lines[1]
    assert both.image.min() >= 0 and both.image.max() <= 1


def test_a_cell_has_the_colour_of_its_factor(sdxl, apply, ran):
    image = ran(ShowAdapters, model=apply(sdxl.model, "sdxl", weight=0.5, end_percent=0.5), steps=4).image[0]
    first, last = image[96, 132], image[96, 132 + 540]
    assert (first * 255).round().tolist() == list(heat(0.5, 1.0))
    assert (last * 255).round().tolist() == list(heat(0.0, 1.0))
    assert heat(0.5, 1.0) != heat(1.0, 1.0) != heat(-1.0, 1.0)


def test_less_denoise_starts_later(sdxl, apply, ran):
    model = apply(sdxl.model, "sdxl", end_percent=0.5)
    assert "10 of 20 steps" in ran(ShowAdapters, model=model, steps=20).text
    assert "does not act" in ran(ShowAdapters, model=model, steps=20, denoise=0.4).text


def test_a_plain_model_is_an_error_that_says_what_to_connect(sdxl, ran):
    with pytest.raises(ValueError, match="nothing is attached.*Apply IP-Adapter"):
        ran(ShowAdapters, model=sdxl.model)


def test_every_socket_is_explained():
    schema = ShowAdapters.define_schema()
    schema.validate()
    assert all(socket.tooltip for socket in [*schema.inputs, *schema.outputs])
