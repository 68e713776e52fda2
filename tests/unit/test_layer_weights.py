"""Layer presets and texts against the formulas and dictionaries people know."""

import pytest
from pack.attention.models.families import FAMILIES, UNETS, layers
from pack.attention.weights.layer_presets import preset, presets_of
from pack.attention.weights.layer_text import parse

LENGTH = {"sd15": 16, "sdxl": 11, "vega": 10, "flux": 19, "flux_all": 57, "sd35l": 38, "wan14b": 40, "wan1.3b": 30}
FAMILY = pytest.mark.parametrize("family", FAMILIES)
UNET = pytest.mark.parametrize("family", [family.name for family in UNETS])

# factor(t / L), as published with the node pack that made these names common
EASES = {
    "ease in": lambda t, n: 0.05 + 0.95 * (1 - t / n),
    "ease out": lambda t, n: 0.05 + 0.95 * (t / n),
    "ease in-out": lambda t, n: 0.05 + 0.95 * (1 - abs(t - n / 2) / (n / 2)),
    "reverse in-out": lambda t, n: 0.05 + 0.95 * (abs(t - n / 2) / (n / 2)),
}

SPARSE = {
    ("sdxl", "style"): {6: 1},
    ("sdxl", "composition"): {3: 1},
    ("sdxl", "strong style"): {i: 1 for i in range(11) if i != 3},
    ("sdxl", "style and composition"): {3: 0.5, 6: 1},
    ("sdxl", "strong style and composition"): {i: 0.5 if i == 3 else 1 for i in range(11)},
    ("sdxl", "style precise"): {3: 0.5, 6: 1},
    ("sdxl", "composition precise"): {i: {3: 1, 6: 0.5}.get(i, 0.05) for i in range(11)},
    ("vega", "style"): {5: 1},
    ("vega", "composition"): {3: 1},
    ("vega", "strong style"): {i: 1 for i in range(10) if i != 3},
    ("vega", "style precise"): {3: 0.5, 5: 1},
    ("sd15", "style"): {i: 1 for i in (0, 1, 2, 3, 9, 10, 11, 12, 13, 14, 15)},
    ("sd15", "composition"): {4: 0.25, 5: 1},
    ("sd15", "strong style"): {i: 1 for i in range(16) if i not in (4, 5)},
    ("sd15", "style precise"): {**{i: 1 for i in (0, 1, 2, 3, *range(9, 16))}, 4: 0.125, 5: 0.5},
    ("sd15", "composition precise"): {
        **{i: 0.5 for i in (0, 1, 2, 3, *range(9, 16))},
        **{4: 0.25, 5: 1, 6: 0.05, 7: 0.05, 8: 0.05},
    },
}


@FAMILY
@pytest.mark.parametrize("name", EASES)
def test_eased_presets_follow_their_formula(family, name):
    count = LENGTH[family]
    assert preset(name, family).factors == pytest.approx([EASES[name](t, count) for t in range(count)])


@pytest.mark.parametrize(("family", "name"), SPARSE)
def test_style_and_composition_presets_name_their_blocks(family, name):
    expected = [SPARSE[family, name].get(i, 0) for i in range(LENGTH[family])]
    assert preset(name, family, boost=0.5).factors == pytest.approx(expected)


@pytest.mark.parametrize(
    ("family", "name", "swapped"),
    [
        ("sdxl", "style precise", {3}),
        ("sdxl", "composition precise", set(range(11)) - {3}),
        ("sd15", "style precise", {4, 5}),
        ("sd15", "composition precise", set(range(16)) - {4, 5}),
    ],
)
def test_precise_presets_swap_the_sides_where_they_push_away(family, name, swapped):
    assert preset(name, family).swapped == swapped


@UNET
@pytest.mark.parametrize("side", ["input", "middle", "output"])
def test_weak_and_strong_presets_are_each_others_opposite(family, side):
    sides = {layer.transformer: layer.key[0] for layer in layers(family)}
    weak, strong = (preset(f"{kind} {side}", family).factors for kind in ("weak", "strong"))
    assert [w for i, w in enumerate(weak) if sides[i] == side] == [0.2] * list(sides.values()).count(side)
    assert all({w, s} == {0.2, 1.0} for w, s in zip(weak, strong, strict=True))


@pytest.mark.parametrize(("family", "name"), [(family, name) for family in FAMILIES for name in presets_of(family)])
def test_every_preset_has_a_factor_for_every_layer(family, name):
    weights = preset(name, family)
    assert set(weights.by_block) == {layer.key for layer in layers(family)}
    assert parse(weights.text, family).factors == pytest.approx(weights.factors, abs=1e-5)
    assert parse(weights.text, family).swapped == weights.swapped


def test_text_names_blocks_and_the_rest_is_zero():
    assert parse("0:1, 3:0.5,\n6:-1.5", "sdxl").factors == (1, 0, 0, 0.5, 0, 0, -1.5, 0, 0, 0, 0)
    assert parse("", "sdxl").factors == (0,) * 11


INSTANT_STYLE = {
    '{"up": {"block_0": [0.0, 1.0, 0.0]}}': {6: 1},
    '{"down": {"block_2": [0.0, 1.0]}, "up": {"block_0": [0.0, 1.0, 0.0]}}': {3: 1, 6: 1},
    "{'mid': 0.3, 'up': 0.5}": {4: 0.3, **{i: 0.5 for i in range(5, 11)}},
    '{"down": {"block_1": 0.7}}': {0: 0.7, 1: 0.7},
}


@pytest.mark.parametrize("text", INSTANT_STYLE)
def test_dictionaries_of_diffusers_are_understood(text):
    assert parse(text, "sdxl").factors == tuple(INSTANT_STYLE[text].get(i, 0) for i in range(11))


def test_a_block_without_attention_is_no_error_as_in_diffusers():
    assert parse('{"up": {"block_0": [0, 1, 0]}}', "sd15").factors == (0,) * 16


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("11:1", "blocks 0 to 10"),
        ("style", "'block:weight' pairs"),
        ('{"top": 1}', "'down', 'mid' and 'up'"),
        ('{"up": {"block_7": 1}}', "block_0 to block_2"),
        ('{"up": {"block_0": [1, 2]}}', "3 attentions, but 2 weights"),
        ('{"up": ', "cannot|can be read"),
    ],
)
def test_what_is_wrong_is_said(text, says):
    with pytest.raises(ValueError, match=says):
        parse(text, "sdxl")
