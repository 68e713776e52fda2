"""The tables of published files and presets agree with the shapes, the variants and each other."""

import re

import pytest
from miniature import sparse
from pack.attention.adapter.variants import VARIANTS
from pack.attention.catalogue.installed import adapter_file
from pack.attention.catalogue.presets import PRESETS, PURPOSES, presets_for
from pack.attention.files.published import FILES, KNOWN
from pack.attention.models.families import FAMILIES
from pack.attention.reference.encoders import ENCODERS

STEMS = sorted(path.stem for path in sparse.SHAPES.glob("*.json"))
BY_NAME = {
    (entry["file"], entry["family"]): stem for stem in STEMS if (entry := sparse.entry(stem))["variant"] != "refused"
}


def stem_of(file, family):
    names = {
        "instantid/ip-adapter.bin": "instantid_ip-adapter",
        "instantid/infiniteyou_sim_image_proj_model.bin": "infiniteyou_image_proj_model",  # as the other release
    }
    return names.get(file.id) or next(
        s for (name, f), s in BY_NAME.items() if name == file.name and f in (family, "kolors")
    )


def widths(encoder):
    return encoder and (encoder.image_embeds, encoder.penultimate)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda p: f"{p.purpose}, {p.family}")
def test_each_row_names_files_that_are_what_it_says(preset, tmp_path):
    for published in preset.files:
        stem = stem_of(published, preset.family)
        path = sparse.write(stem, tmp_path, published.name)
        file = adapter_file(published.name, path)
        assert file.is_a(preset.variant) and file.family.name == preset.family
        assert file.outline.context_dim == FAMILIES[preset.family].text_width
        assert file.reads(preset.encoder)
        assert not any(file.reads(other) for other in (*ENCODERS, None) if widths(other) != widths(preset.encoder))
        assert sparse.entry(stem)["bytes"] in (None, published.size)


@pytest.mark.parametrize("file", FILES.values(), ids=lambda file: file.id)
def test_each_file_is_pinned(file):
    assert re.fullmatch("[0-9a-f]{64}|[0-9a-f]{12}", file.sha256)
    assert re.fullmatch("[0-9a-f]{40}|main", file.repository.revision)
    assert file.size or len(file.sha256) == 64, "something must prove a download"
    assert re.fullmatch("https://huggingface.co/[^/]+/[^/]+/resolve/[^/]+/.+", file.url)
    assert file.name.endswith((".bin", ".safetensors", ".onnx", ".pt", ".pth"))
    assert ("/" in file.name) == (file.folder == "insightface"), "only packs of face models have a folder each"
    for part in (file.name, file.folder, file.repository.name, file.repository.licence):
        assert part in file.described()


def test_variants_told_by_their_bytes_are_published_files_with_those_bytes():
    told = [FILES[name] for variant in VARIANTS for name in variant.published]
    assert told and all(file.size and len(file.sha256) == 64 for file in told)
    assert len({file.size for file in told}) == len({file.sha256 for file in told}) == len(told)


def test_every_published_adapter_serves_a_purpose_and_every_purpose_has_one_row_for_a_family():
    served = {file for preset in PRESETS for file in preset.files}
    assert {file for file in FILES.values() if file.folder in ("ipadapter", "instantid", "pulid")} == served
    assert len({(preset.purpose, preset.family) for preset in PRESETS}) == len(PRESETS)
    assert {preset.variant for preset in PRESETS} == {variant.name for variant in VARIANTS if not variant.is_asked_for}
    assert set(presets_for("light")) == {"sd15"} and set(presets_for("plus")) == {"sd15", "sdxl"}
    assert len(PURPOSES) == len(set(PURPOSES))


def test_downloads_are_the_adapter_its_encoder_and_the_rest():
    ids = {preset.purpose: [file.id for file in preset.downloads] for preset in PRESETS if preset.family == "sdxl"}
    assert ids["InstantID"] == [
        "instantid/ip-adapter.bin",
        "controlnet/instantid-identitynet.safetensors",
        "insightface/models/antelopev2/scrfd_10g_bnkps.onnx",
        "insightface/models/antelopev2/glintr100.onnx",
    ]
    assert ids["plus"] == [
        "ipadapter/ip-adapter-plus_sdxl_vit-h.safetensors",
        "clip_vision/CLIP-ViT-H-14-laion2B-s32B-b79K.safetensors",
    ]
    assert ids["FaceID"] == [
        "ipadapter/ip-adapter-faceid_sdxl.bin",
        "insightface/models/buffalo_l/det_10g.onnx",
        "insightface/models/buffalo_l/w600k_r50.onnx",
    ]


def test_what_is_known_of_files_that_are_not_offered_is_recorded_and_no_more():
    for row in KNOWN:
        assert re.fullmatch("[0-9a-f]{8,64}", row.sha256) and row.size and row.picture % 14 == 0
        assert row.page.startswith("https://") and row.name not in {file.name for file in FILES.values()}
