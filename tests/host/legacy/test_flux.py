"""The nodes of the two old packs for FLUX: what they become, and where their files are read."""

import math

import graphs
import pytest
import torch
from pack.nodes.files import folders
from pack.nodes.legacy.rewrite import rewritten
from pack.nodes.legacy.table import ROWS

# Of begin_strength 0 and end_strength 1 in blocks 0, 4, 8, 9, 10, 14, 18, by x-flux-comfyui's own numbers.
BLOCKS = (0, 4, 8, 9, 10, 14, 18)
STRENGTHS = {
    "Linear": (0, 4 / 18, 8 / 18, 9 / 18, 10 / 18, 14 / 18, 1),
    "First half": (0, 0.5, 1, 1, 1, 1, 1),
    "Second half": (0, 0, 0, 0, 0, 0.5, 1),
    "Sigmoid": tuple(1 / (1 + math.exp(-(block - 9.5) * 8 / 19)) - 0.5 for block in BLOCKS),
}


@pytest.fixture(scope="module")
def classes():
    return graphs.installed()


@pytest.mark.parametrize("kind", STRENGTHS)
def test_strengths_between_two_become_layer_weights(kind, classes):
    prompt = graphs.prompt_of("ApplyAdvancedFluxIPAdapter", smothing_type=kind)
    new = rewritten(prompt, ROWS, classes).prompt
    main = new["old"]["inputs"]
    assert main["weight"] == 1.0 and main["combine"] == "average"
    layers = new[main["layers"][0]]
    factors = classes[layers["class_type"]].execute(**layers["inputs"]).args[0].factors
    found = torch.tensor([factors[block] for block in BLOCKS])
    torch.testing.assert_close(found, torch.tensor(STRENGTHS[kind], dtype=found.dtype), atol=1e-5, rtol=0)


@pytest.mark.parametrize("choice", ["off", "on"])
def test_instantx_as_its_authors_do_it_or_as_the_old_node_did(choice, classes):
    prompt = graphs.prompt_of("ApplyIPAdapterFlux", weight=0.7, end_percent=0.8, compatible=choice)
    prompt["IPAdapterFluxLoader"]["inputs"]["compatible"] = choice
    result = rewritten(prompt, ROWS, classes)
    new, is_on = result.prompt, choice == "on"
    main = new["old"]["inputs"]
    assert (main["weight"], main["start_percent"], main["end_percent"]) == (0.7, 0.0, 0.8) and not result.kept
    loader = new[main["adapter"][0]]["inputs"]
    assert loader["file"] == "ip-adapter.bin" and loader["kind"] == ("instantx_k_and_v" if is_on else "auto")
    assert ("image" in main) == (not is_on)
    assert not is_on or new[main["embeds"][0]]["inputs"]["fit"] == "squash"


def test_a_linked_strength_is_told(classes):
    prompt = graphs.prompt_of("ApplyAdvancedFluxIPAdapter", end_strength=["x", 0]) | {"x": graphs.node("Other")}
    result = rewritten(prompt, ROWS, classes)
    assert "'begin_strength' or 'end_strength' is linked" in result.kept["old"]


def test_files_of_the_old_packs_are_listed_where_they_are(tmp_path, monkeypatch):
    import folder_paths

    known = {name: entry for name, entry in folder_paths.folder_names_and_paths.items() if "flux" not in name}
    monkeypatch.setattr(folder_paths, "models_dir", str(tmp_path))
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", known)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    folders.register()
    assert folders.adapter_folders() == folders.ADAPTERS, "no folder is asked for that is not there"
    for folder, name in (("ipadapter-flux", "ip-adapter.bin"), ("xlabs/ipadapters", "ip_adapter.safetensors")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / name).touch()
    folders.register()
    for folder, name in (("ipadapter-flux", "ip-adapter.bin"), ("xlabs/ipadapters", "ip_adapter.safetensors")):
        assert name in folders.adapter_files() and folders.adapter_path(name) == str(tmp_path / folder / name)
