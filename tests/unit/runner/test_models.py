"""Real checkpoints are recognised by their contents and chosen so that they fit together."""

import json
import struct

import pytest

from runner.demo.job import RANDOM_CAPTION, miniature_job, real_job
from runner.folders import folders_in, options_for
from runner.models import FROM_TEXT, UNET, choose, search
from runner.problems import Problem

VAE = {"first_stage_model.decoder.conv_in.weight": [512, 4, 3, 3]}
SD15 = {f"{UNET}.0.0.weight": [320, 4, 3, 3], f"{UNET}.1.1.{FROM_TEXT}": [320, 768], **VAE}
SDXL = {f"{UNET}.0.0.weight": [320, 4, 3, 3], f"{UNET}.4.1.{FROM_TEXT}": [640, 2048], **VAE}
INPAINTING = {**SD15, f"{UNET}.0.0.weight": [320, 9, 3, 3]}
VIT_H = {"visual_projection.weight": [1024, 1280]}
VIT_BIGG = {"visual_projection.weight": [1280, 1664]}
VIT_L = {"visual_projection.weight": [768, 1024]}
BASE_15 = {"image_proj.proj.weight": [3072, 1024], "ip_adapter.1.to_k_ip.weight": [320, 768]}
PLUS_15 = {
    "image_proj.latents": [1, 16, 768],
    "image_proj.proj_in.weight": [768, 1280],
    "ip_adapter.1.to_k_ip.weight": [320, 768],
}
BASE_XL_BIGG = {"image_proj.proj.weight": [8192, 1280], "ip_adapter.1.to_k_ip.weight": [640, 2048]}
INSTANTID = {
    "image_proj.latents": [1, 16, 1280],
    "image_proj.proj_in.weight": [1280, 512],
    "ip_adapter.1.to_k_ip.weight": [640, 2048],
}


@pytest.fixture
def folder(tmp_path):
    """Writes safetensors files that consist of a header alone."""

    def fill(**files):
        for name, shapes in files.items():
            header = {key: {"dtype": "F16", "shape": shape, "data_offsets": [0, 0]} for key, shape in shapes.items()}
            text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
            path = tmp_path.joinpath(*name.split("/")).with_suffix(".safetensors")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(struct.pack("<Q", len(text)) + text)
        return tmp_path

    return fill


def test_each_kind_is_told_apart_and_the_rest_passed_over(folder):
    found = search(
        folder(a=SD15, b=SDXL, c=INPAINTING, d=VIT_H, e=VIT_BIGG, f=VIT_L, g=BASE_15, h=PLUS_15, i=INSTANTID)
    )
    kinds = [(each.path.stem, each.kind.role, each.kind.family or each.kind.encoder) for each in found]
    assert kinds == [
        ("a", "checkpoints", "sd15"),
        ("b", "checkpoints", "sdxl"),
        ("d", "clip_vision", "vit_h"),
        ("e", "clip_vision", "vit_bigg"),
        ("g", "ipadapter", "sd15"),
        ("h", "ipadapter", "sd15"),
    ]


def test_three_that_fit_are_chosen_from_a_flat_folder(folder):
    models = choose(folder(model=SD15, other=SDXL, vision=VIT_H, base=BASE_15, plus=PLUS_15))
    names = [each.path.stem for each in (models.checkpoint, models.encoder, models.adapter)]
    assert names == ["model", "vision", "plus"] and models.family == "sd15"


def test_and_from_a_models_folder_whose_files_have_the_same_name(folder):
    files = {"checkpoints/xl/model": SDXL, "clip_vision/model": VIT_BIGG, "ipadapter/model": BASE_XL_BIGG}
    root = folder(**files)
    models = choose(root)
    assert models.family == "sdxl"
    assert models.folders() == {
        "checkpoints": [root / "checkpoints" / "xl"],
        "clip_vision": [root / "clip_vision"],
        "ipadapter": [root / "ipadapter"],
    }


def test_what_is_missing_is_told(folder):
    root = folder(model=SD15, vision=VIT_BIGG, base=BASE_15)
    (root / "ip-adapter_sd15.bin").write_bytes(b"PK")
    (root / "broken.safetensors").write_bytes(b"\x00")
    with pytest.raises(Problem) as problem:
        choose(root)
    said = str(problem.value)
    assert "SD1.5 checkpoint: " in said and "ViT-bigG" in said and "ip-adapter_sd15.bin" in said and "ViT-H" in said


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(Problem, match="is not a folder"):
        choose(tmp_path / "gone")


def test_the_real_job_loads_the_chosen_files_at_full_size(folder, tmp_path):
    job = real_job(tmp_path, choose(folder(model=SDXL, vision=VIT_BIGG, base=BASE_XL_BIGG)))
    assert job.model == {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "model.safetensors"}}
    assert job.encoder == {"class_type": "CLIPVisionLoader", "inputs": {"clip_name": "vision.safetensors"}}
    assert (job.adapter_file, job.pixels, job.steps, job.caption) == ("base.safetensors", 1024, 20, "")


IDENTITY = ("instantid/ip-adapter.bin", "controlnet/instantid-identitynet.safetensors")
FACES = "insightface/models/antelopev2/glintr100.onnx"


def with_files(root, *names):
    for name in names:
        root.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        root.joinpath(name).touch()
    return root


def test_instantid_is_drawn_where_its_files_are(folder, tmp_path):
    root = with_files(folder(model=SDXL, vision=VIT_BIGG, base=BASE_XL_BIGG), *IDENTITY, FACES)
    models = choose(root)
    assert (
        models.folders().items()
        >= {
            "instantid": [root / "instantid"],
            "controlnet": [root / "controlnet"],
            "insightface": [root / "insightface"],
        }.items()
    )
    job = real_job(tmp_path, models)
    assert job.identity.adapter["inputs"] == {"file": "ip-adapter.bin", "kind": "instantid"}
    assert job.identity.control_net["inputs"] == {"control_net_name": "instantid-identitynet.safetensors"}
    assert job.identity.face_models["inputs"]["pack"] == "antelopev2" and not job.identity.any_recogniser


def test_instantid_is_left_out_and_what_is_missing_said(folder, capsys):
    root = with_files(folder(model=SDXL, vision=VIT_BIGG, base=BASE_XL_BIGG), *IDENTITY)
    assert choose(root).identity is None
    assert f"there is no {FACES}" in capsys.readouterr().out
    (root / "model.safetensors").unlink()
    assert choose(with_files(folder(model=SD15, vision=VIT_H, base=BASE_15), FACES)).identity is None
    assert "needs an SDXL checkpoint" in capsys.readouterr().out


def test_sd15_is_drawn_at_512(folder, tmp_path):
    assert real_job(tmp_path, choose(folder(model=SD15, vision=VIT_H, base=BASE_15))).pixels == 512


def test_a_job_survives_its_file(tmp_path):
    job = miniature_job(tmp_path)
    job.write(tmp_path / "job.json")
    assert type(job).read(tmp_path / "job.json") == job
    assert job.caption == RANDOM_CAPTION


def test_folders_are_handed_over_in_a_form_comfyui_reads(folder, tmp_path):
    yaml = pytest.importorskip("yaml")
    root = folder(**{"checkpoints/a": SD15, "ipadapter/b": BASE_15, "mine/c": VIT_H})
    file = tmp_path / "with space" / "folders.yaml"
    option, path = options_for(folders_in(root), file)
    assert option == "--extra-model-paths-config" and path == str(file)
    read = yaml.safe_load(file.read_text(encoding="utf-8"))["likeness"]
    assert read == {name: str(root / name) for name in ("checkpoints", "ipadapter", "mine")}
    assert options_for({}, file) == []


def test_a_flat_folder_counts_as_every_category(folder):
    root = folder(a=SD15)
    assert folders_in(root)["checkpoints"] == folders_in(root)["ipadapter"] == [root]
