"""The nodes of PuLID_ComfyUI: what their methods become."""

import graphs
import pytest
from pack.nodes.legacy.face_tower import OldFaceTower
from pack.nodes.legacy.rewrite import rewritten
from pack.nodes.legacy.table import ROWS

# Old node and widgets -> rule and empty tokens.
FUSIONS = {
    ("ApplyPulid", ("method", "fidelity")): ("orthogonal v2", 8),
    ("ApplyPulid", ("method", "style")): ("orthogonal", 16),
    ("ApplyPulid", ("method", "neutral")): ("add", 0),
    ("ApplyPulidAdvanced", ("projection", "ortho_v2"), ("fidelity", 12)): ("orthogonal v2", 12),
    ("ApplyPulidAdvanced", ("projection", "none"), ("fidelity", 4)): ("add", 4),
}


@pytest.fixture(scope="module")
def classes():
    return graphs.installed()


@pytest.mark.parametrize("case", FUSIONS, ids=lambda case: " ".join(map(str, case)))
def test_a_method_becomes_a_fusion_and_one_face_serves_both_halves(case, classes):
    name, *widgets = case
    result = rewritten(graphs.prompt_of(name, weight=0.8, end_at=0.9, **dict(widgets)), ROWS, classes)
    new = result.prompt
    main = new["old"]["inputs"]
    assert new["old"]["class_type"] == "LikenessApplyIPAdapter" and not result.kept
    assert (main["weight"], main["start_percent"], main["end_percent"]) == (0.8, 0.0, 0.9)
    fusion = new[main["fusion_settings"][0]]["inputs"]
    assert (fusion["rule"], fusion["zero_tokens"]) == FUSIONS[case] and fusion["mass_tokens"] == 5
    chosen = new[main["faces"][0]]
    assert chosen["class_type"] == "LikenessChooseFace" and chosen["inputs"]["rule"] == "largest"
    found = new[chosen["inputs"]["faces"][0]]["inputs"]
    assert new[found["face_models"][0]]["inputs"]["pack"] == "antelopev2"
    assert new[main["clip_vision"][0]]["class_type"] == "LikenessOldFaceTower"
    assert new[main["adapter"][0]]["inputs"]["file"] == "ip-adapter_pulid_sdxl_fp16.safetensors"


def test_noise_is_left_out_and_said(classes):
    result = rewritten(graphs.prompt_of("ApplyPulidAdvanced", noise=0.3), ROWS, classes)
    assert any("its 'noise' is left out" in note for note in result.notes)


def test_a_tower_that_is_not_installed_is_named(tmp_path, monkeypatch):
    import folder_paths

    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "clip_vision", ([str(tmp_path)], {".pt"}))
    with pytest.raises(ValueError, match="no image tower of EVA02-CLIP is installed; PuLID needs .*856,461,210 bytes"):
        OldFaceTower.execute()
