"""The shape files against what is published of the real ones: bytes, parameters, layers."""

import json
import math
from pathlib import Path

import pytest
import safetensors.torch
import torch

WIDTH = {"F16": 2, "BF16": 2, "F32": 4}
FILES = {path.stem: json.loads(path.read_text()) for path in sorted(Path(__file__).parent.glob("*.json"))}

BASE_15, PLUS_15, PLUS_XL = 3_150_336, 29_918_208, 82_961_664
ATTENTION_15, ATTENTION_XL = 19_169_280, 340_787_200
LORA_15, LORA_XL = 25_509_888, 185_794_560
FACE_RESAMPLER = 81_978_624

# Published parameters of the projection, of to_k_ip and to_v_ip, and of the inner LoRA.
PARAMETERS = {
    "ip-adapter_sd15": (BASE_15, ATTENTION_15, 0),
    "ip-adapter_sd15_light": (BASE_15, ATTENTION_15, 0),
    "ip-adapter_sd15_light_v11": (BASE_15, ATTENTION_15, 0),
    "ip-adapter_sd15_vit-G": (3_936_768, ATTENTION_15, 0),
    "ip-adapter-plus_sd15": (PLUS_15, ATTENTION_15, 0),
    "ip-adapter-plus-face_sd15": (PLUS_15, ATTENTION_15, 0),
    "ip-adapter-full-face_sd15": (2_625_024, ATTENTION_15, 0),
    "ip_plus_composition_sd15": (PLUS_15, ATTENTION_15, 0),
    "ip-adapter_sdxl": (10_498_048, ATTENTION_XL, 0),
    "ip-adapter_sdxl_vit-h": (8_400_896, ATTENTION_XL, 0),
    "noobIPAMARK1_mark1": (10_498_048, ATTENTION_XL, 0),
    "ip-adapter-plus_sdxl_vit-h": (PLUS_XL, ATTENTION_XL, 0),
    "ip-adapter-plus-face_sdxl_vit-h": (PLUS_XL, ATTENTION_XL, 0),
    "ip_plus_composition_sdxl": (PLUS_XL, ATTENTION_XL, 0),
    "instantid_ip-adapter": (FACE_RESAMPLER, ATTENTION_XL, 0),
    "ip-adapter-faceid_sd15": (3_675_648, ATTENTION_15, LORA_15),
    "ip-adapter-faceid-plus_sd15": (33_581_568, ATTENTION_15, LORA_15),
    "ip-adapter-faceid-plusv2_sd15": (33_581_568, ATTENTION_15, LORA_15),
    "ip-adapter-faceid-portrait_sd15": (13_122_048, ATTENTION_15, 0),
    "ip-adapter-faceid-portrait-v11_sd15": (13_122_048, ATTENTION_15, 0),
    "ip-adapter-faceid_sdxl": (8_926_208, ATTENTION_XL, LORA_XL),
    "ip-adapter-faceid-plusv2_sdxl": (217_125_888, ATTENTION_XL, LORA_XL),
    "ip-adapter-faceid-portrait_sdxl": (34_116_608, ATTENTION_XL, 0),
    "ip-adapter-faceid-portrait_sdxl_unnorm": (FACE_RESAMPLER, ATTENTION_XL, 0),
    "ip-adapter-faceid_sd15_lora": (0, 0, LORA_15),
    "ip-adapter-faceid_sdxl_lora": (0, 0, LORA_XL),
    "ip_adapter_plus_general": (165_765_120, ATTENTION_XL, 0),
    "ipa-faceid-plus": (852_116_480, ATTENTION_XL, 0),
    "pulid_v1": (54_886_400, ATTENTION_XL, 0),
    "ip-adapter_pulid_sdxl_fp16": (54_886_400, ATTENTION_XL, 0),
    "pulid_v1.1": (151_398_400, ATTENTION_XL, 0),
    "infiniteyou_image_proj_model": (84_595_968, 0, 0),
}
TRANSFORMERS = {
    "xlabs_flux_ip_adapter": 490_874_880,
    "xlabs_flux_ip_adapter_v2": 528_672_768,
    "instantx_flux_ip-adapter": 2_645_600_512,
    "instantx_sd35_ip-adapter": 797_925_888,
}
PROJECTIONS = ("image_proj.", "id_adapter.")


def count(shapes: dict) -> int:
    return sum(math.prod(shape) for shape in shapes.values())


def dtype_of(entry: dict, key: str) -> str:
    return entry["dtype"] if isinstance(entry["dtype"], str) else entry["dtype"][key.split(".")[0]]


def data_bytes(entry: dict) -> int:
    return sum(math.prod(shape) * WIDTH[dtype_of(entry, key)] for key, shape in entry["shapes"].items())


def safetensors_bytes(shapes: dict, dtype: str) -> int:
    """The size of a safetensors file of one dtype without metadata: length, header padded to 8, data."""
    header, offset = {}, 0
    for key, shape in sorted(shapes.items()):
        end = offset + math.prod(shape) * WIDTH[dtype]
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    return 8 + math.ceil(len(json.dumps(header, separators=(",", ":"))) / 8) * 8 + offset


def named(condition) -> list[str]:
    return [name for name, entry in FILES.items() if condition(entry)]


def test_the_table_and_the_folder_name_the_same_files():
    assert set(FILES) == set(PARAMETERS) | set(TRANSFORMERS)


def test_the_size_of_a_safetensors_file_is_computed_as_the_library_writes_it():
    shapes = {"image_proj.latents": [1, 16, 24], "ip_adapter.1.to_k_ip.weight": [3, 5], "a": [2]}
    tensors = {key: torch.zeros(shape, dtype=torch.float16) for key, shape in shapes.items()}
    assert safetensors_bytes(shapes, "F16") == len(safetensors.torch.save(tensors))


@pytest.mark.parametrize("name", named(lambda entry: entry["container"] == "safetensors" and entry["bytes"]))
def test_the_published_safetensors_size_is_met_to_the_byte(name):
    entry = FILES[name]
    computed = safetensors_bytes(entry["shapes"], entry["dtype"]) + entry.get("metadata_bytes", 0)
    assert computed == entry["bytes"]


@pytest.mark.parametrize("name", named(lambda entry: entry["container"] == "bin" and entry["bytes"]))
def test_the_published_pickle_is_the_data_and_a_few_bytes_for_each_tensor(name):
    entry = FILES[name]
    overhead = (entry["bytes"] - data_bytes(entry)) / len(entry["shapes"])
    assert 80 < overhead < 450  # torch's old format writes about 105 a tensor, its zip format about 370


@pytest.mark.parametrize("name", named(lambda entry: not entry["bytes"] and "about_bytes" in entry))
def test_a_size_published_in_round_numbers_is_met_to_one_percent(name):
    assert data_bytes(FILES[name]) == pytest.approx(FILES[name]["about_bytes"], rel=0.01)


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_parameters_of_each_part_are_the_published_number(name):
    shapes = FILES[name]["shapes"]
    projection = {key: shape for key, shape in shapes.items() if key.startswith(PROJECTIONS)}
    lora = {key: shape for key, shape in shapes.items() if "_lora." in key or ".lora_" in key}
    attention = {key: shape for key, shape in shapes.items() if key not in projection and key not in lora}
    assert (count(projection), count(attention), count(lora)) == PARAMETERS[name]
    assert sum(PARAMETERS[name]) == FILES[name]["parameters"]


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_the_parameters_of_transformer_adapters_are_the_published_number(name):
    assert count(FILES[name]["shapes"]) == FILES[name]["parameters"] == TRANSFORMERS[name]


@pytest.mark.parametrize(
    "name",
    named(lambda entry: entry["variant"] not in ("refused", "xlabs", "instantx", "instantx_sd35", "infinite_you")),
)
def test_every_cross_attention_layer_is_there_and_odd(name):
    entry = FILES[name]
    layers = sorted(
        int(key.split(".")[1]) for key in entry["shapes"] if key.endswith((".to_k_ip.weight", ".id_to_k.weight"))
    )
    total = 16 if entry["family"] == "sd15" else 70
    assert layers == [2 * place + 1 for place in range(total)]


@pytest.mark.parametrize(
    "name", named(lambda entry: entry["family"] in ("sdxl", "kolors") and entry["variant"] != "refused")
)
def test_the_middle_block_comes_last_in_the_numbering(name):
    widths = {
        int(key.split(".")[1]): shape[0]
        for key, shape in FILES[name]["shapes"].items()
        if key.endswith((".to_k_ip.weight", ".id_to_k.weight"))
    }
    assert [widths[place] for place in (1, 7, 9, 107, 109, 119, 121, 139)] == [
        640,
        640,
        1280,
        1280,
        640,
        640,
        1280,
        1280,
    ]


def test_only_keys_and_shapes_cannot_tell_the_face_pairs_apart():
    pairs = [
        ("ip-adapter-faceid-plus_sd15", "ip-adapter-faceid-plusv2_sd15"),
        ("instantid_ip-adapter", "ip-adapter-faceid-portrait_sdxl_unnorm"),
    ]
    for one, other in pairs:
        assert FILES[one]["shapes"] == FILES[other]["shapes"]
        assert FILES[one]["variant"] != FILES[other]["variant"]
        assert FILES[one]["bytes"] != FILES[other]["bytes"]
