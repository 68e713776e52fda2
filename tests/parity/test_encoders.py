"""From pictures: the host's image encoder and the pack's preprocessing against transformers."""

import comfy.sd
import comfy.supported_models_base
import comfy.text_encoders.sd2_clip as sd2
import pytest
import torch
from miniature import models, seeded
from oracles.adapters import Use, adapter
from oracles.encoders import SIZES, encoder, picture
from oracles.references import with_diffusers
from oracles.steps import diffusers_step, host_step, inputs
from oracles.unets import FAMILIES, twin
from pack.attention.reference.embeds import Embeds
from pack.attention.reference.encode import encode, encode_zero_pixels
from pack.attention.reference.text_embeds import without_text
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from test_oracles import changes
from transformers import CLIPTextConfig, CLIPTextModelWithProjection


def largest(difference):
    return difference.abs().max().item()


@pytest.mark.parametrize("name", SIZES)
def test_features_of_a_picture_of_the_encoders_size_agree(name, agrees):
    both = encoder(name)
    pictures = [picture(both.size.pixels, both.size.pixels, seed) for seed in range(2)]
    expected = both.features(pictures)
    found = encode(both.host, torch.stack(pictures))
    for feature, reference in expected.items():
        effect = largest(reference[0] - reference[1])
        difference = largest(found.feature(feature) - reference)
        agrees(f"{feature} of {name}", "any", "transformers", difference, effect=effect)


@pytest.mark.parametrize("name", SIZES)
def test_features_of_zero_pixels_agree(name, agrees):
    both = encoder(name)
    expected = both.zero_pixels()["penultimate"]
    effect = largest(expected - both.features([torch.zeros(300, 300, 3)])["penultimate"])  # black is another input
    difference = largest(encode_zero_pixels(both.host).feature("penultimate") - expected)
    agrees(f"zero pixels of {name}", "any", "transformers", difference, effect=effect)


@pytest.mark.parametrize("size", [(336, 224), (300, 417), (512, 512), (768, 500)], ids=str)
def test_pixels_of_any_shape_are_within_one_grey_level(size, agrees):
    both = encoder("vit_h")
    smooth = picture(*size)
    expected = both.processor([(smooth * 255).round().to(torch.uint8).numpy()], return_tensors="pt").pixel_values
    found = pixels_seen(both.host, smooth)
    deviation = torch.tensor(both.host.image_std).view(1, 3, 1, 1)
    difference = largest((found - expected) * deviation) * 255
    agrees("grey levels after resizing and cropping", "any", "transformers", difference, limit=1.01)


def pixels_seen(clip_vision, image):
    """What the pack gives the encoder for a picture (H, W, 3)."""
    seen = []
    hook = clip_vision.model.register_forward_pre_hook(
        lambda _module, _arguments, given: seen.append(given["pixel_values"].cpu()), with_kwargs=True
    )
    try:
        encode(clip_vision, image[None])
    finally:
        hook.remove()
    return seen[0]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("variant", "name"), [("base", "vit_h"), ("base_vit_g", "big_g"), ("plus", "vit_h")])
def test_a_step_from_pictures_agrees(variant, name, family, loader, agrees):
    """The unconditional half is the pack's own: nothing but pictures and an encoder is given to the node."""
    both, seen = twin(family), encoder(name)
    given = inputs(both)
    pictures = [picture(224, 224, seed) for seed in range(2)]
    feature = "penultimate" if variant == "plus" else "image_embeds"
    positive = {feature: seen.features(pictures)[feature]}
    zeros = {"image_embeds": torch.zeros_like, "penultimate": lambda _: seen.zero_pixels(2)["penultimate"]}
    each = Use(adapter(variant, family), positive, {feature: zeros[feature](positive[feature])}, 0.8)
    (steered,) = ApplyIPAdapter.execute(
        model=both.patcher,
        adapter=loader.load(each.adapter),
        weight=0.8,
        image=torch.stack(pictures),
        clip_vision=seen.host,
    ).args
    found = host_step(steered, given)
    effect = changes(found, diffusers_step(both, given))
    difference = found.difference(with_diffusers(both, given, [each]))
    agrees(f"pictures to step, {variant}", family, "diffusers and transformers", difference, effect=effect)


def sd2_clip():
    """SD2's text encoder at small width, with the real tokenizer."""
    target = comfy.supported_models_base.ClipTarget(sd2.SD2Tokenizer, sd2.SD2ClipModel)
    made = comfy.sd.CLIP(target, model_options={"clip_h_model_config": models.text_config(80)})
    network = made.cond_stage_model
    seeded.fill(network, seeded.values(network, 5, models.TEXT), assign=made.is_dynamic())
    return made


TEXT_HALVES = (("CLIP ViT-bigG/14", "g", lambda: models.clip("sdxl", 5)), ("CLIP ViT-H/14", "h", sd2_clip))


@pytest.mark.parametrize(("encoder_name", "half", "made"), TEXT_HALVES, ids=("sdxl", "sd2"))
def test_a_text_in_the_pictures_space_is_transformers(encoder_name, half, made, agrees):
    """Pooled and projected, as InstantStyle's authors take it."""
    host = made()
    narrow = models.text_config(80)
    config = CLIPTextConfig(**narrow, projection_dim=80, hidden_act="gelu", eos_token_id=49407, vocab_size=49408)
    theirs = CLIPTextModelWithProjection(config).eval()
    weights = getattr(host.cond_stage_model, f"clip_{half}").transformer.state_dict()
    theirs.load_state_dict({name: tensor.float() for name, tensor in weights.items()}, strict=False)
    pictures = torch.randn(2, 80, generator=torch.Generator().manual_seed(1))
    for text in ("a cat", "a red house in the rain"):
        ids = [[token for token, _ in chunk] for chunk in host.tokenize(text)[half]]
        with torch.no_grad():
            expected = theirs(torch.tensor(ids)).text_embeds
        found = without_text(Embeds(image_embeds=pictures), encoder_name, host, text, 0.5).feature("image_embeds")
        difference = largest(found - (pictures - 0.5 * expected))
        agrees(
            f"image_embeds without a text, {half}", "any", "transformers", difference, effect=largest(0.5 * expected)
        )
