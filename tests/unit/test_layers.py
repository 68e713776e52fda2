"""The layer tables against what the published numbering is known to be (formats of diffusers' processors)."""

import pytest
from pack.attention.models.families import family_of, layers


def by_index(family):
    return {layer.index: layer for layer in layers(family)}


@pytest.mark.parametrize(("family", "count"), [("sd15", 16), ("sdxl", 70), ("vega", 15), ("flux", 19)])
def test_every_layer_has_one_odd_index_and_one_block(family, count):
    table = layers(family)
    assert [layer.index for layer in table] == list(range(1, 2 * count, 2))
    assert len({layer.key for layer in table}) == count


# Landmarks of the order: down blocks, up blocks, then the middle, which runs in between.
SD15 = {1: ("input", 1, 0), 11: ("input", 8, 0), 13: ("output", 3, 0), 29: ("output", 11, 0), 31: ("middle", 0, 0)}
SDXL = {
    1: ("input", 4, 0),
    29: ("input", 8, 0),
    47: ("input", 8, 9),
    49: ("output", 0, 0),
    69: ("output", 1, 0),
    117: ("output", 5, 0),
    121: ("middle", 0, 0),
    139: ("middle", 0, 9),
}
VEGA = {1: ("input", 4, 0), 11: ("input", 8, 1), 13: ("output", 0, 0), 19: ("output", 1, 1), 29: ("output", 5, 0)}


@pytest.mark.parametrize(("family", "landmarks"), [("sd15", SD15), ("sdxl", SDXL), ("vega", VEGA)])
def test_indices_stand_at_the_blocks_of_diffusers(family, landmarks):
    assert {index: by_index(family)[index].key for index in landmarks} == landmarks


def test_transformers_are_numbered_as_they_run():
    sd15, sdxl = by_index("sd15"), by_index("sdxl")
    assert [sd15[i].transformer for i in (1, 11, 31, 13, 29)] == [0, 5, 6, 7, 15]
    assert [sdxl[i].transformer for i in (1, 29, 121, 49, 69, 117)] == [0, 3, 4, 5, 6, 10]


def test_a_family_is_told_by_its_number_of_layers():
    assert family_of(16).name == "sd15"
    assert family_of(70).name == "sdxl"
    assert family_of(15).name == "vega"
    with pytest.raises(ValueError, match=r"40 .* known are"):
        family_of(40)  # those of Wan 14B, for which there are no adapters
    with pytest.raises(ValueError, match=r"24 .* known are: 16 \(SD1.5\), 70 \(SDXL\)"):
        family_of(24)


def test_the_kind_of_model_tells_families_apart_before_the_number_of_layers():
    assert family_of(19, "flux").name == "flux"
    with pytest.raises(ValueError, match=r"19 .* known are: 16 \(SD1.5\)"):
        family_of(19)
    with pytest.raises(ValueError, match=r"16 .* known are: 19 \(FLUX.1\)"):
        family_of(16, "flux")
