"""One table says what a feature is, and every list of features agrees with it."""

import pytest
import torch
from miniature import adapters, sparse
from pack.attention.adapter.adapter import Adapter
from pack.attention.adapter.checkpoint import read, read_outline
from pack.attention.adapter.variants import VARIANTS
from pack.attention.reference.embeds import Embeds
from pack.attention.reference.encoders import ENCODERS
from pack.attention.reference.features import ENCODER, FEATURES, RECOGNISER, of_encoder

PUBLISHED = sorted(
    stem for path in sparse.SHAPES.glob("*.json") if sparse.entry(stem := path.stem)["variant"] != "refused"
)


def variant(name):
    return next(variant for variant in VARIANTS if variant.name == name)


def test_every_variant_reads_features_of_the_table_and_of_one_encoder_at_most():
    for each in VARIANTS:
        assert set(each.features) <= set(FEATURES)
        made_by = [FEATURES[name].made_by for name in each.features]
        read = {name for name in each.features if FEATURES[name].made_by == ENCODER}
        assert not read or any(read <= set(encoder.gives) for encoder in ENCODERS)
        assert set(made_by) <= {ENCODER, RECOGNISER}
        assert (each.recogniser is not None) == (RECOGNISER in made_by)
        assert each.encoder_feature == of_encoder(each.features)


@pytest.mark.parametrize("stem", [stem for stem in PUBLISHED if not stem.endswith("_lora")])
def test_the_width_of_a_feature_is_read_from_published_weights(stem, tmp_path):
    outline = read_outline(sparse.write(stem, tmp_path))
    reads = variant(sparse.entry(stem)["variant"])
    widths = {name: FEATURES[name].width(outline.projection_shapes) for name in reads.features}
    assert all(widths[name] == 512 for name in widths if FEATURES[name].made_by == RECOGNISER)
    known = {
        name: {encoder.width(name) for encoder in ENCODERS} for name in FEATURES if FEATURES[name].made_by == ENCODER
    }
    assert all(widths[name] in known[name] for name in widths if name in known)


def test_what_a_projection_does_not_read_has_no_width(tmp_path):
    adapters.write_safetensors(adapters.adapter_state_dict("sd15", "base", 5), tmp_path / "base.safetensors")
    adapter = Adapter(read(tmp_path / "base.safetensors"))
    assert adapter.feature_width("image_embeds") == 64
    with pytest.raises(ValueError, match="does not read unit_face"):
        adapter.feature_width("unit_face")


def test_embeds_hold_features_of_the_table_alone_in_its_order():
    made = Embeds(face=torch.ones(2, 512), penultimate=torch.ones(2, 5, 8), unit_face=None, encoder="H")
    assert made.names == ("penultimate", "face") and made.count == 2
    changed = made.with_features(face=torch.zeros(2, 512))
    assert changed.encoder == "H" and not changed.feature("face").any() and made.feature("face").all()
    with pytest.raises(
        ValueError,
        match="no feature 'faces'; choose one of: image_embeds, penultimate, face, unit_face, face_hidden, face_pooled",
    ):
        Embeds(faces=torch.ones(1, 512))
