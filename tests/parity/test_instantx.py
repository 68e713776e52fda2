"""InstantX's adapter on the host's FLUX against the authors' rule on diffusers' model, and SigLIP's pooled output."""

from dataclasses import replace

import pytest
import torch
from oracles.flux import ALL_SINGLE, diffusers_step, host_step, inputs, twin
from oracles.instantx import BLOCKS, away, by_the_rule, use
from ours import Loader
from pack.attention.models.families import layers
from pack.attention.sampling.attach import attachments, with_attachments
from running.device import is_card

LIMIT = 2e-4 if is_card() else 1e-5


@pytest.fixture(scope="module")
def steered(tmp_path_factory):
    return Loader(tmp_path_factory.mktemp("instantx")).steered_instantx


@pytest.fixture(scope="module")
def both():
    return twin(ALL_SINGLE)


@pytest.fixture(scope="module")
def given():
    return inputs((8, 12))


@pytest.fixture(scope="module")
def plain(both, given):
    return diffusers_step(both, given)


USES = {
    "": [use(scale=0.7)],
    ", K and V normalised": [use(scale=0.7, normed="kv")],
    ", three pictures": [use(3, scale=0.7)],
    ", a picture for the negative": [away(use(scale=0.7))],
    ", a scale for each block": [use(scale=[0.9 - 0.03 * number for number in range(BLOCKS)])],
    ", two of them": [use(scale=0.7), away(use(2, scale=-0.4, seed=1))],
}


@pytest.mark.parametrize("what", USES)
def test_a_step_agrees(what, both, given, plain, steered, agrees):
    uses = USES[what]
    found, wanted = host_step(steered(both.patcher, uses), given), by_the_rule(both, given, uses)
    effect = (found.positive - plain.positive).abs().max().item()
    agrees(f"whole step, InstantX{what}", "flux", "authors' rule", found.difference(wanted), LIMIT, effect)
    touched = (found.negative - plain.negative).abs().max().item()
    assert (touched > 1e-2) == any(each.negative is not None for each in uses)


def test_a_step_without_true_guidance_agrees(both, given, plain, steered, agrees):
    found = host_step(steered(both.patcher, [use(scale=0.7)]), given, guided=False)
    wanted = by_the_rule(both, given, [use(scale=0.7)])
    difference, effect = ((found.positive - other.positive).abs().max().item() for other in (wanted, plain))
    agrees("whole step, InstantX, CFG 1", "flux", "authors' rule", difference, LIMIT, effect)


def test_a_mask_of_one_value_is_that_scale(both, given, steered, agrees):
    found = host_step(steered(both.patcher, [use()], attn_mask=torch.full((1, 64, 96), 0.25)), given)
    wanted = by_the_rule(both, given, [use(scale=0.25)])
    effect = (found.positive - by_the_rule(both, given, [use()]).positive).abs().max().item()
    agrees("whole step, InstantX, even mask", "flux", "authors' rule", found.difference(wanted), LIMIT, effect)


def test_weight_0_is_the_plain_model_bit_for_bit(both, given, steered):
    found = host_step(steered(both.patcher, [use(scale=0.0)]), given)
    bare = host_step(both.patcher, given)
    assert torch.equal(found.positive, bare.positive) and torch.equal(found.negative, bare.negative)


def test_every_block_counts(both, given, steered):
    """The last single block alone acts, and so does the last double one."""
    (whole,) = attachments(steered(both.patcher, [use()]))
    bare = host_step(both.patcher, given).positive
    for block in (layers("flux_all")[18].key, layers("flux_all")[-1].key):
        alone = replace(whole, layer_scales={key: float(key == block) for key in whole.all_blocks})
        found = host_step(with_attachments(both.patcher, (alone,)), given)
        assert (found.positive - bare).abs().max() > 1e-3


@pytest.mark.parametrize("shape", [(600, 800), (1500, 700)], ids=str)
def test_the_square_that_siglip_sees_is_the_authors(shape):
    """Two bilinear steps of Pillow's, then the processor of transformers."""
    import numpy as np
    from oracles.packages import reference
    from pack.attention.reference.square import TWICE, what_the_encoder_sees
    from PIL import Image

    processor = reference("transformers").SiglipImageProcessor(size={"height": 384, "width": 384})
    rough = torch.rand(1, 3, 9, 12, generator=torch.Generator().manual_seed(0))
    pixels = torch.nn.functional.interpolate(rough, size=shape, mode="bilinear")[0].movedim(0, -1)
    pixels = (pixels * 255).round() / 255
    image = Image.fromarray((pixels * 255).round().to(torch.uint8).numpy())
    height, width = shape
    ratio = 1024 / min(shape)
    width, height = round(ratio * width), round(ratio * height)
    ratio = 1280 / max(width, height)
    width, height = round(ratio * width), round(ratio * height)
    image = image.resize((width, height), Image.BILINEAR)
    image = image.resize((width // 64 * 64, height // 64 * 64), Image.BILINEAR)
    wanted = torch.from_numpy(np.array(processor(image)["pixel_values"][0]))
    assert image.size[0] % 64 == image.size[1] % 64 == 0 and max(image.size) == 1280
    found = what_the_encoder_sees(pixels[None], TWICE, 384)[0].movedim(-1, 0)
    found = ((found * 255).round() / 255 - 0.5) / 0.5
    assert (found - wanted).abs().max() <= 2 / 255 / 0.5 * 0.51 + 1e-6  # a grey level at most
    assert (found - wanted).abs().mean() < 2e-3


def test_the_pooled_output_of_siglip_is_transformers(agrees):
    from miniature import flux, models
    from oracles.packages import reference
    from pack.attention.reference.siglip_head import give_head

    transformers = reference("transformers")
    ours = models.clip_vision("siglip", 3)
    # As the host keeps them: in half precision.
    head = {key: tensor.to(ours.dtype) for key, tensor in flux.siglip_head(3).items()}
    give_head(ours, head)
    config = {
        key: ours.config[key] for key in ("hidden_size", "image_size", "intermediate_size", "num_attention_heads")
    }
    theirs = transformers.SiglipVisionModel(
        transformers.SiglipVisionConfig(**config, num_hidden_layers=ours.config["num_hidden_layers"], patch_size=14)
    ).eval()
    own = {key: tensor for key, tensor in ours.model.state_dict().items() if ".head." not in key}
    theirs.load_state_dict({_named(key, theirs): tensor for key, tensor in {**own, **head}.items()}, strict=True)
    from pack.attention.reference.encode import _embeds

    pixels = torch.randn(2, 3, ours.image_size, ours.image_size, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = torch.cat([each.feature("image_embeds") for each in _embeds(ours, pixels)])
        wanted = theirs(pixels).pooler_output
    agrees("pooled output", "SigLIP", "transformers", (found - wanted).abs().max().item(), 1e-4, wanted.std().item())


def _named(key, theirs):
    """A key of the published file as this version of transformers names it."""
    return key if key in theirs.state_dict() else key.removeprefix("vision_model.")
