"""Any header, any shapes: an adapter or a clear error that names the file, never anything else."""

import json
import struct

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pack.attention.adapter import checkpoint
from pack.attention.adapter.adapter import Adapter
from pack.attention.catalogue.installed import adapter_file
from pack.attention.reference.embeds_file import SUFFIX, load

lenient = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
dtypes = st.sampled_from(["F32", "F16", "BF16", "F64", "F8_E4M3", "F8_E5M2", "I64", "U8", "BOOL", "F4", "C64", "", 7])
names = st.sampled_from(
    ["image_proj.proj.weight", "image_proj.norm.weight", "image_proj.latents", "image_proj.proj_in.weight",
     "image_proj.layers.999999999.0.to_q.weight", "image_proj.proj.0.weight", "image_proj.proj.2.weight",
     "image_proj.perceiver_resampler.proj_in.weight", "ip_adapter.1.to_k_ip.weight", "ip_adapter.1.to_v_ip.weight",
     "ip_adapter.99999999999.to_k_ip.weight", "ip_adapter.0.to_q_lora.up.weight", "face", "penultimate", "__metadata__"]
) | st.text(max_size=12)  # fmt: skip
tensors = st.fixed_dictionaries(
    {
        "dtype": dtypes,
        "shape": st.lists(st.integers(-2, 2**66) | st.integers(0, 4), max_size=5),
        "data_offsets": st.lists(st.integers(-1, 70), min_size=2, max_size=2),
    }
)
headers = st.dictionaries(names, tensors | values, max_size=6)


def read_in_every_way(path):
    for read in (
        checkpoint.read,
        checkpoint.read_outline,
        lambda p: Adapter(checkpoint.read(p)),
        lambda p: adapter_file(p.name, p),
    ):
        try:
            read(path)
        except ValueError as error:
            assert path.name in str(error)


@lenient
@given(header=headers, data=st.binary(max_size=64), longer=st.integers(-3, 3))
def test_any_header_of_an_adapter(header, data, longer, tmp_path):
    path = tmp_path / "stranger.safetensors"
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", max(len(text) + longer, 0)) + text + data)
    read_in_every_way(path)


@lenient
@given(
    header=headers,
    said=st.dictionaries(st.sampled_from(["format", "features", "adapter", "pack"]), st.text(max_size=9) | values),
    data=st.binary(max_size=64),
)
def test_any_header_of_embeds(header, said, data, tmp_path):
    path = tmp_path / f"stranger{SUFFIX}"
    text = json.dumps({**header, "__metadata__": {"format": "likeness embeds 1", **said}}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    with pytest.raises(ValueError, match="stranger"):
        load(path)


shapes = st.lists(st.integers(0, 9), max_size=3)


@lenient
@given(
    changes=st.dictionaries(st.integers(0, 60), shapes, min_size=1, max_size=3),
    dropped=st.sets(st.integers(0, 60), max_size=1),
)
def test_any_shapes_in_a_whole_adapter(changes, dropped, faceid, tmp_path):
    """Every weight of a real adapter may be missing or have any shape: it is refused, or it is whole."""
    keys = [(part, key) for part, weights in faceid.items() for key in list(weights)[:31]]
    content = {part: dict(weights) for part, weights in faceid.items()}
    for number, shape in changes.items():
        part, key = keys[number % len(keys)]
        content[part][key] = torch.zeros(shape)
    for number in dropped:
        part, key = keys[number % len(keys)]
        del content[part][key]
    path = tmp_path / "stranger.bin"
    torch.save(content, path)
    with pytest.raises(ValueError, match="stranger"):
        Adapter(checkpoint.read(path))
    with pytest.raises(ValueError, match="stranger"):
        adapter_file(path.name, path)


@lenient
@given(flips=st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=4))
@pytest.mark.parametrize("suffix", [".safetensors", ".bin", ".pt"])
def test_any_bytes_changed_in_the_head(flips, suffix, small, tmp_path):
    content = bytearray(small(suffix))
    for place, value in flips:
        content[place % len(content)] = value
    path = tmp_path / f"stranger{suffix}"
    path.write_bytes(content)
    read_in_every_way(path)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The bytes of the smallest files that are sorted into parts, in every container."""
    import hostile

    content = {
        "image_proj": {"proj.weight": torch.ones(8, 2), "proj.bias": torch.ones(8), "norm.weight": torch.ones(2), "norm.bias": torch.ones(2)},
        "ip_adapter": {f"{i}.to_{kind}_ip.weight": torch.ones(2, 2) for i in range(1, 32, 2) for kind in "kv"},
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("small")
    hostile.write(content, folder / "a.safetensors")
    torch.save(content, folder / "a.bin")
    torch.save(content, folder / "a.pt", _use_new_zipfile_serialization=False)
    return lambda suffix: (folder / f"a{suffix}").read_bytes()
