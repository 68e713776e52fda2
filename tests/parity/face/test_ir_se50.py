"""InfiniteYou's recogniser, read by the node from a file, against facexlib's own class with the same random weights."""

import hashlib

import folder_paths
import numpy as np
import pytest
import torch
from oracles.packages import reference
from oracles.seeds import fill, normal
from pack.face import recognisers
from pack.face.align import crop
from pack.face.embed import embed, embeddings
from pack.face.errors import MissingModel
from pack.face.recognisers import IR_SE50, is_unknown
from pack.nodes.files import face_folders
from pack.nodes.forms.load_face_models import LoadFaceModels

Backbone = reference("facexlib.recognition.arcface_arch").Backbone


@pytest.fixture(scope="module")
def theirs():
    net = fill(Backbone(num_layers=50, drop_ratio=0.6, mode="ir_se"), "ir_se50")
    for name, counted in net.named_buffers():
        if name.endswith("running_mean"):
            counted.copy_(0.1 * normal(*counted.shape, key=("ir_se50", name)))
        elif name.endswith("running_var"):
            counted.copy_(1 + 0.2 * normal(*counted.shape, key=("ir_se50", name)).abs())
    return net.eval()


def test_faces_are_embedded_as_facexlib_does(theirs, tmp_path, pack_folder, find_in, photo, monkeypatch, agrees):
    monkeypatch.setattr(folder_paths, "models_dir", str(tmp_path))
    monkeypatch.setattr(folder_paths, "folder_names_and_paths", dict(folder_paths.folder_names_and_paths))
    folder_paths.folder_names_and_paths.pop("facexlib", None)
    monkeypatch.setattr(face_folders, "pack_folder", lambda _: pack_folder)

    def load():
        return LoadFaceModels.PREPARE_CLASS_CLONE({}).execute("vectron", "CPU", IR_SE50)

    with pytest.raises(MissingModel, match=r"not in models/facexlib\. Get recognition_arcface_ir_se50.pth"):
        load()
    path = tmp_path / "facexlib" / "any name.pth"
    path.parent.mkdir()
    torch.save(theirs.state_dict(), path)
    output = load()
    (models,) = output.args
    assert is_unknown(models.recogniser_id) and models.recogniser_id.startswith(IR_SE50)
    assert "any name.pth: IR-SE50 of unknown" in output.ui["text"][0]

    faces = find_in(photo("players.jpg"))[:2]
    found = [embed(models, face) for face in faces]
    crops = torch.stack([torch.from_numpy(crop(face)[..., ::-1].copy()) for face in faces]).movedim(-1, 1).contiguous()
    with torch.no_grad():
        wanted = theirs(2 * (crops / 255.0) - 1).numpy()
    ours = np.stack([face.unit_embedding for face in found])
    effect, difference = float(np.abs(wanted[0] - wanted[1]).max()), float(np.abs(ours - wanted).max())
    agrees("IR-SE50, embeddings", "two faces", "facexlib", difference, 1e-5, effect)
    assert not np.allclose(embeddings(found), ours), "they are kept as they come, not of length 1"

    monkeypatch.setitem(recognisers.PUBLISHED, hashlib.sha256(path.read_bytes()).hexdigest(), IR_SE50)
    assert load().args[0].recogniser_id == IR_SE50
