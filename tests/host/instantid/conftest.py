"""Made-up people with embeddings, an InstantID adapter and net, and the nodes as the graph calls them."""

import sys
from functools import cache
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))

from instantid_runs import control_net, drawn, made_face, ran
from pack.face.picture import pictures
from pack.face.value import PictureFaces


@pytest.fixture(scope="session", autouse=True)
def previews(tmp_path_factory):
    folder_paths = pytest.importorskip("folder_paths", reason="needs ComfyUI: set LIKENESS_COMFYUI")
    before = folder_paths.temp_directory
    folder_paths.set_temp_directory(str(tmp_path_factory.mktemp("temp")))
    yield
    folder_paths.set_temp_directory(before)


@pytest.fixture
def photos():
    """(person, ...) -> faces as the wire has them: a photo of 128 pixels of each person."""

    def made(*people, **how):
        batch = pictures(torch.rand(len(people), 128, 128, 3, generator=torch.Generator().manual_seed(sum(people))))
        return tuple(PictureFaces(p, (made_face(p, who, **how),)) for p, who in zip(batch, people, strict=True))

    return made


@pytest.fixture
def group():
    """(person, ...) -> one photo with all of them, from left to right."""

    def made(*people):
        (picture,) = pictures(torch.full((1, 128, 128 * len(people), 3), 0.5))
        return (PictureFaces(picture, tuple(made_face(picture, who, (128 * i, 0)) for i, who in enumerate(people))),)

    return made


@pytest.fixture(scope="session")
def instantid(adapter_folder):
    """(seed) -> what Load IP-Adapter puts on its wire for InstantID."""
    from miniature import adapters
    from pack.attention.adapter import checkpoint
    from pack.attention.adapter.adapter import Adapter
    from pack.nodes.wires import LoadedAdapter

    @cache
    def loaded(seed=7, family="sdxl"):
        path = adapter_folder / f"instantid-{family}-{seed}.safetensors"
        adapters.write_safetensors(adapters.adapter_state_dict(family, "instantid", seed), path)
        return LoadedAdapter(Adapter(checkpoint.read(path), "instantid"))

    return loaded


@pytest.fixture
def apply_instantid(sdxl, instantid):
    """Apply InstantID on the miniature SDXL; every input can be replaced."""
    from pack.nodes.forms.apply_instantid import ApplyInstantID

    def applied(faces, **inputs):
        given = {"model": sdxl.model, "positive": sdxl.positive, "negative": sdxl.negative, "adapter": instantid()}
        return ran(ApplyInstantID, **{**given, "control_net": control_net(), "faces": faces, **inputs})

    return applied


@pytest.fixture
def apply_identitynet(sdxl, instantid):
    from pack.nodes.forms.apply_identitynet import ApplyIdentityNet

    def applied(faces, **inputs):
        given = {"model": sdxl.model, "positive": sdxl.positive, "negative": sdxl.negative, "adapter": instantid()}
        given |= {"control_net": control_net(), "faces": faces, "image": drawn((0, 0))}
        return ran(ApplyIdentityNet, **{**given, **inputs})

    return applied


@pytest.fixture
def sample(sdxl, ksample):
    """A KSampler on what an apply node gave."""

    def sampled(out, **how):
        return ksample(sdxl, out.model, positive=out.positive, negative=out.negative, **how)

    return sampled
