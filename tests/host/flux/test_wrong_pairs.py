"""An adapter and a model that do not belong together: what was found, and what would fit."""

import pytest
import torch
from pack.attention.adapter import checkpoint
from pack.attention.adapter.adapter import Adapter
from pack.attention.models.kinds import layers_for_adapters
from pack.attention.models.unet import family_of_model


def test_an_adapter_for_a_unet_on_flux(flux, apply):
    says = (
        r"IP-Adapter for SDXL \(70 cross-attentions\); the connected model is FLUX.1 \(21 blocks\). Connect an SDXL "
        "model, or load an adapter made for this one"
    )
    with pytest.raises(ValueError, match=says):
        apply(flux.model, "sdxl")


def test_an_adapter_for_flux_on_a_unet(sdxl, apply):
    says = (
        r"XLabs IP-Adapter for FLUX.1 \(19 blocks\); the connected model is SDXL \(70 cross-attentions\). Connect a "
        "FLUX.1 model"
    )
    with pytest.raises(ValueError, match=says):
        apply(sdxl.model, "flux")


def test_an_adapter_for_flux_on_a_transformer_without_such_blocks(flux, apply):
    from miniature import wan

    class MMDiT(torch.nn.Module):
        joint_blocks = ()

    other = flux.model.clone()
    other.add_object_patch("diffusion_model", MMDiT())
    for model, network in ((other, "MMDiT"), (wan.model("short i2v", 1), "WanModel")):
        with pytest.raises(
            ValueError,
            match=rf"acts in the blocks of FLUX; the connected model is \w+ \({network}\), which has none",
        ):
            apply(model, "flux")


def test_an_adapter_for_flux_on_its_successor(apply):
    from miniature import flux

    model = flux.model("flux2 klein", 1)
    with pytest.raises(ValueError, match=r"of another layout \(7 blocks\). Connect a FLUX.1 model"):
        apply(model, "flux")
    with pytest.raises(
        ValueError, match=r"7 layers for an adapter\), which no adapter fits here.*SDXL.*FLUX.1 or SD3.5 Large"
    ):
        family_of_model(layers_for_adapters(model))


def written(tmp_path, **changes):
    import safetensors.torch
    from miniature import flux

    path = tmp_path / "xlabs.safetensors"
    tensors = flux.adapter_state_dict("base", 7, **changes)
    safetensors.torch.save_file(tensors, path)
    return path, tensors


def test_a_file_with_other_blocks_or_widths(flux, apply, tmp_path, load):
    from pack.attention.models.fits import check_fits

    path, _ = written(tmp_path, blocks=18)
    with pytest.raises(
        ValueError, match=r"xlabs.safetensors.*has 18 layers for an adapter; known are: 19 \(FLUX.1\), 57 \(FLUX.1\)"
    ):
        Adapter(checkpoint.read(path))
    path, _ = written(tmp_path, width=32)
    wide = Adapter(checkpoint.read(path))
    with pytest.raises(
        ValueError, match=r"width 32 in block 0, where the connected model \(Flux, double block 0\) has width 64"
    ):
        check_fits(wide.layers, flux.model)


def test_a_file_that_lacks_a_bias(tmp_path):
    import safetensors.torch

    path, tensors = written(tmp_path)
    del tensors["double_blocks.3.processor.ip_adapter_double_stream_v_proj.bias"]
    safetensors.torch.save_file(tensors, path)
    with pytest.raises(ValueError, match=r"its layer 7 needs a bias of \[64\] for its keys.*one is absent"):
        checkpoint.read(path)


def test_a_flux_model_cannot_be_trained_for(flux):
    from pack.attention.training.frozen import frozen

    with pytest.raises(ValueError, match="Connect a model of SD1.5, SDXL or Segmind Vega"):
        frozen(flux.model, "fp32")
