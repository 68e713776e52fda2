"""Makes what these tests share importable, leaves inference mode as the trainer does, and trains alike on a card."""

import sys
from pathlib import Path

import pytest
import torch
from running.device import is_card
from torch.nn.attention import SDPBackend, sdpa_kernel

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def as_the_trainer_runs():
    with torch.inference_mode(False):
        yield


@pytest.fixture(autouse=True)
def the_same_bits_again(monkeypatch):
    """A card's fused attentions add up gradients in any order; written out, every training has the same bits again."""
    if not is_card():
        yield
        return
    import comfy.ops
    from pack.attention.training import attending

    written_out = [SDPBackend.MATH]
    monkeypatch.setattr(attending, "_ORDERS", dict.fromkeys(attending._ORDERS, written_out))
    monkeypatch.setattr(comfy.ops, "SDPA_BACKEND_PRIORITY", written_out, raising=False)
    with sdpa_kernel(written_out):
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
