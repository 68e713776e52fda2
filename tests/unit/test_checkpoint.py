"""Every container of an adapter is read to the same canonical form."""

import pytest
import safetensors.torch
import torch
from miniature import adapters
from pack.attention.adapter import checkpoint
from pack.attention.adapter.conditions import LAYER, has, lacks, other_size, size, tokens_made
from pack.attention.adapter.identify import identify
from pack.attention.adapter.variants import variants_of


@pytest.fixture(scope="module")
def nested():
    return adapters.adapter_state_dict("sd15", "faceid", 5)


def layers_of_sd15():
    return adapters.adapter_state_dict("sd15", "base", 5)["ip_adapter"]


def renamed(nested, part):
    return {"image_proj": nested["image_proj"], part: nested["ip_adapter"]}


def save_flat(content, path, **options):
    safetensors.torch.save_file(
        {key: tensor.contiguous() for key, tensor in adapters.flat(content).items()}, path, **options
    )


def half_of_it(nested):
    return {"image_proj": nested["image_proj"], "ip_adapter": {k: t.half() for k, t in nested["ip_adapter"].items()}}


CONTAINERS = {
    "flat.safetensors": lambda nested, path: save_flat(nested, path),
    "metadata.safetensors": lambda nested, path: save_flat(nested, path, metadata={"format": "pt", "note": "x" * 500}),
    "converted.safetensors": lambda nested, path: save_flat(renamed(nested, "adapter_modules"), path),
    "nested.bin": lambda nested, path: torch.save(nested, path),
    "old format.bin": lambda nested, path: torch.save(nested, path, _use_new_zipfile_serialization=False),
    "kolors naming.bin": lambda nested, path: torch.save(renamed(nested, "adapter_modules"), path),
    "flat.pt": lambda nested, path: torch.save(adapters.flat(nested), path),
    "wrapped.ckpt": lambda nested, path: torch.save({"state_dict": nested, "step": 5}, path),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_same_adapter_comes_out_of_every_container(name, nested, tmp_path):
    path = tmp_path / name
    CONTAINERS[name](nested, path)
    read, outlined = checkpoint.read(path), checkpoint.read_outline(path)
    assert (read.path, read.size, read.num_layers, read.context_dim) == (path, path.stat().st_size, 16, 64)
    assert read.projection.keys() == nested["image_proj"].keys()
    for key, tensor in nested["image_proj"].items():
        torch.testing.assert_close(read.projection[key], tensor, rtol=0, atol=0)
    for index, tensor in read.keys.items():
        torch.testing.assert_close(tensor, nested["ip_adapter"][f"{index}.to_k_ip.weight"], rtol=0, atol=0)
        torch.testing.assert_close(read.values[index], nested["ip_adapter"][f"{index}.to_v_ip.weight"], rtol=0, atol=0)
    assert len(read.lora) == 32 * 4 * 2
    torch.testing.assert_close(
        read.lora[2, "out", "up"], nested["ip_adapter"]["2.to_out_lora.up.weight"], rtol=0, atol=0
    )
    for part in ("projection", "keys", "values", "lora"):
        of_file, of_outline = getattr(read, part), getattr(outlined, part)
        assert {k: (t.shape, t.dtype) for k, t in of_file.items()} == {
            k: (t.shape, t.dtype) for k, t in of_outline.items()
        }
        assert all(tensor.is_meta for tensor in of_outline.values())


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
def test_types_may_differ_within_a_file(suffix, nested, tmp_path):
    path = tmp_path / f"mixed{suffix}"
    (save_flat if suffix == ".safetensors" else torch.save)(half_of_it(nested), path)
    read = checkpoint.read(path)
    assert {tensor.dtype for tensor in read.projection.values()} == {torch.float32}
    assert {tensor.dtype for tensor in (*read.keys.values(), *read.lora.values())} == {torch.float16}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c["ip_adapter"].pop("1.to_v_ip.weight"), "one to_k_ip and one to_v_ip for every layer"),
        (lambda c: c["ip_adapter"].pop("1.to_k_ip.weight"), "layers are numbered"),
        (lambda c: c["ip_adapter"].update({"1.to_q_ip.weight": torch.zeros(2, 2)}), "that no known adapter has"),
        (lambda c: c.update({"decoder": {"weight": torch.zeros(2)}}), "'decoder.weight'"),
        (lambda c: c.update({"image_proj_model": {k: t.clone() for k, t in c["image_proj"].items()}}), "twice"),
        (lambda c: c.update({"image_proj": {}}), "no 'image_proj' part"),
        (lambda c: c.update({"ip_adapter": {}}), "no 'ip_adapter' part"),
        (lambda c: c["image_proj"].update({"name": "x"}), "'image_proj.name' is a str"),
        (lambda c: c["ip_adapter"].update({"3.to_k_ip.weight": torch.zeros(32, 9)}), "layer 3"),
    ],
)
@pytest.mark.parametrize("read", [checkpoint.read, checkpoint.read_outline])
def test_what_is_wrong_with_a_file_is_said(change, reason, read, nested, tmp_path):
    content = {part: dict(tensors) for part, tensors in nested.items()}
    change(content)
    path = tmp_path / "odd.bin"
    torch.save(content, path)
    with pytest.raises(ValueError, match="'odd.bin' cannot be used as an IP-Adapter") as caught:
        read(path)
    assert reason in str(caught.value)


def test_a_projection_of_no_known_kind_is_told_what_each_kind_would_need(tmp_path):
    content = {"image_proj": {"proj.weight": torch.ones(4, 4)}, "ip_adapter": layers_of_sd15()}
    torch.save(content, tmp_path / "odd.bin")
    with pytest.raises(ValueError, match="no known kind") as caught:
        identify(checkpoint.read(tmp_path / "odd.bin"))
    assert (
        "It would need: proj.weight and norm.weight (IP-Adapter, XLabs IP-Adapter); proj.0.weight and proj.3.weight"
        in str(caught.value)
    )
    assert "latents and proj_in.weight (IP-Adapter plus, Kolors IP-Adapter plus" in str(caught.value)


@pytest.mark.parametrize(
    ("reads", "attention", "variant"),
    [(1664, 2048, "plus"), (1024, 2048, "plus"), (1664, 768, "plus"), (1024, 768, "kolors_plus")],
)
def test_a_resampler_of_kolors_width_is_kolors_only_with_all_its_numbers(reads, attention, variant):
    """People train resamplers as wide as SDXL's layers read, on other encoders too."""
    shapes = {
        "latents": (1, 16, 2048),
        "proj_in.weight": (2048, reads),
        "layers.0.0.to_q.weight": (attention, 2048),
        LAYER: (640, 2048),
    }
    assert [found.name for found in variants_of(shapes)] == [variant]


def test_a_condition_is_named_by_what_it_asks_for():
    shapes = {"latents": (1, 16, 2048), "proj.2.weight": (64, 8), "norm.weight": (16,)}
    asked = [
        (has("latents", "proj"), "latents and proj", False),
        (lacks("latents", "proj"), "no latents or proj", False),
        (size("latents", 2, 2048), "latents with 2048 in dimension 2", True),
        (size("latents", 3, 2048), "latents with 2048 in dimension 3", False),
        (other_size("latents", 2, 2048), "latents with a size other than 2048 in dimension 2", False),
        (tokens_made(4), "4 tokens", True),
    ]
    for condition, words, holds in asked:
        assert (str(condition), condition.holds(shapes)) == (words, holds)


@pytest.mark.parametrize("content", [[torch.zeros(1)], torch.zeros(3), {"image_proj": torch.zeros(1)}, {}])
@pytest.mark.parametrize("read", [checkpoint.read, checkpoint.read_outline])
def test_files_without_named_parts_are_refused(content, read, tmp_path):
    path = tmp_path / "other.bin"
    torch.save(content, path)
    with pytest.raises(ValueError, match="'other.bin' cannot be used as an IP-Adapter"):
        read(path)


def test_the_fingerprint_follows_the_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    first = checkpoint.fingerprint(path)
    assert checkpoint.fingerprint(path) == first
    path.write_bytes(b"three")
    assert checkpoint.fingerprint(path) != first
