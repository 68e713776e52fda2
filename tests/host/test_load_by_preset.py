"""Load by Preset and Load IP-Adapter on real folders: what is there is found by its contents."""

import re
from dataclasses import replace
from types import SimpleNamespace

import folder_paths
import pytest
import safetensors.torch
import torch
from miniature import adapters, models
from miniature import flux as miniature
from pack.attention.files.published import FILES
from pack.attention.models.families import FAMILIES
from pack.attention.reference.embeds import Embeds
from pack.attention.reference.encode import encode
from pack.face.errors import MissingModel
from pack.nodes.files import folders, found_encoder, installed
from pack.nodes.files.encoder import encoder_for
from pack.nodes.forms import load_by_preset
from pack.nodes.forms.load_by_preset import LoadByPreset
from pack.nodes.forms.load_face_models import LoadFaceModels
from pack.nodes.forms.load_ip_adapter import LoadIPAdapter


@pytest.fixture
def model_folders(tmp_path, monkeypatch):
    """Empty model folders that the host knows, as a fresh ComfyUI would have them."""
    known = dict(folder_paths.folder_names_and_paths)
    monkeypatch.setattr(folder_paths, "models_dir", str(tmp_path))
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", known)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    for name in ("ipadapter", "instantid", "pulid", "facexlib", "insightface"):
        known.pop(name, None)
    for name in ("clip_vision", "controlnet"):
        known[name] = ([str(tmp_path / name)], known[name][1])
    folders.register()
    return tmp_path


def put(folder, family, variant, name, seed=3):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = adapters.adapter_state_dict(family, variant, seed)
    (adapters.write_safetensors if path.suffix == ".safetensors" else adapters.write_bin)(content, path)
    return path


def put_encoder(folder, kind, name, seed=3):
    """An encoder as it is published: Hugging Face's names."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    state = models.clip_vision(kind, seed).get_sd()
    safetensors.torch.save_file({key: tensor.contiguous() for key, tensor in state.items()}, path)
    return path


def run(base, preset="standard", **inputs):
    output = LoadByPreset.execute(base.model, preset, **inputs)
    return output.args[0], output.ui["text"][0]


def test_the_adapter_of_the_connected_models_family_is_taken(model_folders, sd15, sdxl):
    put(model_folders / "ipadapter", "sd15", "base", "one.safetensors")
    put(model_folders / "ipadapter", "sdxl", "base", "sub/folder/two.bin")
    for base, name, label in ((sd15, "one.safetensors", "SD1.5"), (sdxl, "two.bin", "SDXL")):
        loaded, text = run(base)
        assert loaded.adapter.name == name
        assert text.startswith(f"IP-Adapter for {label}: ") and "taken on trust" in text


def test_an_adapter_for_flux_is_taken_for_it_and_named_where_it_is_missing(model_folders, flux, monkeypatch):
    put(model_folders / "ipadapter", "sd15", "base", "one.safetensors")
    with monkeypatch.context() as patched:
        row = replace(FAMILIES["flux"], text_width=48)
        patched.setattr("pack.nodes.forms.load_by_preset.FAMILIES", {**FAMILIES, "flux": row})
        with pytest.raises(ValueError, match="No installed adapter serves 'standard' for FLUX.1") as caught:
            run(flux)
    assert "flux-ip-adapter-v2.safetensors" in str(caught.value) and "non-commercial" in str(caught.value)
    miniature.write_adapter("plus", 3, model_folders / "ipadapter" / "two.safetensors")
    put_encoder(model_folders / "clip_vision", "vit_l", "eye.safetensors")
    loaded, text = run(flux)
    assert (loaded.adapter.name, loaded.clip_vision.file.name) == ("two.safetensors", "eye.safetensors")
    assert text.startswith("XLabs IP-Adapter for FLUX.1: two.safetensors")
    with pytest.raises(ValueError, match="'plus' is published for SD1.5 and SDXL.*FLUX.1.*choose one of: 'standard'"):
        run(flux, "plus")


def test_instantx_is_found_with_siglip_and_the_head_that_the_host_leaves_out(model_folders, flux, picture, monkeypatch):
    import comfy.clip_vision
    from miniature import encoder_files

    whole = SimpleNamespace(**{**vars(flux), "model": miniature.model("flux dev", 1)})
    with monkeypatch.context() as patched:
        row = replace(FAMILIES["flux_all"], text_width=48)
        patched.setattr("pack.nodes.forms.load_by_preset.FAMILIES", {**FAMILIES, "flux_all": row})
        with pytest.raises(ValueError, match="No installed adapter serves 'InstantX' for FLUX.1") as caught:
            run(whole, "InstantX")
    assert "ip-adapter.bin" in str(caught.value) and "Non-Commercial" in str(caught.value)
    with pytest.raises(
        ValueError,
        match="'InstantX' is published for FLUX.1 with 57 blocks and SD3.5 Large, but the connected model is FLUX.1",
    ):
        run(flux, "InstantX")  # of 21 blocks
    (model_folders / "ipadapter").mkdir()
    miniature.write_adapter("instantx", 3, model_folders / "ipadapter" / "three.safetensors")
    eyes = model_folders / "clip_vision"
    put_encoder(eyes, "siglip", "a headless.safetensors")
    loaded, text = run(whole, "InstantX")
    assert loaded.clip_vision is None and "no image encoder for it is installed" in text
    encoder_files.write("siglip", 3, eyes / "whole.safetensors")
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    monkeypatch.setattr(comfy.clip_vision, "load_clipvision_from_sd", encoder_files.opened)
    loaded, _ = run(whole, "InstantX")
    assert loaded.clip_vision.file.name == "whole.safetensors"
    embeds = encode(loaded.clip_vision, picture(1), loaded.adapter.fit)
    assert loaded.adapter.tokens(embeds).shape == (1, 128, 48)
    assert "standard" in presets_of(whole) and "InstantX" in presets_of(whole)


def test_infinite_you_names_its_net_and_the_recogniser_that_is_fetched_by_hand(model_folders, flux):
    whole = SimpleNamespace(**{**vars(flux), "model": miniature.model("flux dev", 1)})
    (model_folders / "instantid").mkdir(exist_ok=True)
    miniature.write_adapter("infinite_you", 3, model_folders / "instantid" / "four.safetensors")
    loaded, text = run(whole, "InfiniteYou")
    assert loaded.adapter.identity.variant.name == "infinite_you" and "reads a face embedding" in text
    assert "infusenet_aes_fp8e4m3fn.safetensors (2,952,691,776 bytes) in models/controlnet" in text
    assert "recognition_arcface_ir_se50.pth" in text and "nobody states its licence" in text


def presets_of(base):
    """What the node names where a purpose is not for a model."""
    with pytest.raises(ValueError, match="choose one of") as caught:
        run(base, "plus")
    return str(caught.value)


def test_extra_model_paths_and_both_folders_are_searched(model_folders, sdxl, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "extra.yaml").write_text(
        f"studio:\n  base_path: {elsewhere}\n  ipadapter: adapters\n  clip_vision: eyes\n"
    )
    from utils.extra_config import load_extra_path_config

    load_extra_path_config(str(elsewhere / "extra.yaml"))
    put(elsewhere / "adapters", "sdxl", "plus", "deep/inside.safetensors")
    put(model_folders / "instantid", "sdxl", "instantid", "face.bin")
    put_encoder(elsewhere / "eyes", "vit_h", "eye.safetensors")
    loaded, _ = run(sdxl, "plus")
    assert loaded.adapter.name == "inside.safetensors"
    assert loaded.clip_vision.file.name == "eye.safetensors"
    assert run(sdxl, "InstantID")[0].adapter.name == "face.bin"


def test_look_alikes_are_opened_as_the_preset_says(model_folders, sd15, sdxl):
    put(model_folders / "ipadapter", "sd15", "faceid_plus", "face.safetensors")
    for preset, variant in (("FaceID plus", "faceid_plus"), ("FaceID plus v2", "faceid_plus_v2")):
        loaded, text = run(sd15, preset, lora_strength=0.6)
        assert loaded.adapter.identity.variant.name == variant
        assert loaded.lora_strength == 0.6 and "its LoRA at strength 0.6" in text
    put(model_folders / "instantid", "sdxl", "instantid", "i.safetensors")
    loaded, text = run(sdxl, "FaceID portrait unnorm")
    assert loaded.adapter.identity.variant.name == "portrait_unnorm" and "reads a face embedding" in text
    _, text = run(sdxl, "InstantID")
    assert "also needed: instantid-identitynet.safetensors (2,502,139,136 bytes) in models/controlnet" in text


def test_what_is_missing_is_named_when_published_files_would_fit(model_folders, sd15, monkeypatch):
    (model_folders / "ipadapter").mkdir()
    (model_folders / "ipadapter" / "broken.bin").write_bytes(b"")
    monkeypatch.setattr("pack.nodes.forms.load_by_preset.FAMILIES", {"sd15": replace(FAMILIES["sd15"], text_width=64)})
    with pytest.raises(ValueError, match="No installed adapter serves 'plus face' for SD1.5") as caught:
        run(sd15, "plus face")
    for part in (
        "ip-adapter-plus-face_sd15.safetensors (98,183,288 bytes) in models/ipadapter",
        "https://huggingface.co/h94/IP-Adapter",
        "licence: Apache-2.0",
        "'broken.bin' cannot be used",
    ):
        assert part in str(caught.value)


def test_a_model_that_nothing_was_published_for_is_not_sent_to_a_download(model_folders, sd15):
    with pytest.raises(ValueError, match="reads text of width 64, and the published adapters were made for 768"):
        run(sd15, "plus")


def test_a_purpose_of_another_family_names_those_there_are(model_folders, sdxl):
    with pytest.raises(
        ValueError, match="'full face' is published for SD1.5, but the connected model is SDXL"
    ) as caught:
        run(sdxl, "full face")
    assert "'plus face'" in str(caught.value) and "'light'" not in str(caught.value)


def test_a_family_that_nothing_was_published_for_is_told_what_it_can_do():
    with pytest.raises(ValueError, match="connected model is Segmind Vega. No adapters are published for") as caught:
        load_by_preset._row("plus", (FAMILIES["vega"],))
    assert "Train IP-Adapter" in str(caught.value) and "there are" not in str(caught.value)


def test_kolors_faceid_on_another_model_names_the_model_and_no_download(model_folders, sdxl, monkeypatch):
    monkeypatch.setattr(load_by_preset, "FAMILIES", {"sdxl": replace(FAMILIES["sdxl"], text_width=128)})
    with pytest.raises(
        ValueError, match="for the Kolors model, .* connected model .SDXL, UNetModel. does not"
    ) as caught:
        run(sdxl, "Kolors FaceID plus")
    assert "huggingface.co" not in str(caught.value)


def test_an_adapter_of_other_widths_is_not_taken(model_folders, sd15):
    """The layout of SD1.5, but for another text encoder, as SD2 has."""
    content = adapters.adapter_state_dict("sd15", "base", 3)
    wide = {key: torch.nn.functional.pad(tensor, (0, 8)) for key, tensor in content["ip_adapter"].items()}
    path = model_folders / "ipadapter" / "sd2.bin"
    path.parent.mkdir()
    torch.save(content | {"ip_adapter": wide}, path)
    with pytest.raises(ValueError, match="No installed adapter"):
        run(sd15)


def test_the_encoder_is_found_by_contents_and_read_when_used(model_folders, sd15, monkeypatch, picture):
    put(model_folders / "ipadapter", "sd15", "plus", "a.safetensors")
    put_encoder(model_folders / "clip_vision", "vit_bigg", "a big one.safetensors")
    put_encoder(model_folders / "clip_vision", "vit_h", "sub/the right one.safetensors")
    read = []

    def load(path):  # the host loads published depths only, so the miniature is put together here
        read.append(path)
        model = models.clip_vision("vit_h", 3)
        model.load_sd(safetensors.torch.load_file(path))
        return model

    monkeypatch.setattr(found_encoder.comfy.clip_vision, "load", load)
    output = LoadIPAdapter.execute("a.safetensors")
    loaded, text = output.args[0], output.ui["text"][0]
    assert "found in models/clip_vision: sub/the right one.safetensors" in text
    assert read == [], "a loader reads no encoder"
    again = LoadIPAdapter.execute("a.safetensors").args[0]
    reference = encode(encoder_for(loaded, None), picture(1))
    expected = encode(models.clip_vision("vit_h", 3), picture(1))
    torch.testing.assert_close(reference.feature("penultimate"), expected.feature("penultimate"), rtol=0, atol=0)
    encode(encoder_for(again, None), picture(2))
    assert len(read) == 1, "two loaders share one encoder"


def test_a_connected_encoder_comes_before_a_found_one(model_folders, sd15):
    put(model_folders / "ipadapter", "sd15", "plus", "a.safetensors")
    put_encoder(model_folders / "clip_vision", "vit_h", "e.safetensors")
    own = models.clip_vision("vit_h", 9)
    assert LoadIPAdapter.execute("a.safetensors", clip_vision=own).args[0].clip_vision is own


def test_a_missing_encoder_is_the_encoding_nodes_error(model_folders, sd15, monkeypatch):
    put(model_folders / "ipadapter", "sd15", "plus", "a.safetensors")
    output = LoadIPAdapter.execute("a.safetensors")
    assert output.args[0].clip_vision is None
    assert "no image encoder for it is installed" in output.ui["text"][0]
    with pytest.raises(ValueError, match="'a.safetensors' .* needs an image encoder"):
        encoder_for(output.args[0], None)
    monkeypatch.setattr(type(output.args[0].adapter), "feature_width", lambda self, feature: 1280)
    with pytest.raises(ValueError, match="CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors") as caught:
        encoder_for(output.args[0], None)
    for part in ("2,528,373,448 bytes", "models/clip_vision", "h94/IP-Adapter", "Apache-2.0"):
        assert part in str(caught.value)


def test_a_damaged_encoder_of_the_right_name_is_said(model_folders, sd15):
    put(model_folders / "ipadapter", "sd15", "plus", "a.safetensors")
    name = "CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors"
    path = put_encoder(model_folders / "clip_vision", "vit_h", name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    output = LoadIPAdapter.execute("a.safetensors")
    sentence = rf"In models/clip_vision '{name}' breaks off: [\d.]+ of [\d.]+ \w+ are there. .*: download it again."
    assert re.search(sentence, output.ui["text"][0])
    assert re.search(sentence, run(sd15, "plus")[1])
    with pytest.raises(ValueError, match=f"none in models/clip_vision fits. {sentence}"):
        encoder_for(output.args[0], None)
    path.write_text("<!DOCTYPE html>")
    with pytest.raises(ValueError, match=f"'{name}' is a web page"):
        encoder_for(output.args[0], None)
    assert not installed.has(FILES[f"clip_vision/{name}"])


def test_a_damaged_identitynet_is_said_by_the_preset(model_folders, sdxl):
    put(model_folders / "instantid", "sdxl", "instantid", "i.safetensors")
    net = model_folders / "controlnet" / "instantid-identitynet.safetensors"
    net.parent.mkdir()
    net.write_text("version https://git-lfs.github.com/spec/v1\nsize 2502139136\n")
    _, text = run(sdxl, "InstantID")
    assert "'instantid-identitynet.safetensors' is there and is a Git LFS pointer" in text and "2.5 GB" in text


def test_damaged_face_models_are_said(model_folders):
    folder = model_folders / "insightface" / "models" / "antelopev2"
    folder.mkdir(parents=True)
    (folder / "glintr100.onnx").write_text("<html>")
    (folder / "scrfd_10g_bnkps.onnx").write_bytes(b"")
    with pytest.raises(MissingModel, match="'glintr100.onnx' is a web page .* 'scrfd_10g_bnkps.onnx' is empty"):
        LoadFaceModels.execute("antelopev2")


def test_a_file_the_host_cannot_load_is_an_error_when_used(model_folders, sd15):
    put(model_folders / "ipadapter", "sd15", "plus", "a.safetensors")
    put_encoder(model_folders / "clip_vision", "vit_h", "four layers.safetensors")
    loaded = LoadIPAdapter.execute("a.safetensors").args[0]
    with pytest.raises(ValueError, match="'four layers.safetensors' .* ComfyUI cannot load"):
        encoder_for(loaded, None).image_size  # noqa: B018


def test_the_host_loads_what_was_found_in_both_layouts(model_folders, monkeypatch):
    """The host's own loader, narrow: 24 layers as in ViT-L, in Hugging Face's and OpenCLIP's names."""
    import comfy.clip_vision
    from comfy.clip_vision import ClipVisionModel
    from pack.attention.catalogue.find_encoder import EncoderFile
    from pack.attention.reference import encoder_header

    config = models.vision_config("vit_h") | {"num_hidden_layers": 24, "hidden_size": 32, "projection_dim": 16}
    config |= {"num_attention_heads": 2, "intermediate_size": 32}
    monkeypatch.setattr(comfy.clip_vision, "ClipVisionModel", lambda _json: ClipVisionModel(config))
    state = ClipVisionModel(config).get_sd()
    folder = model_folders / "clip_vision"
    folder.mkdir()
    for name, content in (("hf.safetensors", state), ("open.safetensors", in_open_clips_names(state))):
        safetensors.torch.save_file({key: tensor.contiguous() for key, tensor in content.items()}, folder / name)
        outline = encoder_header.read(folder / name)
        assert (outline.image_embeds, outline.penultimate, outline.tokens) == (16, 32, 257)
        encoder = found_encoder.FoundEncoder(EncoderFile(name, folder / name, outline))
        assert encode(encoder, torch.rand(1, 30, 40, 3)).feature("penultimate").shape == (1, 257, 32)


def in_open_clips_names(state):
    """OpenCLIP's layout of a Hugging Face encoder."""
    start = "vision_model."
    names = {
        "visual.class_embedding": f"{start}embeddings.class_embedding",
        "visual.conv1.weight": f"{start}embeddings.patch_embedding.weight",
        "visual.positional_embedding": f"{start}embeddings.position_embedding.weight",
    }
    for theirs, ours in (("ln_pre", "pre_layrnorm"), ("ln_post", "post_layernorm")):
        names |= {f"visual.{theirs}.{part}": f"{start}{ours}.{part}" for part in ("weight", "bias")}
    content = {name: state[key] for name, key in names.items()}
    content["visual.proj"] = state["visual_projection.weight"].T
    layer_parts = {"ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj"}
    layer_parts |= {"mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
    for layer in range(24):
        theirs, ours = f"visual.transformer.resblocks.{layer}", f"{start}encoder.layers.{layer}"
        for part in ("weight", "bias"):
            content |= {f"{theirs}.{a}.{part}": state[f"{ours}.{b}.{part}"] for a, b in layer_parts.items()}
            content[f"{theirs}.attn.in_proj_{part}"] = torch.cat(
                [state[f"{ours}.self_attn.{letter}_proj.{part}"] for letter in "qkv"]
            )
    return content


def test_new_and_replaced_files_change_the_fingerprint(model_folders):
    put(model_folders / "ipadapter", "sd15", "base", "a.safetensors")
    seen = {LoadByPreset.fingerprint_inputs(preset="standard")}
    assert LoadByPreset.fingerprint_inputs(preset="standard") in seen
    assert not any("/" in each for each in seen), "the host writes them into every picture"
    put_encoder(model_folders / "clip_vision", "vit_h", "e.safetensors")
    folder_paths.filename_list_cache.clear()
    seen.add(LoadByPreset.fingerprint_inputs(preset="standard"))
    put(model_folders / "ipadapter", "sd15", "plus", "a.safetensors")
    seen.add(LoadByPreset.fingerprint_inputs(preset="standard"))
    assert len(seen) == 3
    assert LoadIPAdapter.fingerprint_inputs("a.safetensors").endswith(installed.listing())


def test_listed_files_that_are_gone_do_not_break_the_fingerprint(model_folders):
    """The host would take the error as 'changed' and run the loaders every time."""
    put(model_folders / "ipadapter", "sd15", "base", "a.safetensors")
    before = LoadIPAdapter.fingerprint_inputs("a.safetensors")
    for folder in ("ipadapter", "clip_vision"):
        (model_folders / folder).mkdir(exist_ok=True)
        (model_folders / folder / "dangling.safetensors").symlink_to(model_folders / "nowhere")
    gone = put(model_folders / "instantid", "sdxl", "instantid", "gone.bin")
    folder_paths.filename_list_cache.clear()
    assert {"dangling.safetensors", "gone.bin"} < set(folders.adapter_files())
    gone.unlink()
    assert LoadIPAdapter.fingerprint_inputs("a.safetensors") == before
    assert LoadByPreset.fingerprint_inputs(preset="standard") == installed.listing()


def test_a_saved_embedding_needs_no_encoder_at_all(model_folders, sd15, ksample, monkeypatch):
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter

    put(model_folders / "ipadapter", "sd15", "base", "a.safetensors")
    put_encoder(model_folders / "clip_vision", "vit_h", "e.safetensors")
    monkeypatch.setattr(found_encoder, "_load", None)
    loaded, _ = run(sd15)
    width = loaded.adapter.feature_width("image_embeds")
    embeds = Embeds(image_embeds=torch.rand(1, width, generator=torch.Generator().manual_seed(1)))
    steered = ApplyIPAdapter.execute(sd15.model, loaded, embeds=embeds).args[0]
    assert not torch.equal(ksample(sd15, steered), ksample(sd15))


def test_a_link_to_nothing_is_no_installed_file(model_folders):
    from pack.attention.files.published import FILES

    file = next(file for file in FILES.values() if file.folder == "ipadapter")
    (model_folders / "ipadapter").mkdir(parents=True, exist_ok=True)
    (model_folders / "ipadapter" / file.name).symlink_to(model_folders / "nowhere")
    assert not installed.has(file)
