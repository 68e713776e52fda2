"""The references act, and agree with one another where there are two of them."""

import pytest
import torch
from oracles import references
from oracles.adapters import use
from oracles.steps import diffusers_step, inputs
from oracles.unets import FAMILIES, twin

EFFECT = 1e-2
DIFFUSERS_HAS = [
    "base",
    "base_vit_g",
    "full_face",
    "plus",
    "faceid",
    "portrait",
    "faceid_plus",
    "faceid_plus_v2",
    "portrait_unnorm",
    "instantid",
]


def changes(one, other):
    """The smaller of the changes in the two halves."""
    return min((one.positive - other.positive).abs().max(), (one.negative - other.negative).abs().max()).item()


@pytest.mark.parametrize("variant", DIFFUSERS_HAS)
def test_diffusers_and_the_authors_agree_on_the_tokens(variant):
    each = use(variant, "sd15", pictures=2)
    tokens = each.tokens()
    assert (references.diffusers_tokens(twin("sd15"), each) - tokens).abs().max() < 1e-5
    assert (tokens[0] - tokens[1]).abs().max() > 0.1  # negative and positive are not the same


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("variant", ["base", "plus"])
def test_diffusers_and_the_authors_agree_on_a_step_and_change_both_halves(variant, family):
    both = twin(family)
    given = inputs(both, (16, 24))
    bare = diffusers_step(both, given)
    each = use(variant, family, pictures=2, scale=0.8)
    loaded = references.with_diffusers(both, given, [each])
    assert loaded.difference(references.with_authors(both, given, each)) < 1e-4
    assert changes(loaded, bare) > EFFECT
    assert diffusers_step(both, given).difference(bare) == 0  # nothing stays in the UNet


def test_scale_pictures_masks_and_further_adapters_each_count():
    both = twin("sd15")
    given = inputs(both)
    one, louder = use("plus", "sd15", 2, 0.5), use("plus", "sd15", 2, 1.0)
    masked = torch.zeros(1, 2, 16, 16)
    masked[:, :, :, :8] = 1
    steps = [
        references.with_diffusers(both, given, [one]),
        references.with_diffusers(both, given, [louder]),
        references.with_diffusers(both, given, [use("plus", "sd15", 1, 0.5)]),
        references.with_diffusers(both, given, [one, use("base", "sd15", 3)]),
        references.with_diffusers(both, given, [one], [masked]),
    ]
    # The positive half only: one picture's zero pixels repeated are the same attention as once.
    for place, step in enumerate(steps):
        assert all((step.positive - other.positive).abs().max() > EFFECT for other in steps[:place])


def test_one_layer_alone_changes_the_step():
    both = twin("sd15")
    given = inputs(both)
    indices = references.index_of(both.unet).values()
    assert list(indices) == list(range(1, 32, 2))
    middle = use("base", "sd15", scale={index: float(index == 31) for index in indices})
    silent = use("base", "sd15", scale=0.0)
    bare = diffusers_step(both, given)
    assert references.with_diffusers(both, given, [silent]).difference(bare) < 1e-5
    assert changes(references.with_diffusers(both, given, [middle]), bare) > EFFECT


def test_the_lora_of_faceid_changes_the_step():
    both = twin("sd15")
    given = inputs(both)
    with_lora = references.with_authors(both, given, use("faceid", "sd15", lora_rank=8))
    no_image = references.with_authors(both, given, use("faceid", "sd15", lora_rank=8, scale=0.0))
    assert changes(with_lora, no_image) > EFFECT
    assert changes(no_image, diffusers_step(both, given)) > EFFECT


def test_the_shortcut_of_faceid_plus_counts():
    first, second = (use(name, "sd15").adapter.projection.state for name in ("faceid_plus", "faceid_plus_v2"))
    assert {key: t.shape for key, t in first.items()} == {key: t.shape for key, t in second.items()}
    scaled = use("faceid_plus_v2", "sd15", shortcut_scale=0.5)
    plain = use("faceid_plus_v2", "sd15")
    assert (scaled.tokens() - plain.tokens()).abs().max() > EFFECT
    assert (references.diffusers_tokens(twin("sd15"), scaled) - scaled.tokens()).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["adapter.bin", "adapter.safetensors"])
def test_an_adapter_is_saved_as_published(name, tmp_path):
    adapter = use("base", "sd15").adapter
    path = adapter.save(tmp_path / name)
    if path.suffix == ".bin":
        assert torch.load(path, weights_only=True).keys() == {"image_proj", "ip_adapter"}
    else:
        safetensors = pytest.importorskip("safetensors.torch")
        assert {key.split(".")[0] for key in safetensors.load_file(path)} == {"image_proj", "ip_adapter"}
