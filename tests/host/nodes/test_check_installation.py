"""Check Installation says what lies in the model folders and what stands in the way, faults first."""

import folder_paths
import pytest
from miniature import adapters
from pack.face.checked import Checked
from pack.nodes.files import folders, installation
from pack.nodes.forms.check_installation import CheckInstallation


@pytest.fixture
def model_folders(tmp_path, monkeypatch):
    """Empty model folders that the host knows."""
    known = dict(folder_paths.folder_names_and_paths)
    monkeypatch.setattr(folder_paths, "models_dir", str(tmp_path))
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", known)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    for name in ("ipadapter", "instantid", "pulid", "insightface"):
        known.pop(name, None)
    known["clip_vision"] = ([str(tmp_path / "clip_vision")], known["clip_vision"][1])
    folders.register()
    return tmp_path


def report():
    output = CheckInstallation.execute()
    assert output.ui.as_dict()["text"] == (output.args[0],)
    return output.args[0].splitlines()


def test_an_empty_installation_lacks_everything_and_nothing_is_wrong(model_folders):
    lines = report()
    assert lines[0] == "Nothing to mend."
    searched = ", ".join(str(model_folders / name) for name in ("ipadapter", "instantid", "pulid"))
    assert f"0 adapters in {searched}." in lines
    (plus,) = (line for line in lines if line.startswith("plus: "))
    assert "SD1.5 lacks ip-adapter-plus_sd15.safetensors" in plus and "SDXL lacks" in plus


def test_what_is_there_is_counted_and_what_is_no_adapter_comes_first(model_folders):
    folder = model_folders / "ipadapter"
    folder.mkdir()
    adapters.write_safetensors(adapters.adapter_state_dict("sd15", "base", 7), folder / "mine.safetensors")
    (folder / "broken.safetensors").write_bytes(b"<html>not found</html>")
    lines = report()
    assert lines[0] == "1 to mend, listed first."
    assert lines[1].startswith("! Not an adapter: ") and "broken.safetensors" in lines[1] and "Delete" in lines[2]
    assert any(line.startswith("1 adapters in ") for line in lines)


def test_an_old_pack_is_named_by_its_folder_and_our_own_nodes_are_not():
    theirs = type("Old", (), {"RELATIVE_PYTHON_MODULE": "custom_nodes.Some_IPAdapter"})
    ours = type("Ours", (), {"__module__": installation.__name__})
    (found,) = installation.old_packs({"IPAdapterAdvanced": theirs, "ApplyInstantID": ours})
    assert found.says.startswith("Some_IPAdapter is installed: IPAdapterAdvanced") and "custom_nodes" in found.cure


def test_the_old_nodes_that_are_looked_for_are_old_nodes():
    from pack.nodes.legacy.table import ROWS

    assert set(installation.OLD_NODES) <= set(ROWS)


def test_faults_come_with_their_cure(monkeypatch):
    monkeypatch.setattr(installation, "checked", lambda: iter([Checked("a is there."), Checked("b is not.", "get b")]))
    assert report() == ["1 to mend, listed first.", "! b is not.", "   get b", "a is there."]
