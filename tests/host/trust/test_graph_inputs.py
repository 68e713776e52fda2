"""Everything that a graph may legally send into a node: the right picture or one clear error, never a half-steered model."""

import copy
import math

import pytest
import torch
from miniature import strangers
from pack.attention.reference.embeds import Embeds
from pack.attention.sampling.attach import attachments
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from pack.nodes.forms.encode_reference import EncodeReference
from pack.nodes.forms.layer_weights import LayerWeightsNode
from pack.nodes.forms.noise_picture import NoisePicture

NAN, INF = math.nan, math.inf
PICTURES = {
    "1 x 1": torch.full((1, 1, 1, 3), 0.3),
    "8192 x 64": torch.rand(1, 64, 8192, 3),
    "64 x 8192": torch.rand(1, 8192, 64, 3),
    "grey": torch.rand(1, 32, 48, 1),
    "with alpha": torch.rand(1, 32, 48, 4),
    "half precision": torch.rand(1, 32, 48, 3).half(),
    "double precision": torch.rand(1, 32, 48, 3).double(),
    "many": torch.rand(7, 16, 16, 3),
    "beyond 0 to 1": torch.rand(1, 32, 48, 3) * 5 - 2,
    "not contiguous": torch.rand(1, 3, 32, 48).movedim(1, -1),
}
NO_PICTURES = {
    "none": torch.zeros(0, 32, 32, 3),
    "no rows": torch.zeros(1, 0, 32, 3),
    "NaN": torch.rand(2, 32, 32, 3).index_fill(0, torch.tensor([1]), NAN),
    "infinite": torch.full((1, 32, 32, 3), INF),
    "one dimension less": torch.rand(32, 32, 3),
    "video": torch.rand(1, 2, 32, 32, 3),
    "two channels": torch.rand(1, 32, 32, 2),
    "channels first": torch.rand(1, 3, 32, 32),
    "bytes": torch.zeros(1, 32, 32, 3, dtype=torch.uint8),
    "a line": torch.rand(1, 1, 5000, 3),
    "longer than any": torch.rand(1, 64, 16400, 3),
}


def unchanged(model):
    """What a node must leave as it is."""
    return copy.copy(model.model_options["transformer_options"]), {k: len(v) for k, v in model.patches.items()}


@pytest.mark.parametrize("case", PICTURES)
def test_odd_pictures_steer(case, sd15, apply, ksample):
    image = PICTURES[case]
    out = ksample(sd15, apply(sd15.model, "sd15", image=image), steps=1)
    assert out.shape == (1, 4, 16, 16) and out.isfinite().all()
    assert not torch.equal(out, ksample(sd15, steps=1))


@pytest.mark.parametrize("fit", ["crop", "pad", "pad edge", "squash"])
@pytest.mark.parametrize("case", ["1 x 1", "8192 x 64", "grey", "half precision", "many"])
def test_odd_pictures_are_encoded_one_for_one(case, fit, load):
    embeds, negative = EncodeReference.execute(adapter=load("sd15"), image=PICTURES[case], fit=fit).args
    assert (embeds.count, negative.count) == (len(PICTURES[case]), 1)


@pytest.mark.parametrize("case", NO_PICTURES)
def test_what_is_no_picture_is_refused(case, sd15, load, apply):
    before = unchanged(sd15.model)
    for run in (
        lambda image: apply(sd15.model, "sd15", image=image),
        lambda image: EncodeReference.execute(adapter=load("sd15"), image=image),
        lambda image: EncodeReference.execute(adapter=load("sd15"), image=image, tiles=2),
        lambda image: NoisePicture.execute(image=image),
    ):
        with pytest.raises(ValueError, match=r"picture") as caught:
            run(NO_PICTURES[case])
        assert len(str(caught.value)) < 400
    assert unchanged(sd15.model) == before


def test_a_picture_of_thousands_of_tiles_is_refused_and_not_encoded(load):
    with pytest.raises(ValueError, match="8192 tiles, more than 256.*Lower 'tiles'"):
        EncodeReference.execute(adapter=load("sd15"), image=PICTURES["8192 x 64"], tiles=8)


MASKS = {
    "of another size": torch.rand(1, 7, 300),
    "1 x 1": torch.ones(1, 1, 1),
    "8192 x 64": torch.rand(1, 64, 8192),
    "without a dimension for several": torch.rand(20, 30),
    "more than pictures": torch.rand(5, 16, 16),
    "fewer than pictures": torch.rand(2, 16, 16),
    "half precision": torch.rand(1, 16, 16).half(),
    "truth values": torch.rand(1, 16, 16) > 0.5,
    "with a channel": torch.rand(1, 1, 16, 16),
}


@pytest.mark.parametrize("case", MASKS)
@pytest.mark.parametrize("size", [(16, 16), (13, 17), (9, 33)], ids=str)
def test_masks_of_any_size_over_latents_of_any_size(case, size, sd15, apply, ksample):
    steered = apply(sd15.model, "sd15", attn_mask=MASKS[case])
    out = ksample(sd15, steered, *size, batch=3, steps=1)
    assert out.shape == (3, 4, *size) and out.isfinite().all()
    assert not torch.equal(out, ksample(sd15, None, *size, batch=3, steps=1))


def test_an_empty_mask_is_the_plain_model(sd15, apply, ksample):
    assert torch.equal(ksample(sd15, apply(sd15.model, "sd15", attn_mask=torch.zeros(1, 5, 9))), ksample(sd15))


@pytest.mark.parametrize(
    "mask",
    [torch.zeros(0, 8, 8), torch.zeros(1, 0, 8), torch.full((1, 8, 8), NAN), torch.full((1, 8, 8), INF)],
    ids=str,
)
def test_what_is_no_mask_is_refused(mask, sd15, load, apply, picture):
    with pytest.raises((ValueError, RuntimeError), match="mask|reshape"):
        apply(sd15.model, "sd15", attn_mask=mask)
    with pytest.raises((ValueError, RuntimeError), match="mask|reshape"):
        EncodeReference.execute(adapter=load("sd15"), image=picture(1), mask=mask)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("batch", [1, 2, 4])
def test_references_and_pictures_of_unlike_number(count, batch, sd15, apply, ksample, picture):
    """The batch keeps its length, and picture i is as if it were alone with its reference."""
    references = picture(1, count=count)
    steered = apply(sd15.model, "sd15", image=references, combine="one per frame")
    out = ksample(sd15, steered, batch=batch, steps=1)
    assert len(out) == batch and out.isfinite().all()


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        *(({"weight": value}, "weight") for value in (NAN, INF, [0.5, NAN])),
        *(({"start_percent": start, "end_percent": end}, "start_percent")
          for start, end in ((0.6, 0.4), (NAN, 1.0), (0.0, NAN), (-0.1, 1.0), (0.0, 1.5))),
        ({"embeds": Embeds(image_embeds=torch.full((1, 64), NAN))}, "NaN or infinity"),
        ({"embeds": Embeds(image_embeds=torch.zeros(0, 64))}, "embeds"),
        ({"embeds": Embeds(image_embeds=torch.zeros(1, 63))}, "width"),
        ({"embeds": Embeds(image_embeds=torch.zeros(1, 64)), "negative_embeds": Embeds(image_embeds=torch.full((1, 64), INF))}, "NaN or infinity"),
    ],
    ids=str,
)  # fmt: skip
def test_numbers_that_are_none_are_refused(inputs, says, sd15, apply):
    before = unchanged(sd15.model)
    with pytest.raises(ValueError, match=says):
        apply(sd15.model, "sd15", **inputs)
    assert unchanged(sd15.model) == before
    assert not attachments(sd15.model)


@pytest.mark.parametrize(
    "text",
    ["0:1..5", "0:", "0:nan", "0:1e999", "99:1", "{", '{"up": {"block_1": [NaN, 1, 1]}}', '{"up": {"block_1": "x"}}',
     '{"up": {"block_1": null}}', '{"up": {"block_1": [[1]]}}', "[" * 50_000, '{"up": 1e999}'],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_layer_weights_that_are_none_are_refused_in_words(text):
    with pytest.raises(ValueError) as caught:
        LayerWeightsNode.execute(family="sd15", weights=text)
    assert "convert" not in str(caught.value) and 10 < len(str(caught.value)) < 600


@pytest.mark.parametrize("family", strangers.FAMILIES)
def test_models_of_other_families_are_named_and_refused(family, sd15, apply):
    other = sd15.model.clone()
    other.add_object_patch("diffusion_model", strangers.network(family))
    with pytest.raises(ValueError, match=rf"{strangers.FAMILIES[family]}.*Connect an SD1.5"):
        apply(other, "sd15")
    assert not attachments(other)


def test_an_apply_that_fails_leaves_no_lora_and_no_wrapper(sd15, load):
    from pack.nodes.wires import LoadedAdapter

    loaded = load("sd15", "base")
    before = unchanged(sd15.model)
    with pytest.raises(ValueError, match="lora_strength|one of 'image'"):
        ApplyIPAdapter.execute(sd15.model, LoadedAdapter(loaded.adapter, loaded.clip_vision, NAN))
    assert unchanged(sd15.model) == before
