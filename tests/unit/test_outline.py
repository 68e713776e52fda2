"""Files are known from their heads alone, and no pickle runs."""

import os
import pickle

import pytest
import safetensors.torch
import torch
from miniature import sparse
from pack.attention.adapter import checkpoint
from pack.attention.catalogue.installed import adapter_file
from pack.attention.files import header

STEMS = sorted(path.stem for path in sparse.SHAPES.glob("*.json"))
ADAPTERS = [stem for stem in STEMS if sparse.entry(stem)["variant"] != "refused"]
LOOK_ALIKES = ("faceid_plus", "faceid_plus_v2", "instantid", "portrait_unnorm")
REFUSED = {
    "ip-adapter-faceid_sd15_lora": "LoRA",
    "ip-adapter-faceid_sdxl_lora": "LoRA",
}


@pytest.mark.parametrize("stem", ADAPTERS)
def test_every_published_adapter_is_recognised_from_its_head(stem, tmp_path):
    entry = sparse.entry(stem)
    path = sparse.write(stem, tmp_path)
    assert entry["bytes"] is None or path.stat().st_size == entry["bytes"]
    file = adapter_file(path.name, path)
    assert entry["variant"] in [variant.name for variant in file.variants]
    assert len(file.variants) == (2 if entry["variant"] in LOOK_ALIKES else 1)
    assert file.family.name == {"kolors": "sdxl"}.get(entry["family"], entry["family"])
    read = {key: list(tensor.shape) for key, tensor in file.outline.projection.items()}
    assert read == sparse.projection_of(entry)


def test_the_table_of_refusals_is_complete():
    assert set(REFUSED) == set(STEMS) - set(ADAPTERS)


@pytest.mark.parametrize("stem", REFUSED)
def test_foreign_adapters_are_refused_by_what_they_are(stem, tmp_path):
    path = sparse.write(stem, tmp_path, size=None)
    with pytest.raises(ValueError, match=REFUSED[stem]) as caught:
        checkpoint.read_outline(path)
    assert path.name in str(caught.value) and "Load an IP-Adapter, FaceID or InstantID file" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("vision_model.embeddings.class_embedding", "image encoder"),
        ("visual.class_embedding", "image encoder"),
        ("model.diffusion_model.input_blocks.0.0.weight", "model checkpoint"),
        ("controlnet_cond_embedding.conv_in.weight", "ControlNet"),
        ("control_model.input_hint_block.0.weight", "ControlNet"),
        ("input_hint_block.0.weight", "ControlNet"),
        ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "LoRA"),
        ("pulid_ca.0.norm1.weight", "PuLID file for FLUX"),
        ("double_blocks.0.img_attn.qkv.weight", "FLUX model"),
        ("blocks.0.ip_k_proj.weight", "IP-Adapter for Anima, which is not supported"),
        ("controlnet_x_embedder.weight", "ControlNet for FLUX"),
        ("joint_blocks.0.x_block.attn.qkv.weight", "SD3 model"),
        ("style_image_proj_modules.0.proj.weight", "StyleShot file"),
        ("style_image_proj.latents", "CSGO file"),
        ("ms_adapter.1.to_k_ip.weight", "MS-Diffusion file"),
        ("FacialEncoder.visual.weight", "ConsistentID file"),
        ("faceid_proj.proj.0.weight", "UniPortrait file"),
        ("image_proj.proj_new_input.weight", "IP-Adapter-Instruct file"),
        ("id_encoder.visual_projection.weight", "PhotoMaker file"),
        ("adapter.body.0.resnets.0.block1.weight", "T2I-Adapter"),
        ("body.0.block1.weight", "T2I-Adapter"),
    ],
)
def test_other_model_files_are_refused_by_what_they_are(key, what, tmp_path):
    path = tmp_path / "foreign.safetensors"
    safetensors.torch.save_file({key: torch.zeros(4)}, path)
    for read in (checkpoint.read, checkpoint.read_outline):
        with pytest.raises(
            ValueError, match=f"'foreign.safetensors' cannot be used as an IP-Adapter: it is an? {what}"
        ):
            read(path)


@pytest.mark.parametrize(("width", "is_all"), [(4096, True), (2048, False)])
def test_a_projection_of_faces_is_all_of_its_file_unless_it_is_as_wide_as_a_unets_text(width, is_all, tmp_path):
    """The host opens a pickle of one part as what is in it."""
    path = tmp_path / "image_proj_model.bin"
    shapes = {
        "latents": (1, 8, 64),
        "proj_in.weight": (64, 512),
        "norm_out.weight": (width,),
        "proj_out.bias": (width,),
    }
    shapes["proj_out.weight"] = (width, 64)
    torch.save({"image_proj": {name: torch.zeros(shape) for name, shape in shapes.items()}}, path)
    for read in (checkpoint.read, checkpoint.read_outline):
        if is_all:
            found = read(path)
            assert (found.num_layers, found.context_dim, found.token_width) == (0, 4096, 4096)
            assert set(found.projection) == set(shapes)
        else:
            with pytest.raises(ValueError, match="it has no 'ip_adapter' part: the weights of its layers are missing"):
                read(path)


def test_a_conversion_of_pulid_is_read_as_the_authors_file(tmp_path):
    theirs, converted = (
        checkpoint.read_outline(sparse.write(stem, tmp_path, size=None))
        for stem in ("pulid_v1", "ip-adapter_pulid_sdxl_fp16")
    )
    assert converted.projection_shapes == theirs.projection_shapes and converted.layer_shapes == theirs.layer_shapes


def test_a_file_in_diffusers_own_names_says_which_to_use(tmp_path):
    path = tmp_path / "art.safetensors"
    content = {"encoder_hid_proj.image_projection_layers.0.image_embeds.weight": torch.zeros(8, 768)}
    safetensors.torch.save_file(content, path)
    with pytest.raises(ValueError, match="IP-Adapter-Art, .*use the file that was loaded into it"):
        checkpoint.read(path)


@pytest.mark.skipif(not os.path.exists("/proc/self/io"), reason="counts the bytes that Linux read")
@pytest.mark.parametrize("name", ["new.bin", "old.bin", "file.safetensors"])
def test_only_the_head_of_a_large_file_is_read(name, tmp_path):
    path = tmp_path / name
    content = {"image_proj": {"a": torch.zeros(1 << 24)}, "ip_adapter": {"b": torch.zeros(8)}}
    if name == "file.safetensors":
        safetensors.torch.save_file({"a": torch.zeros(1 << 24)}, path)
    else:
        torch.save(content, path, _use_new_zipfile_serialization=name == "new.bin")

    def bytes_read():
        return int(next(line for line in open("/proc/self/io") if line.startswith("rchar")).split()[1])

    before = bytes_read()
    header.tensors(path)
    assert bytes_read() - before < 1 << 20 < path.stat().st_size


@pytest.mark.parametrize("zipped", [True, False])
def test_an_outline_is_what_loading_gives(zipped, tmp_path):
    path = tmp_path / "some.bin"
    content = {
        "image_proj": {"half": torch.zeros(3, 2, dtype=torch.float16), "whole": torch.nn.Parameter(torch.zeros(5))},
        "ip_adapter": {"b": torch.zeros(2, 3).T, "c": torch.zeros((), dtype=torch.bfloat16)},
    }
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    loaded, outlined = torch.load(path, weights_only=True), header.tensors(path)
    assert {part: list(tensors) for part, tensors in loaded.items()} == {p: list(t) for p, t in outlined.items()}
    for part, tensors in loaded.items():
        for key, tensor in tensors.items():
            found = outlined[part][key]
            assert (found.shape, found.dtype, found.device.type) == (tensor.shape, tensor.dtype, "meta")


def test_a_replaced_file_is_looked_at_again_and_the_same_one_is_not(tmp_path, monkeypatch):
    path = tmp_path / "some.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(2)}, path)
    first = header.tensors(path)
    monkeypatch.setattr(header.safetensors, "safe_open", None)
    assert header.tensors(path) is first
    monkeypatch.undo()
    safetensors.torch.save_file({"b": torch.zeros(3)}, path)
    os.utime(path, ns=(0, 1))
    assert list(header.tensors(path)) == ["b"]


class RunsCode:
    def __init__(self, proof):
        self.proof = proof

    def __reduce__(self):
        return (os.mkdir, (str(self.proof),))


def plain_pickle(content, path):
    path.write_bytes(pickle.dumps(content))


def old_format(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("save", [torch.save, old_format, plain_pickle])
@pytest.mark.parametrize("read", [checkpoint.read, checkpoint.read_outline])
def test_a_pickle_that_would_run_code_does_not_and_is_refused_by_name(save, read, tmp_path):
    path, proof = tmp_path / "evil.bin", tmp_path / "it ran"
    save({"image_proj": {"a": torch.zeros(1)}, "ip_adapter": RunsCode(proof)}, path)
    with pytest.raises(ValueError, match="'evil.bin' cannot be used") as caught:
        read(path)
    assert not proof.exists()
    if save is not plain_pickle:
        assert "run code" in str(caught.value)


@pytest.mark.parametrize("read", [checkpoint.read, checkpoint.read_outline])
@pytest.mark.parametrize(
    "name", ["cut.safetensors", "empty.safetensors", "empty.bin", "text.bin", "cut.bin", "old.bin"]
)
def test_damaged_files_are_refused_by_name(name, read, tmp_path):
    path = tmp_path / name
    whole = tmp_path / "whole"
    if name == "cut.safetensors":
        safetensors.torch.save_file({"image_proj.a": torch.zeros(100)}, whole)
        path.write_bytes(whole.read_bytes()[:-7])
    elif name in ("cut.bin", "old.bin"):
        torch.save({"image_proj": torch.zeros(100)}, whole, _use_new_zipfile_serialization=name == "cut.bin")
        path.write_bytes(whole.read_bytes()[:60])
    else:
        path.write_bytes(b"not a model at all" if name == "text.bin" else b"")
    with pytest.raises(ValueError, match=f"'{name}' cannot be used as an IP-Adapter: it (is|breaks off)"):
        read(path)


@pytest.mark.parametrize("read", [checkpoint.read, checkpoint.read_outline])
def test_folders_and_missing_files_are_named(read, tmp_path):
    with pytest.raises(ValueError, match="it is not a file"):
        read(tmp_path)
    with pytest.raises(ValueError, match="'gone.bin' .* no such file"):
        read(tmp_path / "gone.bin")
