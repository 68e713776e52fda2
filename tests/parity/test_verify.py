"""`run.py verify` on seeded files in published layouts: what agrees, what differs, what is damaged, what is missing."""

import shutil
from copy import deepcopy
from types import SimpleNamespace

import pytest
import torch
from miniature import adapters, sparse
from oracles.adapters import adapter
from oracles.controlnets import control_twin
from oracles.encoders import encoder, picture
from oracles.unets import FAMILIES, twin
from pack.attention.catalogue.installed import adapter_file
from running.device import is_card
from safetensors.torch import save_file

from runner.verify import compare, job, ours, published, theirs
from runner.verify.found import Found, found_in
from runner.verify.row import AGREES, DAMAGED, DIFFERS, NOT_COMPARED, status_of

WIDTH = {"sd15": 768, "sdxl": 2048}
NAMES = {family: f"checkpoints/{family}.safetensors" for family in WIDTH}


@pytest.fixture(autouse=True)
def narrow(monkeypatch, tmp_path):
    """A checkpoint here is the head of one: what is inside comes from the small twins; encoders have three layers."""
    import comfy.clip_vision
    import folder_paths

    monkeypatch.setattr(published, "SPECS", FAMILIES)
    monkeypatch.setattr(published, "hosts", lambda path: twin(path.stem).patcher)
    monkeypatch.setattr(published, "diffusers", lambda path, spec, device: deepcopy(twin(spec.name).unet).to(device))
    monkeypatch.setattr(published, "hosts_net", lambda path: control_twin().control_net)
    monkeypatch.setattr(published, "diffusers_net", lambda path, device: deepcopy(control_twin().model).to(device))
    monkeypatch.setattr(comfy.clip_vision, "load", lambda path: encoder("vit_h").host)
    monkeypatch.setattr(compare, "_free", lambda: None)
    monkeypatch.setattr(compare, "SIZE", (16, 24))
    before = folder_paths.temp_directory
    folder_paths.set_temp_directory(str(tmp_path / "previews"))
    yield
    folder_paths.set_temp_directory(before)


@pytest.fixture
def models(tmp_path, request):
    """A folder of models; `put` adds a file of each kind by words."""
    folder = tmp_path / "models"

    def checkpoint(family):
        layers = sum(".attn2." in name for name in twin(family).unet.attn_processors)
        shapes = {f"model.diffusion_model.{i}.attn2.to_k.weight": [320, WIDTH[family]] for i in range(layers)}
        shapes["model.diffusion_model.input_blocks.0.0.weight"] = [320, 4, 3, 3]
        path = folder / NAMES[family]
        path.parent.mkdir(parents=True, exist_ok=True)
        sparse.safetensors(path, shapes, dict.fromkeys(shapes, "F16"))

    def adapters(family, *variants):
        (folder / "ipadapter").mkdir(parents=True, exist_ok=True)
        for variant in variants:
            adapter(variant, family).save(folder / "ipadapter" / f"{variant}.safetensors")

    def clip():
        (folder / "clip_vision").mkdir(parents=True, exist_ok=True)
        weights = {key: tensor.half() for key, tensor in encoder("vit_h").reference.state_dict().items()}
        save_file(weights, folder / "clip_vision" / "vit_h.safetensors")

    def faces():
        shutil.copytree(request.getfixturevalue("test_data") / "insightface", folder / "insightface")

    def identity_net():
        (folder / "controlnet").mkdir(parents=True, exist_ok=True)
        save_file(
            {key: tensor.clone() for key, tensor in control_twin().model.state_dict().items()},
            folder / "controlnet" / "identitynet.safetensors",
        )

    return SimpleNamespace(
        folder=folder, checkpoint=checkpoint, adapters=adapters, clip=clip, faces=faces, identity_net=identity_net
    )


@pytest.fixture
def rows(models, request):
    """What the command finds in the folder, as rows; where it finds no face models any picture will do."""

    def found():
        if (models.folder / "insightface").is_dir():
            photo = job.photograph(request.getfixturevalue("test_data") / "photos" / "obama.jpg")
        else:
            photo = (picture(300, 280) * 255).byte().numpy()
        place = torch.device("cuda" if is_card() else "cpu")
        return list(compare.compared(found_in(models.folder), photo, place))

    return found


def by_file(rows):
    return {row.file: row for row in rows}


def test_what_pictures_steer_agrees_in_features_tokens_and_step(models, rows):
    models.checkpoint("sd15")
    models.clip()
    models.adapters("sd15", "base", "plus")
    found = rows()
    assert {row.verdict for row in found} == {AGREES} and status_of(found) == 0
    assert len(found) == 1 + 2 * 3
    steps = [row for row in found if row.effect is not None]
    assert [row.file for row in steps] == ["ipadapter/base.safetensors", "ipadapter/plus.safetensors"]
    assert min(row.effect for row in steps) > 0.1


def test_what_faces_steer_agrees_and_a_copy_of_two_kinds_as_both(models, rows):
    models.checkpoint("sd15")
    models.clip()
    models.faces()
    models.adapters("sd15", "faceid_plus")
    found = rows()
    assert {row.verdict for row in found} == {AGREES}, found
    assert {row.file.partition(" as ")[2] for row in found if row.effect} == {"FaceID plus", "FaceID plus v2"}


def test_instantid_agrees_alone_and_with_its_net(models, rows):
    models.checkpoint("sdxl")
    models.faces()
    models.identity_net()
    models.adapters("sdxl", "instantid")
    found = rows()
    assert {row.verdict for row in found} == {AGREES}, found
    assert found[-1].file == "controlnet/identitynet.safetensors" and found[-1].effect > 0.01


def test_a_difference_is_seen_and_told(models, rows, monkeypatch):
    models.checkpoint("sd15")
    models.clip()
    models.adapters("sd15", "base")
    monkeypatch.setattr(theirs, "WEIGHT", ours.WEIGHT * 1.001)
    found = rows()
    assert [row.verdict for row in found] == [AGREES, AGREES, AGREES, DIFFERS] and status_of(found) == 1
    assert found[-1].cells()[-1] == DIFFERS and found[-1].difference > found[-1].limit


def test_damaged_missing_and_wrong_files_are_named(models, rows):
    models.checkpoint("sd15")
    models.adapters("sd15", "base", "faceid")
    adapter("plus", "sdxl").save(models.folder / "ipadapter" / "for sdxl.safetensors")
    whole = models.folder / "ipadapter" / "base.safetensors"
    (models.folder / "ipadapter" / "cut.safetensors").write_bytes(whole.read_bytes()[:-1000])
    found = by_file(rows())
    assert found["ipadapter/cut.safetensors"].verdict == DAMAGED
    for name, words in (
        ("base", ("needs an image encoder", "CLIP ViT-H/14", "Found: none")),
        ("faceid", ("reads faces", "insightface/")),
        ("for sdxl", ("is for SDXL", "Found: sd15")),
    ):
        row = found[f"ipadapter/{name}.safetensors"]
        assert row.verdict == NOT_COMPARED and all(part in row.why for part in words), row.why
    assert found[NAMES["sd15"]].verdict == AGREES
    assert status_of(list(found.values())) == 1


WHOLE_BUT_NOT_COMPARED = {
    "xlabs_flux_ip_adapter": ("is for FLUX.1", "adapters for SD1.5 and SDXL are compared"),
    "xlabs_flux_ip_adapter_v2": ("is for FLUX.1",),
    "instantx_flux_ip-adapter": ("FLUX",),
    "instantx_sd35_ip-adapter": ("is for SD3.5 Large",),
}


def test_a_whole_file_of_another_kind_is_named_and_not_called_damaged(models, rows):
    models.folder.mkdir()
    written = {name: sparse.write(name, models.folder, f"{name}.safetensors") for name in WHOLE_BUT_NOT_COMPARED}
    found = by_file(rows())
    for name, words in WHOLE_BUT_NOT_COMPARED.items():
        row = found[written[name].name]
        assert row.verdict == NOT_COMPARED and all(part in row.why for part in words), row
    assert status_of(list(found.values())) == 3


def test_an_adapter_that_no_reference_has_is_named(tmp_path):
    path = tmp_path / "pulid.safetensors"
    adapters.write_safetensors(adapters.adapter_state_dict("sdxl", "pulid", 7), path)
    with pytest.raises(ValueError, match=r"it is PuLID v1\.1 for SDXL, which diffusers does not have"):
        job.jobs_for(Found(tmp_path), adapter_file(path.name, path))


def test_what_a_node_refuses_and_what_a_card_has_no_room_for_cost_only_their_own_rows(models, rows, monkeypatch):
    models.checkpoint("sd15")
    shutil.copy(models.folder / NAMES["sd15"], models.folder / "checkpoints" / "second.safetensors")
    models.clip()
    models.adapters("sd15", "base", "plus")
    whole = ours.ours

    def refused(job, *given):
        if job.variant == "plus":
            raise ValueError("it is for Kolors.\n  Load Kolors.")
        return whole(job, *given)

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(ours, "ours", refused)
    monkeypatch.setattr(theirs, "theirs", full)
    found = rows()
    plus, plain, last = found
    assert (plus.file, plus.why) == ("ipadapter/plus.safetensors", "it is for Kolors. Load Kolors.")
    assert plain.verdict == AGREES and "not with checkpoints/second.safetensors" in plain.compared
    assert last.file == NAMES["sd15"] and "the card's memory was full" in last.why
    assert [row.verdict for row in found] == [NOT_COMPARED, AGREES, NOT_COMPARED] and status_of(found) == 3


def test_an_empty_folder_says_what_is_missing(models, rows):
    models.folder.mkdir()
    (only,) = rows()
    assert "no SD1.5 or SDXL checkpoint" in only.why and status_of([only]) == 3
