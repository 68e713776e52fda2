"""The nodes around Apply IP-Adapter on a FLUX model."""

from types import SimpleNamespace

import pytest
import torch
from pack.attention.models.blocks import outlines
from pack.attention.sampling.attach import attachments
from pack.attention.weights.layer_presets import presets_of
from pack.nodes.forms.encode_reference import EncodeReference
from pack.nodes.forms.layer_weights import LayerWeightsNode
from pack.nodes.forms.load_ip_adapter import LoadIPAdapter
from pack.nodes.forms.scale_adapters import ScaleAdapters
from pack.nodes.forms.show_adapters import ShowAdapters


@pytest.fixture
def ran():
    """Runs a node through the host's own preparation: its outputs by name, and its text."""

    def run(node, **inputs):
        output = node.PREPARE_CLASS_CLONE({}).execute(**inputs)
        names = [socket.id or socket.io_type for socket in node.define_schema().outputs]
        ui = output.ui if isinstance(output.ui, dict) else output.ui.as_dict() if output.ui else {}
        return SimpleNamespace(**dict(zip(names, output.args, strict=True)), text=ui.get("text", [""])[0])

    return run


@pytest.mark.parametrize(("variant", "tokens"), [("base", 4), ("plus", 16)])
def test_a_file_is_known_by_its_keys(variant, tokens, ran, tmp_path, monkeypatch, picture):
    from miniature import flux
    from miniature.models import clip_vision
    from pack.nodes.files import folders

    folders.register()
    path = tmp_path / "any name.safetensors"
    flux.write_adapter(variant, 7, path)
    monkeypatch.setattr(folders, "adapter_path", lambda name: str(path))
    loaded = ran(LoadIPAdapter, file=path.name, clip_vision=clip_vision("vit_l", 3))
    assert loaded.text.startswith("XLabs IP-Adapter for FLUX.1, known by its keys and shapes")
    encoded = ran(EncodeReference, adapter=loaded.adapter, image=picture(1))
    assert loaded.adapter.adapter.tokens(encoded.embeds).shape == (1, tokens, 48)
    assert not torch.equal(
        encoded.negative_embeds.feature("image_embeds"), torch.zeros_like(encoded.embeds.feature("image_embeds"))
    )


def test_saved_embeds_do_without_the_encoder(flux, load, apply, ksample, picture):
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
    from pack.nodes.wires import LoadedAdapter

    loaded = load("flux")
    both = EncodeReference.execute(loaded, picture(1)).args
    alone = LoadedAdapter(loaded.adapter)
    made = ApplyIPAdapter.execute(flux.model, alone, embeds=both[0], negative_embeds=both[1]).args[0]
    assert torch.equal(ksample(flux, made), ksample(flux, apply(flux.model, "flux")))
    with pytest.raises(ValueError, match="needs its image encoder for the unconditional half.*'negative_embeds'"):
        ApplyIPAdapter.execute(flux.model, alone, embeds=both[0])


def test_layer_weights_number_the_double_blocks(flux, apply, ran, ksample):
    layers = ran(LayerWeightsNode, family="flux", weights="0:1, 18:0.5, !3:1").layers
    assert layers.by_block["double", 18, 0] == 0.5 and layers.swapped_blocks == {("double", 3, 0)}
    assert [outline.place for outline in outlines("flux")] == [f"double {i}" for i in range(19)]
    assert presets_of("flux") == ("linear", "ease in", "ease out", "ease in-out", "reverse in-out")
    with pytest.raises(ValueError, match="'style' has no meaning for FLUX.1"):
        apply(flux.model, "flux", layer_preset="style")
    assert not torch.equal(ksample(flux, apply(flux.model, "flux", layers=layers)), ksample(flux))


def test_what_acts_is_shown_and_scaled(flux, apply, ran, ksample):
    steered = apply(flux.model, "flux", weight=0.8, start_percent=0.4)
    assert "19 of 19 blocks, 2 of 4 steps" in ran(ShowAdapters, model=steered, steps=4, scheduler="simple").text
    off = ran(ScaleAdapters, model=steered, factor=0.0)
    assert torch.equal(ksample(flux, off.MODEL), ksample(flux))
    half = ran(ScaleAdapters, model=apply(flux.model, "flux", weight=0.8), factor=0.5)
    assert attachments(half.MODEL)[0].scale == 0.4
    assert torch.equal(ksample(flux, half.MODEL), ksample(flux, apply(flux.model, "flux", weight=0.4)))
