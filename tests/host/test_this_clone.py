"""What is asked of a model is asked of this clone: what another one has put into the shared network decides nothing."""

import dataclasses

import comfy.model_management
import pytest
import torch
from comfy.ldm.modules.attention import CrossAttention
from miniature import families, models
from pack.attention.models.fits import check_fits
from pack.attention.models.unet import cross_attentions, family_of_model, model_layers

OWN = {"__dict__", "__weakref__"}


def same_class_of_another_pack():
    """A class that does what the host's cross-attention does and is not one, as packs put in its place."""
    made = type(
        "OtherCrossAttention", (torch.nn.Module,), {k: v for k, v in vars(CrossAttention).items() if k not in OWN}
    )
    made.__init__ = lambda self, *args, **kwargs: None
    return made


def with_other_classes(model):
    patched, other = model.clone(), same_class_of_another_pack()
    for name, _ in model.model.diffusion_model.named_modules():
        if name.endswith("attn2"):
            patched.add_object_patch(f"diffusion_model.{name}.__class__", other)
    return patched


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_the_configuration_describes_the_hosts_network(family):
    model = models.unet(family, 1)
    found = model_layers(model)
    assert found.shapes == cross_attentions(model.model.diffusion_model)
    assert family_of_model(found).name == family


def test_classes_that_another_clone_swapped_do_not_matter(sd15, apply, ksample):
    patched = with_other_classes(sd15.model)
    plain = ksample(sd15, apply(sd15.model, "sd15"))
    first = ksample(sd15, apply(patched, "sd15"))
    assert torch.equal(first, plain)
    # The patches are in the shared network now: the same graph with another weight, and one without the patcher.
    again = apply(patched, "sd15", weight=0.7)
    assert torch.equal(ksample(sd15, again), ksample(sd15, apply(sd15.model, "sd15", weight=0.7)))
    ksample(sd15, patched)
    assert family_of_model(model_layers(sd15.model)).name == "sd15"
    assert torch.equal(ksample(sd15, apply(sd15.model, "sd15")), plain)


def test_a_module_that_another_clone_put_there_does_not_matter(sd15):
    other = sd15.model.clone()
    other.add_object_patch("diffusion_model.middle_block", torch.nn.ModuleList())
    before = model_layers(sd15.model)
    comfy.model_management.unload_all_models()  # what is loaded has weights to put back into this network
    other.patch_model()
    try:
        assert len(sd15.model.model.diffusion_model.middle_block) == 0
        assert model_layers(sd15.model) == before
    finally:
        other.unpatch_model()


def test_a_compiled_network_as_an_object_is_looked_into(sd15, load):
    compiled = sd15.model.clone()
    compiled.add_object_patch("diffusion_model", torch.compile(sd15.model.model.diffusion_model, backend="eager"))
    assert model_layers(compiled) == model_layers(sd15.model)
    check_fits(load("sd15").adapter.layers, compiled)


def test_a_network_of_its_own_is_judged_by_what_it_has(sd15):
    own = sd15.model.clone()
    own.add_object_patch("diffusion_model", torch.nn.Identity())
    found = model_layers(own)
    assert not found.shapes and found.network == "Identity"


def test_a_model_without_a_middle_block_is_named(sdxl, apply, monkeypatch):
    published = families.FAMILIES["sdxl"]
    config = {
        **published.unet_config,
        "num_res_blocks": [1, 1, 1],
        "transformer_depth": [0, 2, 5],
        "transformer_depth_output": [0, 0, 2, 2, 5, 5],
        "transformer_depth_middle": -2,
    }
    koala = dataclasses.replace(published, config_class="KOALA_700M", unet_config=config)
    monkeypatch.setattr(families, "FAMILIES", {**families.FAMILIES, "koala": koala})
    model = models.unet("koala", 1)
    assert model.model.diffusion_model.middle_block is None
    assert model_layers(model).shapes == cross_attentions(model.model.diffusion_model)
    with pytest.raises(ValueError, match=r"of another layout \(21 cross-attentions\)"):
        apply(model, "sdxl")
    with pytest.raises(ValueError, match="21 layers for an adapter\\), which no adapter fits"):
        family_of_model(model_layers(model))
