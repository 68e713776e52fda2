"""Image encoders are known by the widths in their heads, in every layout of keys."""

import pytest
import safetensors.torch
import torch
from miniature import sparse
from pack.attention.adapter.variants import VARIANTS
from pack.attention.catalogue import find_encoder
from pack.attention.reference import encoder_header
from pack.attention.reference.encoder_header import EncoderOutline
from pack.attention.reference.encoders import ENCODERS

VIT_H, BIGG, VIT_L, VIT_L_336, SIGLIP, EVA = ENCODERS
CLIP = (VIT_H, BIGG, VIT_L, VIT_L_336)
BY_NAME = {variant.name: variant for variant in VARIANTS}


def hugging_face(encoder):
    hidden = encoder.penultimate
    return {
        "vision_model.embeddings.class_embedding": [hidden],
        "vision_model.embeddings.position_embedding.weight": [encoder.tokens, hidden],
        "vision_model.encoder.layers.0.layer_norm1.weight": [hidden],
        "visual_projection.weight": [encoder.image_embeds, hidden],
    }


def open_clip(encoder):
    hidden = encoder.penultimate
    return {
        "visual.class_embedding": [hidden],
        "visual.positional_embedding": [encoder.tokens, hidden],
        "visual.proj": [hidden, encoder.image_embeds],
        "visual.transformer.resblocks.0.attn.in_proj_weight": [3 * hidden, hidden],
    }


def with_text(layout):
    text = {"text_model.embeddings.position_embedding.weight": [77, 768], "text_projection": [512, 512]}
    return lambda encoder: {**text, **layout(encoder), "logit_scale": [1]}


LAYOUTS = {
    "hugging face": hugging_face,
    "open_clip": open_clip,
    "all of CLIP": with_text(hugging_face),
    "all of open_clip": with_text(open_clip),
}


@pytest.fixture
def file(tmp_path):
    def made(shapes, name="e.safetensors", size=None):
        path = tmp_path / name
        sparse.safetensors(path, shapes, dict.fromkeys(shapes, "F16"), size)
        return name, path

    return made


def siglip(encoder):
    hidden = encoder.penultimate
    return {
        "vision_model.embeddings.position_embedding.weight": [encoder.tokens, hidden],
        "vision_model.encoder.layers.0.layer_norm1.weight": [hidden],
        "vision_model.head.attention.out_proj.weight": [hidden, hidden],
    }


def test_siglip_is_known_by_its_head_and_without_it_gives_nothing_pooled(file):
    shapes = siglip(SIGLIP)
    whole = file(shapes, "whole.safetensors")
    assert encoder_header.read(whole[1]) == EncoderOutline(1152, 1152, 729)
    headless = file({key: shape for key, shape in shapes.items() if ".head." not in key}, "headless.safetensors")
    assert encoder_header.read(headless[1]) is None
    wanted = find_encoder.need(BY_NAME["instantx"], 1152)
    assert find_encoder.find(wanted, [headless, whole]).name == whole[0]
    assert "sigclip_vision_patch14_384.safetensors" in wanted.described() and "Apache-2.0" in wanted.described()


@pytest.mark.parametrize("encoder", CLIP, ids=lambda e: e.label)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_widths_are_read_from_every_layout(layout, encoder, file):
    _, path = file(LAYOUTS[layout](encoder))
    found = encoder_header.read(path)
    assert found == EncoderOutline(encoder.image_embeds, encoder.penultimate, encoder.tokens)
    assert found.label == encoder.label


def test_a_face_tower_is_told_from_the_encoder_of_the_same_widths(file):
    tower = {
        "visual.patch_embed.proj.weight": [1024, 3, 14, 14],
        "visual.pos_embed": [1, 577, 1024],
        "visual.head.weight": [768, 1024],
        "visual.blocks.0.mlp.w1.weight": [2730, 1024],
        "visual.blocks.0.attn.q_proj.weight": [1024, 1024],
        "text.positional_embedding": [77, 768],
    }
    found = encoder_header.read(file(tower)[1])
    assert found.label == EVA.label and found.width("face_hidden") == 1024 and not found.width("penultimate")
    same = encoder_header.read(file(hugging_face(VIT_L_336), "clip.safetensors")[1])
    assert same.label == VIT_L_336.label and not same.width("face_hidden")


def test_torch_files_are_read_too(tmp_path):
    path = tmp_path / "pytorch_model.bin"
    torch.save({key: torch.zeros(shape) for key, shape in hugging_face(VIT_L_336).items()}, path)
    assert encoder_header.read(path).label == "CLIP ViT-L/14-336"


@pytest.mark.parametrize(
    "keys",
    [
        ("vision_model.embeddings.position_embedding.weight", "vision_model.encoder.layers.0.layer_norm1.weight"),
        ("image_proj.proj.weight", "ip_adapter.1.to_k_ip.weight"),
        ("encoder.layer.39.layer_scale2.lambda1",),
    ],
)
def test_other_files_are_no_clip_encoders(keys, file):
    assert encoder_header.read(file({key: [4, 4] for key in keys})[1]) is None


@pytest.mark.parametrize(
    ("variant", "width", "wanted"),
    [
        ("base", 1024, VIT_H),
        ("base", 1280, BIGG),
        ("plus", 1280, VIT_H),
        ("full_face", 1280, VIT_H),
        ("faceid_plus_v2", 1280, VIT_H),
        ("kolors_plus", 1024, VIT_L_336),
        ("kolors_faceid_plus", 1024, VIT_L_336),
        ("plus", 1664, BIGG),
    ],
)
def test_the_one_that_fits_is_found_among_all(variant, width, wanted, file):
    files = [file(hugging_face(encoder), f"{i}.safetensors") for i, encoder in enumerate(CLIP)]
    need = find_encoder.need(BY_NAME[variant], width)
    assert find_encoder.find(need, files).outline.label == wanted.label
    assert find_encoder.find(need, [f for i, f in enumerate(files) if CLIP[i] is not wanted]) is None
    assert wanted.file in need.described() and "models/clip_vision" in need.described()


def test_the_text_names_file_size_publisher_and_licence():
    text = find_encoder.need(BY_NAME["plus"], 1280).described()
    for part in ("CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors", "2,528,373,448 bytes", "h94/IP-Adapter", "Apache-2.0"):
        assert part in text


@pytest.mark.parametrize("variant", ["faceid", "portrait", "portrait_unnorm", "instantid"])
def test_face_variants_need_none(variant):
    assert find_encoder.need(BY_NAME[variant], 512) is None


def test_an_encoder_of_unknown_width_is_found_by_it(file):
    need = find_encoder.need(BY_NAME["plus"], 80)
    assert need.published == () and "width 80" in need.described()
    odd = find_encoder.Encoder("odd", 64, 80, 257, "odd.safetensors")
    assert (
        find_encoder.find(
            need, [file(hugging_face(VIT_H), "a.safetensors"), file(hugging_face(odd), "b.safetensors")]
        ).name
        == "b.safetensors"
    )


def test_the_published_size_wins_then_the_name(file, tmp_path):
    shapes = hugging_face(VIT_H)
    names = [file(shapes, name) for name in ("b.safetensors", "a.safetensors")]
    need = find_encoder.need(BY_NAME["plus"], 1280)
    assert find_encoder.find(need, names).name == "a.safetensors"
    whole = file(shapes | {"rest": [(2_528_373_448 - 8 - 8_000_000) // 2]}, "z.safetensors", 2_528_373_448)
    assert whole[1].stat().st_size == 2_528_373_448
    assert find_encoder.find(need, [*names, whole]).name == "z.safetensors"


def test_damaged_files_beside_it_do_not_matter(file, tmp_path):
    broken = tmp_path / "0.safetensors"
    broken.write_bytes(b"nothing")
    files = [("0.safetensors", broken), file(open_clip(BIGG))]
    assert find_encoder.find(find_encoder.need(BY_NAME["base"], 1280), files).name == "e.safetensors"


def test_the_helper_writes_what_the_library_reads(file):
    _, path = file({"a": [2, 3]})
    assert safetensors.torch.load_file(path)["a"].shape == (2, 3)
