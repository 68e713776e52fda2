"""Makes what these tests share importable, and leaves inference mode as the trainer does."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def as_the_trainer_runs():
    with torch.inference_mode(False):
        yield


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Folders of its own for what the training nodes write: models/ and output/."""
    import folder_paths
    from pack.nodes.files import folders

    folders.register()
    for name in ("ipadapter", "instantid", "controlnet"):
        kept = folder_paths.folder_names_and_paths[name]
        own = ([str(tmp_path / "models" / name)], kept[1])
        monkeypatch.setitem(folder_paths.folder_names_and_paths, name, own)
    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path / "output"))
    return tmp_path
