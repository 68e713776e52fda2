"""PuLID from a photo to a steered picture: its files in ComfyUI's folders, found by their contents."""

from dataclasses import replace

import pytest
import torch
from pack.attention.reference.embeds_file import load as load_file
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.forms.choose_face import ChooseFace
from pack.nodes.forms.encode_reference import EncodeReference
from pack.nodes.forms.load_ip_adapter import LoadIPAdapter
from pack.nodes.forms.save_embeds import SaveEmbeds

FOLDERS = ("pulid", "clip_vision", "facexlib")


@pytest.fixture(scope="module")
def models(folders, tmp_path_factory):
    """A model folder with an adapter, a tower and a parser, each under a name that says nothing."""
    from miniature import adapters, face_parts
    from pack.attention.reference.face_parsing import FaceParsingNet
    from pack.nodes.files.folders import register

    register()
    base = tmp_path_factory.mktemp("models")
    for name in FOLDERS:
        (base / name).mkdir()
        folders.add_model_folder_path(name, str(base / name), is_default=True)
    adapters.write_safetensors(adapters.adapter_state_dict("sdxl", "pulid", 7), base / "pulid" / "a.safetensors")
    face_parts.write_tower(3, base / "clip_vision" / "b.pt")
    face_parts.write_parser(FaceParsingNet(), 5, base / "facexlib" / "c.pth")
    yield base
    for name in FOLDERS:
        folders.get_folder_paths(name).remove(str(base / name))


@pytest.fixture
def loaded(models, ran):
    return ran(LoadIPAdapter, file="a.safetensors")


@pytest.fixture(scope="session")
def person(ran, found, photo):
    return lambda name: ran(ChooseFace, faces=found(photo(name)).faces).faces


def test_the_loader_says_the_weight_of_its_authors(models):
    said = LoadIPAdapter.execute("a.safetensors").ui["text"][0]
    assert "its authors use weight 0.8" in said.splitlines()


def applied(sdxl, adapter, **inputs):
    return ApplyIPAdapter.execute(sdxl.model, adapter, **inputs).args[0]


def test_a_face_steers_and_another_face_steers_elsewhere(sdxl, ksample, loaded, person):
    assert "PuLID v1.1 for SDXL" in loaded.shown and "found in models/clip_vision: b.pt" in loaded.shown
    plain = ksample(sdxl)
    pictures = [
        ksample(sdxl, applied(sdxl, loaded.adapter, faces=person(name), any_recogniser=True, weight=0.8))
        for name in ("obama.jpg", "biden.jpg")
    ]
    assert all((picture - plain).abs().mean() > 1e-2 for picture in pictures)
    assert (pictures[0] - pictures[1]).abs().mean() > 1e-3
    none = applied(sdxl, loaded.adapter, faces=person("obama.jpg"), any_recogniser=True, weight=0.0)
    assert torch.equal(ksample(sdxl, none), plain)


def test_the_authors_rule_is_the_default_and_the_two_methods_differ(sdxl, loaded, person):
    methods = {}
    for method in ("as authors", "fidelity", "style", "add"):
        model = applied(sdxl, loaded.adapter, faces=person("obama.jpg"), any_recogniser=True, fusion=method)
        (attachment,) = model.model_options["transformer_options"]["likeness_attachments"]
        methods[method] = attachment.fusion
    default = applied(sdxl, loaded.adapter, faces=person("obama.jpg"), any_recogniser=True)
    (attachment,) = default.model_options["transformer_options"]["likeness_attachments"]
    assert attachment.fusion == methods["as authors"] == methods["fidelity"] != methods["style"]
    assert (attachment.fusion.rule, attachment.fusion.zero_tokens, attachment.fusion.mass_tokens) == (
        "orthogonal v2",
        20,
        5,
    )
    assert methods["style"].zero_tokens == 16 and methods["add"].adds and not methods["add"].zero_tokens
    assert attachment.positive.num_tokens == 32


def test_saved_embeds_steer_as_the_face_does_to_the_bit(sdxl, loaded, person, ran, folders, tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "get_output_directory", lambda: str(tmp_path))
    face = replace_recogniser(person("obama.jpg"))
    made = ran(EncodeReference, adapter=loaded.adapter, faces=face)
    assert made.embeds.names == ("face", "unit_face", "face_hidden", "face_pooled")
    SaveEmbeds.execute(made.embeds, "anna", adapter=loaded.adapter)
    (path,) = tmp_path.rglob("anna*.safetensors")
    again = load_file(path).embeds
    models = [applied(sdxl, loaded.adapter, faces=face), applied(sdxl, loaded.adapter, embeds=again)]
    sources = [m.model_options["transformer_options"]["likeness_attachments"][0] for m in models]
    for side in ("positive", "negative"):
        one, other = (getattr(source, side) for source in sources)
        assert one.digest == other.digest and torch.equal(one.memory, other.memory)


def test_what_is_missing_or_of_another_kind_is_said(sdxl, loaded, load, models, person, monkeypatch):
    faces = person("obama.jpg")

    def fails(match, **inputs):
        with pytest.raises(ValueError, match=match):
            applied(sdxl, inputs.pop("adapter", loaded.adapter), **{"faces": faces, "any_recogniser": True, **inputs})

    fails("ResNet100 .antelopev2.", any_recogniser=False)
    fails("not EVA02-CLIP, which PuLID reads. Disconnect 'clip_vision'", clip_vision=load("sd15").clip_vision)
    fails(
        "needs an image encoder with face_hidden of width 72, in models/clip_vision",
        adapter=replace(loaded.adapter, clip_vision=None),
    )
    fails("reads a face: connect 'faces'", faces=None, image=torch.rand(1, 32, 32, 3))
    without_photo = (
        replace(faces[0], faces=(replace(faces[0].faces[0], picture=replace(faces[0].picture, photo=None)),)),
    )
    fails("The photo of picture 1 of 1 is not there, and PuLID has to see the face in it", faces=without_photo)
    parser = models / "facexlib" / "c.pth"
    whole = parser.read_bytes()
    try:
        parser.write_bytes(whole[:1000])
        fails("none is in models/facexlib .'c.pth' .*Put it there: parsing_bisenet.pth .53,289,463 bytes.")
        parser.unlink()
        fails("none is in models/facexlib. Put it there: parsing_bisenet.pth")
    finally:
        parser.write_bytes(whole)


def replace_recogniser(faces):
    """The same face as if antelopev2 had embedded it."""
    return tuple(
        replace(entry, faces=tuple(replace(face, recogniser="ResNet100") for face in entry.faces)) for entry in faces
    )


def test_a_network_of_faces_is_read_once_and_a_damaged_one_is_named(tmp_path):
    from pack.nodes.files import facexlib

    def net_of(weights, operations):
        net = operations.Linear(3, 2)
        net.load_state_dict(weights)
        return net

    good, damaged = tmp_path / "good.pth", tmp_path / "damaged.pth"
    torch.save({"weight": torch.ones(2, 3), "bias": torch.ones(2)}, good)
    torch.save({"weight": torch.ones(2, 2), "bias": torch.ones(2)}, damaged)
    held = facexlib.loaded(good, net_of)
    assert facexlib.loaded(good, net_of) is held
    with pytest.raises(ValueError, match=r"^'damaged\.pth' is damaged or of another network: .*size mismatch"):
        facexlib.loaded(damaged, net_of)
