"""Which of the installed files serves a purpose: contents first, then bytes, then names, and it is said which."""

import hashlib
import os
from dataclasses import replace

import pytest
from miniature import sparse
from pack.attention.adapter import checkpoint
from pack.attention.adapter import identify as identifying
from pack.attention.adapter.variants import AUTO, VARIANTS
from pack.attention.catalogue import installed
from pack.attention.catalogue.choose import choose
from pack.attention.catalogue.installed import adapter_file
from pack.attention.catalogue.presets import presets_for


@pytest.fixture
def files(tmp_path):
    """(shape file, name) pairs -> what is known of such files on disk."""

    def made(*pairs, size=None):
        return [adapter_file(name, sparse.write(stem, tmp_path, name, size)) for stem, name in pairs]

    return made


@pytest.fixture
def hashes(monkeypatch):
    """Says which published file each file is, instead of hashing holes."""
    by_name = {}
    monkeypatch.setattr(installed, "sha256_of", lambda path: by_name.get(path.name, "0" * 64))
    return by_name


FILES_BY_NAME = {file.name: file for file in installed.FILES.values()}


def preset(purpose, family):
    return presets_for(purpose)[family]


def always(_outline):
    return True


PLUS, FACE = "ip-adapter-plus_sd15.safetensors", "ip-adapter-plus-face_sd15.safetensors"
COMPOSITION = "ip_plus_composition_sd15.safetensors"


def test_look_alikes_under_any_name_are_told_by_their_bytes(files, hashes):
    on_disk = files(
        ("ip-adapter-plus_sd15", "a.safetensors"),
        ("ip-adapter-plus_sd15", "b.safetensors"),
        ("ip_plus_composition_sd15", "c.safetensors"),
    )
    hashes.update({"a.safetensors": FILES_BY_NAME[FACE].sha256, "b.safetensors": FILES_BY_NAME[PLUS].sha256})
    chosen = {
        purpose: choose(preset(purpose, "sd15"), on_disk, always) for purpose in ("plus", "plus face", "composition")
    }
    assert {purpose: choice.file.name for purpose, choice in chosen.items()} == {
        "plus": "b.safetensors",
        "plus face": "a.safetensors",
        "composition": "c.safetensors",
    }
    assert chosen["plus"].reason == f"byte for byte the published {PLUS}"


def test_names_never_beat_bytes(files, hashes):
    """The two files carry each other's name."""
    on_disk = files(("ip-adapter-plus_sd15", FACE), ("ip-adapter-plus-face_sd15", PLUS))
    hashes.update({FACE: FILES_BY_NAME[PLUS].sha256, PLUS: FILES_BY_NAME[FACE].sha256})
    assert choose(preset("plus face", "sd15"), on_disk, always).file.name == PLUS
    assert choose(preset("plus", "sd15"), on_disk, always).file.name == FACE


def test_a_file_published_for_another_purpose_is_never_taken(files, hashes):
    on_disk = files(("ip_plus_composition_sd15", PLUS))
    assert choose(preset("plus", "sd15"), on_disk, always) is None
    hashes[FACE] = FILES_BY_NAME[PLUS].sha256
    assert choose(preset("plus face", "sd15"), files(("ip-adapter-plus_sd15", FACE)), always) is None


def test_a_published_file_whose_size_nobody_recorded_is_told_by_its_hash(files, hashes):
    on_disk = files(("ip_plus_composition_sdxl", "x.safetensors"), ("ip_plus_composition_sdxl", "a.safetensors"))
    hashes["x.safetensors"] = FILES_BY_NAME["ip_plus_composition_sdxl.safetensors"].sha256
    choice = choose(preset("composition", "sdxl"), on_disk, always)
    assert choice.file.name == "x.safetensors" and "byte for byte" in choice.reason


def test_files_saved_again_are_taken_on_trust_and_that_is_said(files, hashes):
    on_disk = files(("ip-adapter-plus_sd15", "zeta.safetensors"), ("ip-adapter-plus_sd15", "alpha.safetensors"))
    choice = choose(preset("plus face", "sd15"), on_disk, always)
    assert choice.file.name == "alpha.safetensors"
    assert "'plus face' is taken on trust" in choice.reason and "zeta.safetensors" in choice.reason
    on_disk += files(("ip-adapter-plus_sd15", FACE))
    choice = choose(preset("plus face", "sd15"), on_disk, always)
    assert choice.file.name == FACE and "its name" in choice.reason and "alpha.safetensors" in choice.reason


def test_the_best_of_several_published_files_is_taken(files, hashes):
    on_disk = files(("ip-adapter_sd15_light", "a.safetensors"), ("ip-adapter_sd15_light_v11", "b.bin"))
    hashes["a.safetensors"] = FILES_BY_NAME["ip-adapter_sd15_light.safetensors"].sha256
    assert choose(preset("light", "sd15"), on_disk, always).file.name == "b.bin"
    assert choose(preset("light", "sd15"), on_disk[:1], always).file.name == "a.safetensors"
    assert choose(preset("standard", "sd15"), on_disk, always) is None


def test_contents_decide_what_can_serve(files, hashes):
    on_disk = files(
        ("ip-adapter_sd15_vit-G", "standard.safetensors"),
        ("ip-adapter_sdxl_vit-h", "also standard.safetensors"),
        ("ip-adapter-full-face_sd15", "full.safetensors"),
    )
    sd15 = lambda file: file.outline.num_layers == 16  # noqa: E731
    assert choose(preset("standard", "sd15"), on_disk, sd15) is None, "it reads the other encoder"
    assert choose(preset("standard, ViT-G encoder", "sd15"), on_disk, sd15).file.name == "standard.safetensors"
    assert choose(preset("full face", "sd15"), on_disk, sd15).file.name == "full.safetensors"
    assert choose(preset("full face", "sd15"), on_disk, lambda file: False) is None


def test_a_look_alike_variant_is_opened_as_the_preset_says(files, hashes):
    on_disk = files(("ip-adapter-faceid-plusv2_sd15", "saved again.bin"), size=156_600_000)
    assert choose(preset("FaceID plus v2", "sd15"), on_disk, always).kind == "faceid_plus_v2"
    assert choose(preset("FaceID plus", "sd15"), on_disk, always).kind == "faceid_plus"
    published = files(("ip-adapter-faceid-plusv2_sd15", "any.bin"))
    assert choose(preset("FaceID plus v2", "sd15"), published, always).kind == "faceid_plus_v2"
    assert choose(preset("FaceID plus", "sd15"), published, always) is None
    assert choose(preset("standard", "sd15"), files(("ip-adapter_sd15", "s.safetensors")), always).kind == AUTO


def test_nothing_is_hashed_where_the_size_alone_decides(files, monkeypatch):
    monkeypatch.setattr(installed, "sha256_of", None)
    on_disk = files(("ip_plus_composition_sd15", "c.safetensors"), ("ip-adapter_sd15_vit-G", "g.safetensors"))
    assert choose(preset("composition", "sd15"), on_disk[:1], always).file.name == "c.safetensors"
    assert choose(preset("standard, ViT-G encoder", "sd15"), on_disk[1:], always).file.name == "g.safetensors"


def test_a_file_of_the_size_of_one_that_is_known_is_hashed(files, hashes):
    """The style adapter for NoobAI has the size of ip-adapter_sdxl to the byte."""
    (file,) = files(("ip-adapter_sdxl", "g.safetensors"))
    hashes["g.safetensors"] = FILES_BY_NAME["ip-adapter_sdxl.safetensors"].sha256
    assert file.published() is FILES_BY_NAME["ip-adapter_sdxl.safetensors"]
    hashes["g.safetensors"] = installed.KNOWN[0].sha256.ljust(64, "0")
    assert file.published() is None


@pytest.fixture
def published_v2(tmp_path, monkeypatch):
    """A look-alike of FaceID plus, and a table in which it is the published v2."""
    entry = sparse.entry("ip-adapter-faceid-plusv2_sd15")
    path = tmp_path / "f.bin"
    shapes = entry["shapes"]
    sparse.legacy(path, shapes, dict.fromkeys(shapes, "F16"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    row = replace(
        installed.FILES["ipadapter/ip-adapter-faceid-plusv2_sd15.bin"], size=path.stat().st_size, sha256=digest
    )
    monkeypatch.setattr(identifying, "FILES", {row.id: row})
    table = tuple(replace(each, published=(row.id,) if each.name == "faceid_plus_v2" else ()) for each in VARIANTS)
    monkeypatch.setattr("pack.attention.adapter.variants.VARIANTS", table)
    return path


def test_size_and_hash_decide_between_variants(published_v2):
    assert identifying.identify(checkpoint.read_outline(published_v2)).variant.name == "faceid_plus_v2"
    with published_v2.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x01")
    with pytest.raises(ValueError, match="it is ambiguous") as caught:
        identifying.identify(checkpoint.read_outline(published_v2))
    assert "'faceid_plus' or 'faceid_plus_v2'" in str(caught.value)
    told = identifying.identify(checkpoint.read_outline(published_v2), "faceid_plus")
    assert told.variant.name == "faceid_plus"
    with pytest.raises(ValueError, match="kind 'plus' does not fit"):
        identifying.identify(checkpoint.read_outline(published_v2), "plus")


def test_another_size_is_never_hashed(published_v2, monkeypatch):
    monkeypatch.setattr(identifying, "sha256_of", None)
    with published_v2.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match="ambiguous"):
        identifying.identify(checkpoint.read_outline(published_v2))
