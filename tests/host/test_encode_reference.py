"""Encode Reference shows what the encoder sees of each picture: nothing is cropped unseen."""

import dataclasses

import folder_paths
import numpy as np
import pytest
import torch
from miniature import adapters, families, models
from pack.attention.adapter import checkpoint
from pack.attention.adapter.adapter import Adapter
from pack.attention.reference import encode as encoding
from pack.attention.reference import encoders
from pack.attention.reference.encode import encode, seen
from pack.attention.reference.square import MEAN_COLOUR, SQUARE_FITS
from pack.nodes.files.encoder import encoder_for
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.forms.encode_reference import EncodeReference
from pack.nodes.wires import LoadedAdapter
from PIL import Image


@pytest.fixture(scope="module")
def encoder():
    return models.clip_vision("vit_h", 3)


def halves(height=60, width=120):
    """Red left, green middle, blue right: three bands across the long side."""
    picture = torch.zeros(1, height, width, 3)
    for i in range(3):
        picture[:, :, i * width // 3 : (i + 1) * width // 3, i] = 1
    return picture


@pytest.mark.parametrize("fit", SQUARE_FITS)
def test_what_is_shown_is_what_is_encoded(fit, encoder, picture):
    image = picture(1, 90, 70, count=2)
    mask = torch.rand(1, 40, 40)
    squares = seen(encoder, image, fit, mask)
    assert squares.shape == (2, 224, 224, 3) and squares.min() >= 0 and squares.max() <= 1
    for i, square in enumerate(squares):
        fed = encoding._pixel_values(encoder, image[i], fit, mask[0])
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (encoder.image_mean, encoder.image_std))
        torch.testing.assert_close((square.movedim(-1, 0) - mean) / std, fed[0], rtol=0, atol=1e-5)


def test_a_crop_shows_what_is_cut_away_by_its_absence(encoder):
    crop = seen(encoder, halves())[0]
    colours = crop[112, [2, 112, 221]]
    assert colours[1].tolist() == pytest.approx([0, 1, 0], abs=0.01)
    assert colours[0, 0] > 0.9 and crop[112, :, 0].gt(0.5).float().mean() == pytest.approx(1 / 6, abs=0.02)
    whole = seen(encoder, halves(), "squash")[0]
    assert whole[112, :, 0].gt(0.5).float().mean() == pytest.approx(1 / 3, abs=0.02)
    padded = seen(encoder, halves(), "pad")[0]
    assert padded[5, 112].tolist() == pytest.approx(MEAN_COLOUR, abs=2 / 255)
    assert padded[112, :, 0].gt(0.9).float().mean() == pytest.approx(1 / 3, abs=0.02)


def test_what_a_mask_leaves_out_is_shown_in_the_mean_colour(encoder):
    mask = torch.zeros(1, 60, 120)
    mask[:, :30] = 1
    masked = seen(encoder, halves(), "squash", mask)[0]
    assert masked[200, 112].tolist() == pytest.approx(MEAN_COLOUR, abs=0.01)
    assert masked[20, 112].tolist() == pytest.approx([0, 1, 0], abs=0.01)


def test_a_mask_follows_its_picture_to_its_device():
    masks = torch.rand(2, 4, 4)
    assert encoding._mask_of(masks, 5, torch.device("meta")).device.type == "meta"
    assert torch.equal(encoding._mask_of(masks, 5, torch.device("cpu")), masks[1])


@pytest.mark.parametrize("variant", ["faceid", "portrait"])
def test_an_adapter_that_reads_faces_is_sent_to_apply(variant, picture, tmp_path):
    path = tmp_path / "face.bin"
    adapters.write_bin(adapters.adapter_state_dict("sd15", variant, 7), path)
    loaded = LoadedAdapter(Adapter(checkpoint.read(path), "auto"), None)
    with pytest.raises(
        ValueError, match="reads a face: connect 'faces' from Choose Face or Embed Faces instead of 'image'"
    ):
        EncodeReference.execute(loaded, picture(1), clip_vision=models.clip_vision("vit_h", 3))
    with pytest.raises(ValueError, match="connect 'faces' to Apply IP-Adapter") as caught:
        encoder_for(loaded, None)
    assert "clip_vision" not in str(caught.value)


def test_the_node_previews_it(load, picture, tmp_path, monkeypatch):
    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path))
    loaded = load("sd15", "plus")
    output = EncodeReference.execute(loaded, picture(1, 90, 70, count=2), fit="crop")
    entries = output.ui["images"]
    expected = seen(loaded.clip_vision, picture(1, 90, 70, count=2), "crop")
    assert len(entries) == 2
    for entry, square in zip(entries, expected, strict=True):
        saved = np.asarray(Image.open(tmp_path / entry["filename"]), dtype=np.float32)
        assert abs(saved - square.numpy() * 255).max() <= 1
    assert EncodeReference.GET_SCHEMA().has_intermediate_output


def test_apply_shows_what_the_encoder_sees_and_says_when_it_is_not_all(sd15, load, picture):
    """A picture connected straight to Apply is cropped to its centre: never without showing it."""
    wide, square = (
        ApplyIPAdapter.execute(sd15.model, load("sd15"), image=picture(1, height=96, width=width))
        for width in (160, 96)
    )
    assert len(wide.ui["images"]) == len(square.ui["images"]) == 1
    assert "sees only the centre" in wide.ui["text"][0]
    assert "text" not in square.ui


def test_a_connected_picture_is_made_square_once(sd15, load, picture, monkeypatch):
    """For the encoder and for the preview alike."""
    made = []
    square = encoding._pixel_values
    monkeypatch.setattr(encoding, "_pixel_values", lambda *given: (made.append(1), square(*given))[1])
    for weight in (1.0, 0.5):
        ApplyIPAdapter.execute(sd15.model, load("sd15"), image=picture(77, 90, 70, count=2), weight=weight)
    assert made == [1, 1]


def test_a_batch_in_memory_of_many_gives_what_each_alone_gives(encoder, picture, monkeypatch):
    """On a GPU pictures are encoded together; on a processor one by one, so that the last bit stays the same too."""
    asked = []
    run = encoding._embeds
    monkeypatch.setattr(encoding, "_embeds", lambda clip, pixels: (asked.append(len(pixels)), run(clip, pixels))[1])
    images = torch.cat([picture(seed, 90, 70) for seed in (1, 2, 1, 3, 2, 4)])
    with monkeypatch.context() as on_a_processor:
        on_a_processor.setattr(encoding.comfy.model_management, "is_device_cpu", lambda _: True)
        alone = encode(models.clip_vision("vit_h", 3), images)
    assert asked == [1, 1, 1, 1]
    monkeypatch.setattr(encoding, "_at_once", lambda *_: 3)
    together = encode(models.clip_vision("vit_h", 3), images)
    assert asked[4:] == [3, 1]
    for name in ("image_embeds", "penultimate"):
        one, all_ = alone.feature(name), together.feature(name)
        assert (one - all_).abs().max() <= 1e-5 * one.abs().max()
        assert torch.equal(all_[0], all_[2]) and not torch.equal(all_[0], all_[1])


@pytest.mark.parametrize(("free", "count"), [(0, 1), (3.5, 3), (1e9, encoding.MOST_AT_ONCE)])
def test_a_batch_is_as_large_as_the_host_has_memory_for(free, count, encoder, monkeypatch):
    monkeypatch.setattr(encoding.comfy.model_management, "is_device_cpu", lambda _: False)
    room = free * encoding._bytes_of_one(encoder)
    monkeypatch.setattr(encoding.comfy.model_management, "get_free_memory", lambda _: room)
    assert encoding._at_once(encoder) == count


def test_of_many_pictures_the_first_are_shown_and_the_rest_counted(sd15, load, picture):
    output = ApplyIPAdapter.execute(sd15.model, load("sd15"), image=picture(5, 40, 40).expand(20, -1, -1, -1))
    assert len(output.ui["images"]) == 16 and "(the first 16 of 20 are shown)" in output.ui["text"][0]


def test_encode_reference_shows_each_different_picture_once_and_says_how_many_there_are(load, picture):
    different = picture(8, 40, 40, count=20)
    frames = different[[i // 15 for i in range(300)]]
    output = EncodeReference.execute(load("sd15"), frames)
    assert output.args[0].count == 300
    assert len(output.ui["images"]) == 16
    assert output.ui["text"] == ("300 pictures, 20 of them different\n(the first 16 of 20 are shown)",)
    few = EncodeReference.execute(load("sd15"), different[:2], mask=torch.ones(1, 40, 40))
    assert len(few.ui["images"]) == 2 and "text" not in few.ui


def test_a_mask_of_its_own_makes_a_picture_a_different_one(load, picture):
    same = picture(9, 40, 40).expand(3, -1, -1, -1)
    masks = torch.stack([torch.ones(40, 40), torch.zeros(40, 40)])
    output = EncodeReference.execute(load("sd15"), same, mask=masks)
    assert len(output.ui["images"]) == 2 and output.ui["text"][0] == "3 pictures, 2 of them different"


@pytest.fixture
def same_clip(monkeypatch):
    """SDXL's narrow text encoders, one of them as wide as the miniature of ViT-bigG, which is named as published."""
    with monkeypatch.context() as narrower:
        family = dataclasses.replace(families.FAMILIES["sdxl"], text={"clip_l": 48, "clip_g": 72})
        narrower.setitem(families.FAMILIES, "sdxl", family)
        clip = models.clip("sdxl", 5)
    encoder = dataclasses.replace(encoders.ENCODERS[1], image_embeds=72, penultimate=96)
    monkeypatch.setattr(encoders, "ENCODERS", (encoder,))
    encoding._caches.clear()  # what is in there bears the encoder's other name
    yield clip
    encoding._caches.clear()


def test_a_text_is_taken_out_of_the_pictures(sdxl, load, picture, same_clip, ksample, apply):
    loaded = load("sdxl")
    given = {"image": picture(1, count=2), "subtract_text": "a cat", "clip": same_clip}
    plain, off, half, whole = (
        EncodeReference.execute(loaded, **(given | more)).args
        for more in ({"subtract_text": " "}, {"subtract_strength": 0.0, "clip": None}, {"subtract_strength": 0.5}, {})
    )
    pictures = plain[0].feature("image_embeds")
    text = same_clip.encode_from_tokens(same_clip.tokenize("a cat"), return_pooled=True)[1]
    assert all(torch.equal(off[0].feature(name), plain[0].feature(name)) for name in plain[0].names)
    assert torch.equal(whole[0].feature("image_embeds"), pictures - text)
    assert torch.equal(half[0].feature("image_embeds"), pictures - 0.5 * text)
    assert whole[0].names == ("image_embeds",) and torch.equal(whole[1].feature("image_embeds"), torch.zeros(1, 72))
    drawn = [ksample(sdxl, apply(sdxl.model, "sdxl", embeds=embeds)) for embeds in (plain[0], whole[0])]
    assert (drawn[0] - drawn[1]).abs().max() > 1e-3


def test_a_text_of_another_clip_or_without_counterpart_is_refused(sd15, sdxl, load, picture, same_clip):
    def refused(loaded, words, text="a cat", **given):
        with pytest.raises(ValueError, match=words):
            EncodeReference.execute(loaded, **{"image": picture(1), "subtract_text": text, "clip": same_clip, **given})

    refused(load("sdxl"), "trained with CLIP ViT-bigG/14: connect SDXL's CLIP.* to 'clip'", clip=None)
    refused(load("sdxl"), "reads text by l, but 'subtract_text' needs .*connect SDXL's", clip=sd15.clip)
    refused(load("sdxl"), "pools a text to 80 numbers and the pictures' embeds are 72 wide", clip=sdxl.clip)
    refused(load("sdxl"), "longer than the 75 tokens", text="cat " * 80)
    refused(load("sd15"), "the image encoder is an encoder of width 64 .*ViT-bigG/14 and CLIP ViT-H/14")
    refused(load("sdxl", "plus"), "reads the encoder's penultimate: a text has no counterpart")
    refused(load("sdxl"), "acts on 'image', not on 'faces'", image=None)
    with torch.no_grad():
        same_clip.cond_stage_model.clip_g.transformer.text_projection.weight.zero_()
    refused(load("sdxl"), "file has no text projection")
