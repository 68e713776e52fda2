"""What the encoder sees against transformers' own image processor."""

import pytest
import torch
from oracles.encoders import picture
from pack.attention.reference.encode import _pixel_values
from pack.attention.reference.square import SQUARE_FITS, what_the_encoder_sees
from transformers import CLIPImageProcessor

SIZES = [(224, 224), (90, 130), (1023, 767), (683, 1024), (300, 401), (224, 225), (500, 333), (64, 2000)]


class Encoder:
    image_size = 224
    image_mean = CLIPImageProcessor().image_mean
    image_std = CLIPImageProcessor().image_std


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_cropped_picture_is_within_one_grey_level(size, agrees):
    grey = (picture(*size) * 255).round()
    theirs = CLIPImageProcessor()(images=grey.movedim(-1, 0).to(torch.uint8), return_tensors="pt")["pixel_values"]
    ours = _pixel_values(Encoder, grey / 255, "crop", None)
    levels = (theirs - ours) * torch.tensor(Encoder.image_std).view(1, 3, 1, 1) * 255
    exact = size == (224, 224)
    agrees(
        f"preprocessing{' at 224 x 224' if exact else ''}, grey levels",
        "any",
        "transformers",
        levels.abs().max().item(),
        limit=1e-3 if exact else 1.001,
    )


@pytest.mark.parametrize("fit", SQUARE_FITS)
def test_every_fit_gives_the_encoders_square(fit):
    for height, width in ((60, 100), (100, 60), (1, 1), (37, 500)):
        seen = what_the_encoder_sees(torch.rand(2, height, width, 3), fit, 224)
        assert seen.shape == (2, 224, 224, 3)
        assert seen.min() >= 0
        assert seen.max() <= 1


def test_padding_shows_all_of_the_picture_and_cropping_does_not():
    wide = torch.zeros(1, 64, 128, 3)
    wide[:, :, :16] = 1  # a white edge that the centre does not have
    assert what_the_encoder_sees(wide, "crop", 64).max() == 0
    for fit in ("pad", "pad edge", "squash"):
        assert what_the_encoder_sees(wide, fit, 64).max() > 0.9
