"""What a user reads when something does not fit: what is wrong, what was found, what to do."""

import math
from dataclasses import replace

import pytest
import torch
from pack.attention.models.families import LayerShape
from pack.attention.models.fits import check_fits
from pack.attention.reference.embeds import Embeds
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.forms.encode_reference import EncodeReference
from pack.nodes.wires import LoadedAdapter


def test_an_adapter_of_another_family_names_both(sd15, sdxl, apply):
    with pytest.raises(
        ValueError, match=r"IP-Adapter for SDXL \(70 .* connected model is SD1.5 \(16 .*Connect an SDXL"
    ):
        apply(sd15.model, "sdxl")
    with pytest.raises(
        ValueError, match=r"IP-Adapter for SD1.5 \(16 .* connected model is SDXL \(70 .*Connect an SD1.5"
    ):
        apply(sdxl.model, "sd15")


def test_a_model_that_is_no_unet_is_named(sd15, apply):
    class Flux(torch.nn.Module):
        pass

    other = sd15.model.clone()
    other.add_object_patch("diffusion_model", Flux())
    with pytest.raises(ValueError, match=r"cross-attention of a UNet; the connected model is .*Flux.*Connect an SD1.5"):
        apply(other, "sd15")


def test_a_model_of_other_widths_is_refused(sd15, load, apply):
    loaded = load("sd15", "base", 77)
    made_for = loaded.adapter.layers
    wide = replace(made_for, shapes={**made_for.shapes, 1: LayerShape(999, made_for.shapes[1].context_dim)})
    with pytest.raises(ValueError, match="width 999 in layer 1, where the connected model"):
        check_fits(wide, sd15.model)


def test_an_encoder_that_does_not_fit_is_named_with_what_is_needed(sd15, load, picture):
    from miniature import models

    wrong = LoadedAdapter(load("sd15").adapter, models.clip_vision("vit_bigg", 3))
    for node, inputs in ((EncodeReference, {}), (ApplyIPAdapter, {"model": sd15.model})):
        with pytest.raises(ValueError, match="reads image_embeds of width 64.*gives 72.*models/clip_vision"):
            node.execute(adapter=wrong, image=picture(1), **inputs)


def test_a_missing_encoder_is_an_error_of_the_node_that_encodes(sd15, load, picture):
    alone = LoadedAdapter(load("sd15").adapter)
    for node, inputs in ((EncodeReference, {}), (ApplyIPAdapter, {"model": sd15.model})):
        with pytest.raises(ValueError, match="needs an image encoder.*models/clip_vision"):
            node.execute(adapter=alone, image=picture(1), **inputs)


def test_embeds_alone_need_no_encoder_unless_the_negative_does(sd15, load, picture):
    base, plus = (load("sd15", variant) for variant in ("base", "plus"))
    embeds = EncodeReference.execute(adapter=base, image=picture(1)).args[0]
    ApplyIPAdapter.execute(model=sd15.model, adapter=LoadedAdapter(base.adapter), embeds=embeds)
    with pytest.raises(ValueError, match="needs its image encoder for the unconditional half.*'negative_embeds'"):
        ApplyIPAdapter.execute(model=sd15.model, adapter=LoadedAdapter(plus.adapter), embeds=embeds)


@pytest.mark.parametrize(
    "inputs", [{}, {"image": torch.rand(1, 8, 8, 3), "embeds": Embeds(image_embeds=torch.zeros(1, 64))}], ids=len
)
def test_one_reference_is_needed(sd15, load, inputs):
    with pytest.raises(ValueError, match="one of 'image', 'embeds' and 'faces'; connected: (none|image and embeds)"):
        ApplyIPAdapter.execute(model=sd15.model, adapter=load("sd15"), **inputs)


def test_embeds_of_the_wrong_kind_are_named(sd15, load):
    with pytest.raises(ValueError, match="the embeds contain penultimate, but not image_embeds"):
        ApplyIPAdapter.execute(
            model=sd15.model, adapter=load("sd15"), embeds=Embeds(penultimate=torch.zeros(1, 257, 80))
        )


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({"weight": math.nan}, "weight is nan"),
        ({"start_percent": 0.8, "end_percent": 0.2}, "start_percent 0.8 and end_percent 0.2"),
        ({"layer_preset": "stile"}, "no layer preset 'stile'"),
        ({"fusion": "multiply"}, "no fusion rule 'multiply'"),
        ({"combine": "mix"}, "no way to combine pictures called 'mix'"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(sd15, apply, inputs, says):
    with pytest.raises(ValueError, match=says):
        apply(sd15.model, "sd15", **inputs)
