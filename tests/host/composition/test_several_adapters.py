"""Two to four adapters on one model: each acts, and their order leaves every bit as it is."""

from itertools import permutations

import pytest
import torch

ADAPTERS = (
    {"variant": "base", "weight": 0.5, "reference": 1},
    {"variant": "plus", "weight": 0.4, "reference": 2, "masked": True},
    {"variant": "base", "weight": 0.3, "reference": 3, "layer_preset": "style"},
    {"variant": "plus", "weight": 0.35, "reference": 4, "fusion": "orthogonal", "start_percent": 0.2},
)


@pytest.fixture
def stacked(apply, picture):
    def on(model, family, settings):
        for setting in settings:
            inputs = {key: value for key, value in setting.items() if key not in ("reference", "masked")}
            if setting.get("masked"):
                mask = torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(5))
                inputs["attn_mask"] = mask
            model = apply(model, family, image=picture(setting["reference"]), **inputs)
        return model

    return on


@pytest.mark.parametrize("count", [2, 3, 4])
def test_every_order_gives_the_same_bits_and_every_adapter_acts(sd15, stacked, ksample, differs, count):
    chosen = ADAPTERS[:count]
    # All orders of two and three; of four those that put each in each place.
    orders = list(permutations(chosen)) if count < 4 else [chosen[i:] + chosen[:i] for i in range(4)]
    results = [ksample(sd15, stacked(sd15.model, "sd15", order)) for order in orders]
    assert all(torch.equal(result, results[0]) for result in results[1:])
    for left_out in range(count):
        others = chosen[:left_out] + chosen[left_out + 1 :]
        assert differs(results[0], ksample(sd15, stacked(sd15.model, "sd15", others))) > 1e-3


def test_one_adapter_twice_is_that_adapter_with_the_sum_of_the_weights(base, stacked, ksample, differs):
    twice, once = (
        ksample(base, stacked(base.model, base.family, [{"reference": 1, "weight": weight} for weight in weights]))
        for weights in ((0.3, 0.5), (0.8,))
    )
    torch.testing.assert_close(twice, once, atol=1e-3, rtol=1e-3)
    assert differs(once, ksample(base)) > differs.effect


def test_opposite_weights_of_one_adapter_take_each_other_away(sd15, stacked, ksample, differs):
    opposite = ksample(sd15, stacked(sd15.model, "sd15", [{"reference": 1, "weight": w} for w in (0.8, -0.8)]))
    torch.testing.assert_close(opposite, ksample(sd15), atol=1e-3, rtol=1e-3)
    assert differs(opposite, ksample(sd15, stacked(sd15.model, "sd15", [{"reference": 1, "weight": 0.8}]))) > 1e-2
