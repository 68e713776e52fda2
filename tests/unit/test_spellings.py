"""What training scripts and conversions leave is read to the very weights of the published form, or said."""

import json
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch
from miniature import adapters
from pack.attention.adapter import checkpoint

FAMILIES = ("sd15", "sdxl")


@pytest.fixture(scope="module", params=FAMILIES)
def plain(request):
    return adapters.adapter_state_dict(request.param, "faceid", 5)


@pytest.fixture(scope="module")
def small():
    return adapters.adapter_state_dict("sd15", "base", 5)


def processors(plain, start="", middle=".processor."):
    """The attention part under diffusers' names; of SDXL's layout where there are 70 cross-attentions."""
    is_sdxl = "139.to_k_ip.weight" in plain["ip_adapter"]
    down = [(1, 2, 2), (2, 2, 10)] if is_sdxl else [(x, 2, 1) for x in range(3)]
    up = [(0, 3, 10), (1, 3, 2)] if is_sdxl else [(x, 3, 1) for x in (1, 2, 3)]
    blocks = [
        f"{side}_blocks.{x}.attentions.{y}.transformer_blocks.{t}"
        for side, levels in (("down", down), ("up", up))
        for x, count, depth in levels
        for y in range(count)
        for t in range(depth)
    ] + [f"mid_block.attentions.0.transformer_blocks.{t}" for t in range(10 if is_sdxl else 1)]
    named = {}
    for key, tensor in plain["ip_adapter"].items():
        index, _, weight = key.partition(".")
        named[f"{start}{blocks[int(index) // 2]}.attn{1 + int(index) % 2}{middle}{weight}"] = tensor
    # As diffusers' own modules list them: down, mid, up.
    order = {"down": 0, "mid": 1, "up_b": 2}
    return dict(sorted(named.items(), key=lambda pair: order[pair[0].removeprefix(start)[:4].rstrip("_")]))


def unet():
    return {"unet.conv_in.weight": torch.ones(4, 4, 3, 3), "unet.mid_block.attentions.0.norm.weight": torch.ones(8)}


def projection(plain, name="image_proj_model"):
    return {f"{name}.{key}": tensor for key, tensor in plain["image_proj"].items()}


def listed(plain, name="adapter_modules"):
    return {f"{name}.{key}": tensor for key, tensor in plain["ip_adapter"].items()}


def wrapped(tensors):
    return {f"module.{key}": tensor for key, tensor in tensors.items()}


FORMS = {
    "training script": lambda p: projection(p) | listed(p),
    "training script, converted by half": lambda p: projection(p) | listed(p, "ip_adapter"),
    "beside the UNet": lambda p: unet() | projection(p) | listed(p),
    "several GPUs": lambda p: wrapped(unet() | projection(p) | listed(p)),
    "several GPUs, compiled": lambda p: {
        f"module._orig_mod.{key}": t for key, t in (projection(p) | listed(p)).items()
    },
    "accelerate's safetensors": lambda p: unet() | processors(p, "unet.") | projection(p),
    "accelerate's safetensors of several GPUs": lambda p: wrapped(unet() | processors(p, "unet.") | projection(p)),
    "the authors' second conversion": lambda p: projection(p, "image_proj") | processors(p, "ip_adapter."),
    "diffusers' processors": lambda p: projection(p, "image_proj") | processors(p),
    "diffusers' processors in a list": lambda p: (
        projection(p, "image_proj") | {key.replace(".weight", ".0.weight"): t for key, t in processors(p).items()}
    ),
    "counters as tensors": lambda p: (
        projection(p) | listed(p) | {"global_step": torch.tensor(7), "epoch": torch.ones(1)}
    ),
}


def same(read, plain):
    assert read.projection.keys() == plain["image_proj"].keys()
    assert all(torch.equal(read.projection[key], tensor) for key, tensor in plain["image_proj"].items())
    pairs = {f"{i}.to_k_ip.weight": t for i, t in read.keys.items()}
    pairs |= {f"{i}.to_v_ip.weight": t for i, t in read.values.items()}
    pairs |= {f"{i}.to_{part}_lora.{half}.weight": t for (i, part, half), t in read.lora.items()}
    assert pairs.keys() == plain["ip_adapter"].keys()
    assert all(torch.equal(tensor, plain["ip_adapter"][key]) for key, tensor in pairs.items())


def outlined(path):
    """The outline says the same names and shapes."""
    read, outline = checkpoint.read(path), checkpoint.read_outline(path)
    for part in ("projection", "keys", "values", "lora"):
        both = [{k: (t.shape, t.dtype) for k, t in getattr(each, part).items()} for each in (read, outline)]
        assert both[0] == both[1]
    return read


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_to_the_same_weights(form, suffix, plain, tmp_path):
    path = tmp_path / f"model{suffix}"
    content = FORMS[form](plain)
    if suffix == ".bin":
        torch.save(content, path)
    else:
        safetensors.torch.save_file({key: tensor.clone() for key, tensor in content.items()}, path)
    same(outlined(path), plain)


def test_the_processors_of_a_torch_file_are_the_list_under_another_name(small, tmp_path):
    """accelerate's pytorch_model.bin has every weight once and names it twice: together more than the file is long."""
    path = tmp_path / "pytorch_model.bin"
    torch.save(processors(small, "unet.") | projection(small) | listed(small), path)
    assert path.stat().st_size < 2 * sum(tensor.nbytes for tensor in small["ip_adapter"].values())
    same(outlined(path), small)


LEFTOVERS = {
    "counters": {"step": 100, "epoch": 3, "global_step": 5, "best_loss": 0.5, "comment": "mine", "nothing": None},
    "an optimizer": {
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3), "deep": {"er": {"still": 1}}}}, "lr": [1e-4]}
    },
    "what Lightning keeps": {"lr_schedulers": [{"last": 1}], "callbacks": {}, "hparams": {"width": 3}},
}


@pytest.mark.parametrize("case", LEFTOVERS)
def test_what_training_keeps_beside_the_parts_is_left_out(case, small, tmp_path):
    path = tmp_path / "checkpoint.bin"
    torch.save({**small, **LEFTOVERS[case]}, path)
    same(outlined(path), small)


@pytest.mark.parametrize("read", [checkpoint.read, checkpoint.read_outline])
def test_an_empty_part_says_which_file_to_use(read, small, tmp_path):
    path = tmp_path / "ip_adapter.bin"
    torch.save({"image_proj": small["image_proj"], "ip_adapter": {}}, path)
    with pytest.raises(
        ValueError, match="no 'ip_adapter' part: .* Put that model.safetensors itself into models/ipadapter"
    ):
        read(path)


def test_a_processor_of_no_known_kind_is_not_taken_for_the_base_model(small, tmp_path):
    path = tmp_path / "odd.bin"
    odd = {"unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_q_ip.weight": torch.ones(2, 2)}
    torch.save(projection(small) | listed(small) | odd, path)
    with pytest.raises(ValueError, match="no known adapter has: 'unet.mid_block"):
        checkpoint.read(path)


def stored(weight, dtype, rows):
    """A weight as `dtype` and its scale, and what they stand for."""
    largest = 127 if dtype == torch.int8 else torch.finfo(dtype).max
    scale = weight.abs().amax(1, keepdim=True) / largest if rows else weight.abs().max() / largest
    numbers = (weight / scale).round().to(dtype) if dtype == torch.int8 else (weight / scale).to(dtype)
    return SimpleNamespace(numbers=numbers, scale=scale, meant=numbers.float() * scale)


def quantised(small, dtype, scale, rows, also=None):
    """A flat file whose matrices are quantised, and the plain adapter that it stands for."""
    flat, meant = {}, {part: dict(tensors) for part, tensors in small.items()}
    for part, tensors in small.items():
        for key, tensor in tensors.items():
            if tensor.ndim < 2:
                flat[f"{part}.{key}"] = tensor
                continue
            each = stored(tensor, dtype, rows)
            stem = f"{part}.{key.removesuffix('.weight')}"
            flat |= {f"{stem}.weight": each.numbers, f"{stem}.{scale}": each.scale}
            flat |= {f"{stem}.{name}": content.clone() for name, content in (also or {}).items()}
            meant[part][key] = each.meant
    return flat, meant


def described(**said):
    return torch.tensor(list(json.dumps(said).encode()), dtype=torch.uint8)


QUANTISED = {
    "scaled fp8": (torch.float8_e4m3fn, "scale_weight", False, {"scale_input": torch.tensor(1.0)}),
    "scaled fp8 of the other kind": (torch.float8_e5m2, "scale_weight", False, {}),
    "fp8 as ComfyUI writes it today": (
        torch.float8_e4m3fn,
        "weight_scale",
        False,
        {"comfy_quant": described(format="float8_e4m3fn")},
    ),
    "int8": (torch.int8, "weight_scale", False, {"comfy_quant": described(format="int8_tensorwise")}),
    "int8 by rows": (torch.int8, "weight_scale", True, {}),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("case", QUANTISED)
def test_scaled_weights_are_the_numbers_they_stand_for(case, suffix, small, tmp_path):
    flat, meant = quantised(small, *QUANTISED[case])
    if case == "scaled fp8":
        flat["scaled_fp8"] = torch.empty(0, dtype=torch.float8_e4m3fn)
    path = tmp_path / f"small{suffix}"
    (torch.save if suffix == ".bin" else safetensors.torch.save_file)(flat, path)
    same(outlined(path), meant)
    worst = max((meant[p][k] - t).abs().max() for p, tensors in small.items() for k, t in tensors.items())
    assert 0 < worst < 0.2  # it is quantised, and it is that adapter


def test_scaled_processors_of_a_training_file_are_read_too(small, tmp_path):
    flat, meant = quantised(small, torch.float8_e4m3fn, "scale_weight", False)
    part = {key.removeprefix("ip_adapter."): t for key, t in flat.items() if key.startswith("ip_adapter.")}
    named = processors({"ip_adapter": part}, "unet.")
    rest = {f"image_proj_model.{key.removeprefix('image_proj.')}": t for key, t in flat.items() if "image_proj." in key}
    path = tmp_path / "small.safetensors"
    safetensors.torch.save_file(named | rest, path)
    same(outlined(path), meant)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ip_adapter.1.to_k_ip.weight_scale": None}, "of type torch.int8; .* with a scale beside"),
        ({"ip_adapter.1.to_k_ip.weight_scale": torch.ones(3)}, r"has a scale of shape \[3\]"),
        (
            {"ip_adapter.1.to_k_ip.comfy_quant": described(format="nvfp4")},
            "is quantised as nvfp4; .* Use the file it was",
        ),
        ({"ip_adapter.1.to_k_ip.comfy_quant": described(format="int8_tensorwise", convrot=True)}, "with rotation"),
        ({"ip_adapter.1.to_k_ip.comfy_quant": torch.tensor([3], dtype=torch.uint8)}, "description .* is damaged"),
    ],
)
def test_other_quantised_weights_are_said(change, reason, small, tmp_path):
    flat, _ = quantised(small, torch.int8, "weight_scale", False)
    flat = {key: tensor for key, tensor in (flat | change).items() if tensor is not None}
    path = tmp_path / "small.safetensors"
    safetensors.torch.save_file(flat, path)
    with pytest.raises(ValueError, match=f"'small.safetensors' cannot be used as an IP-Adapter: .*{reason}"):
        checkpoint.read(path)
