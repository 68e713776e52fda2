"""An adapter that was trained on pictures of another size than its encoder's: the encoder sees them at that size."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from comfy.clip_vision import ClipVisionModel
from miniature import adapters, models
from pack.attention.adapter import checkpoint
from pack.attention.adapter.adapter import Adapter
from pack.attention.branch.build import unconditional
from pack.attention.files import known, published
from pack.attention.files.sha256 import sha256_of
from pack.attention.reference import encode as encoding
from pack.attention.reference.encode import encode, encode_zero_pixels, seen
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.forms.encode_reference import EncodeReference
from pack.nodes.forms.load_ip_adapter import _summary
from pack.nodes.wires import LoadedAdapter

SIDE = 448
POSITIONS = "vision_model.embeddings.position_embedding.weight"


@pytest.fixture(scope="module")
def encoder():
    return models.clip_vision("vit_bigg", 3)


@pytest.fixture(scope="module")
def larger(encoder):
    """The host's own encoder made for 448 pixels, with the same weights and the position embeddings scaled."""
    made = ClipVisionModel(models.vision_config("vit_bigg") | {"image_size": SIDE})
    state = {key: tensor.clone() for key, tensor in encoder.model.state_dict().items()}
    own = state.pop(POSITIONS).float()
    grid = own[1:].T.reshape(1, -1, 16, 16)
    scaled = F.interpolate(grid, (32, 32), mode="bicubic", align_corners=True)[0].flatten(1).T
    made.model.load_state_dict(state, strict=False, assign=made.patcher.is_dynamic())
    # Not rounded to the type of the other weights.
    place = made.model.vision_model.embeddings.position_embedding
    place.weight = torch.nn.Parameter(torch.cat([own[:1], scaled]), requires_grad=False)
    return made


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    """An adapter file that is known to have been trained at 448 pixels."""
    path = tmp_path / "style.safetensors"
    adapters.write_safetensors(adapters.adapter_state_dict("sdxl", "base", 3), path)
    row = replace(published.KNOWN[0], size=path.stat().st_size, sha256=sha256_of(path)[:8])
    monkeypatch.setattr(known, "KNOWN", (row,))
    return Adapter(checkpoint.read(path))


def test_the_encoder_is_that_of_the_larger_pictures(encoder, larger, picture):
    before = encode(encoder, picture(1))
    image = picture(2, 300, 500, count=2)
    found, wanted = encode(encoder, image, size=SIDE), encode(larger, image)
    assert found.feature("penultimate").shape == (2, 32 * 32 + 1, 96)
    for feature in ("image_embeds", "penultimate"):
        torch.testing.assert_close(found.feature(feature), wanted.feature(feature), atol=1e-5, rtol=1e-5)
    assert (found.feature("image_embeds") - encode(encoder, image).feature("image_embeds")).abs().max() > 1e-2
    assert found.encoder.endswith("at 448 pixels")
    zeros = [encode_zero_pixels(encoder, SIDE), encode_zero_pixels(larger)]
    torch.testing.assert_close(*(each.feature("penultimate") for each in zeros), atol=1e-5, rtol=1e-5)
    assert seen(encoder, image, size=SIDE).shape == (2, SIDE, SIDE, 3)
    # The encoder is as it was, and so is what it makes of pictures of its own size.
    assert encoder.model.get_parameter(POSITIONS).shape[0] == 257
    encoding._caches.pop(encoder)
    assert torch.equal(encode(encoder, picture(1)).feature("penultimate"), before.feature("penultimate"))


def test_corners_and_class_token_stay_where_they_are(encoder):
    (scaled,) = encoding._positions(encoder, SIDE).values()
    own = encoder.model.get_parameter(POSITIONS).float()
    assert torch.equal(scaled[0], own[0])
    for theirs, ours in ((0, 0), (15, 31), (240, 992), (255, 1023)):
        torch.testing.assert_close(scaled[1 + ours], own[1 + theirs])
    assert encoding._positions(encoder, 224) == {}


def test_apply_and_encode_reference_use_it_and_the_loader_says_it(adapter, encoder, larger, sdxl, ksample, picture):
    loaded = LoadedAdapter(adapter, encoder)
    assert adapter.picture_size == SIDE
    assert "trained on pictures of 448 pixels" in _summary(adapter, encoder)
    image = picture(4, 500, 500)
    positive, _ = EncodeReference.execute(loaded, image).args
    torch.testing.assert_close(
        positive.feature("image_embeds"), encode(larger, image).feature("image_embeds"), atol=1e-5, rtol=1e-5
    )
    (steered,) = ApplyIPAdapter.execute(sdxl.model, loaded, image=image).args
    (given,) = ApplyIPAdapter.execute(sdxl.model, loaded, embeds=positive).args
    (small,) = ApplyIPAdapter.execute(sdxl.model, loaded, embeds=encode(encoder, image)).args
    found = ksample(sdxl, steered)
    assert torch.equal(found, ksample(sdxl, given))
    assert (found - ksample(sdxl, small)).abs().max() > 1e-3
    assert unconditional(adapter, encoder).feature("image_embeds").abs().max() == 0


def test_another_file_of_that_size_is_not_it(tmp_path, monkeypatch):
    path = tmp_path / "other.safetensors"
    adapters.write_safetensors(adapters.adapter_state_dict("sdxl", "base", 4), path)
    monkeypatch.setattr(known, "KNOWN", (replace(published.KNOWN[0], size=path.stat().st_size),))
    assert known.known(path) is None
    assert Adapter(checkpoint.read(path)).picture_size is None
