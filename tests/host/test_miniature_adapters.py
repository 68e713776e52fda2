"""The miniature adapters have the published keys and fit the miniature models they are for."""

import pytest

pytest.importorskip("comfy", reason="needs ComfyUI: set LIKENESS_COMFYUI")

import safetensors.torch
import torch
from miniature import adapters, make_adapters, models
from miniature.families import ENCODERS, FAMILIES

# (side, block, layers) in checkpoint order, from the published layouts.
STAGES = {
    "sd15": [
        *(("input", block, 1) for block in (1, 2, 4, 5, 7, 8)),
        *(("output", block, 1) for block in range(3, 12)),
        ("middle", 0, 1),
    ],
    "sdxl": [
        *(("input", block, layers) for block, layers in ((4, 2), (5, 2), (7, 10), (8, 10))),
        *(("output", block, 10 if block < 3 else 2) for block in range(6)),
        ("middle", 0, 10),
    ],
}
COUNTS = {"sd15": 16, "sdxl": 70}
families = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(scope="module")
def blocks():
    """The transformer blocks of a built base model, by family, in checkpoint order."""

    def of(network, side, block):
        stage = network.middle_block if side == "middle" else getattr(network, f"{side}_blocks")[block]
        return list(adapters.transformer_blocks(stage))

    found = {}
    for family, stages in STAGES.items():
        network = models.unet(family, 1).model.diffusion_model
        found[family] = [layer for side, block, _ in stages for layer in of(network, side, block)]
    return found


@families
@pytest.mark.parametrize("variant", adapters.VARIANTS)
def test_an_adapter_fits_the_cross_attentions_of_its_base_model(family, variant, blocks):
    branch = adapters.adapter_state_dict(family, variant, 11)["ip_adapter"]
    context = FAMILIES[family].context_dim
    assert len(blocks[family]) == COUNTS[family]
    for n, block in enumerate(blocks[family]):
        rows = block.attn2.to_q.weight.shape[0]
        for name in ("to_k_ip", "to_v_ip"):
            assert branch[f"{2 * n + 1}.{name}.weight"].shape == (rows, context)
    assert sum(key.endswith("_ip.weight") for key in branch) == 2 * COUNTS[family]


@families
def test_the_lora_of_an_adapter_fits_every_attention(family, blocks):
    branch = adapters.adapter_state_dict(family, "faceid", 11)["ip_adapter"]
    without = adapters.adapter_state_dict(family, "faceid", 11, lora=False)["ip_adapter"]
    assert {key for key in branch if "lora" in key} == branch.keys() - without.keys()
    assert len(branch.keys() - without.keys()) == 2 * COUNTS[family] * 4 * 2
    context = FAMILIES[family].context_dim
    for n, block in enumerate(blocks[family]):
        width = block.attn2.to_q.weight.shape[0]
        for index, reads in ((2 * n, width), (2 * n + 1, context)):
            assert branch[f"{index}.to_v_lora.down.weight"].shape == (adapters.LORA_RANK, reads)
            assert branch[f"{index}.to_out_lora.up.weight"].shape == (width, adapters.LORA_RANK)


PUBLISHED_LIKE = {  # keys of the projection that tell the variants apart, and the width they read on sd15
    "base": ("proj.weight", 64),
    "plus": ("proj_in.weight", 80),
    "full_face": ("proj.0.weight", 80),
    "faceid": ("proj.0.weight", 512),
    "faceid_plus": ("perceiver_resampler.proj_in.weight", 80),
    "portrait": ("proj.0.weight", 512),
    "instantid": ("proj_in.weight", 512),
    "unnorm": ("proj_in.weight", 512),
    "pulid": ("mapping_0.0.weight", 80),
}


@pytest.mark.parametrize("variant", adapters.VARIANTS)
def test_an_adapter_reads_the_width_of_its_encoder(variant):
    key, width = PUBLISHED_LIKE[variant]
    assert adapters.adapter_state_dict("sd15", variant, 11)["image_proj"][key].shape[1] == width


def test_a_standard_sdxl_adapter_reads_the_big_encoder_unless_asked_otherwise():
    def read(**choice):
        return adapters.adapter_state_dict("sdxl", "base", 11, **choice)["image_proj"]["proj.weight"].shape[1]

    assert (read(), read(encoder="vit_h")) == (ENCODERS["vit_bigg"].projection, ENCODERS["vit_h"].projection)


def test_both_file_forms_hold_the_same_tensors(tmp_path):
    checkpoint = adapters.adapter_state_dict("sd15", "plus", 11)
    adapters.write_safetensors(checkpoint, tmp_path / "a.safetensors")
    adapters.write_bin(checkpoint, tmp_path / "a.bin")
    loaded = safetensors.torch.load_file(tmp_path / "a.safetensors")
    nested = torch.load(tmp_path / "a.bin", weights_only=True)
    assert loaded.keys() == adapters.flat(nested).keys()
    assert all(torch.equal(loaded[key], tensor) for key, tensor in adapters.flat(nested).items())


def test_make_adapters_writes_once_and_repairs_what_is_broken(tmp_path):
    assert all(make_adapters.write(tmp_path).values())
    folder = tmp_path / "ipadapter" / "miniature"
    files = sorted(folder.iterdir())
    expected = ["sd15_base", "sd15_plus", "sdxl_base", "sdxl_instantid", "sdxl_plus", "world_base"]
    assert [file.name for file in files] == [f"{name}.safetensors" for name in expected]
    files[0].write_bytes(files[0].read_bytes()[:1000])
    assert [path for path, changed in make_adapters.write(tmp_path).items() if changed] == files[:1]
    stored = safetensors.torch.load_file(files[4])
    made = adapters.flat(adapters.adapter_state_dict("sdxl", "plus", 11))
    assert stored.keys() == made.keys()
    assert all(torch.equal(stored[key], made[key]) for key in made)
