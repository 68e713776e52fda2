"""InfiniteYou, as the node applies it, against diffusers' FLUX and its ControlNet: whole steps."""

import numpy as np
import pytest
import torch
from miniature import flux as miniature
from oracles import flux, infusenet
from pack.attention.adapter.adapter import Adapter
from pack.attention.adapter.checkpoint import read
from pack.attention.identitynet.infusenet import InfuseNet
from pack.attention.identitynet.net import FaceContext
from pack.attention.identitynet.wrap import identitynet_from
from pack.face.draw import draw_keypoints
from pack.face.picture import pictures, to_image
from pack.face.recognisers import IR_SE50
from pack.face.value import Face, PictureFaces, Rung, frozen
from pack.nodes.forms.apply_instantid import ApplyInstantID
from pack.nodes.wires import LoadedAdapter
from running.device import is_card

pytestmark = pytest.mark.usefixtures("previews")
LIMIT = 2e-4 if is_card() else 3e-5
SIZE = (8, 12)
FIVE = np.array([(22.3, 21.7), (57.5, 21.5), (40.0, 31.7), (25.5, 42.4), (54.7, 42.2)], np.float32)


@pytest.fixture(scope="module")
def both():
    return flux.twin(flux.ALL_SINGLE)


@pytest.fixture(scope="module")
def given():
    return flux.inputs(SIZE)


@pytest.fixture(scope="module")
def vae():
    return miniature.vae(3)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory):
    path = infusenet.save(tmp_path_factory.mktemp("infinite_you") / "image_proj_model.bin")
    return LoadedAdapter(Adapter(read(path)))


@pytest.fixture(scope="module")
def plain(both, given):
    return flux.diffusers_step(both, given)


@pytest.fixture
def step(both, given, vae, adapter):
    def run(people=1, guided=True, **settings):
        faces = tuple(map(face_of, range(people)))
        node = ApplyInstantID.PREPARE_CLASS_CLONE({})
        sides = flux.conditionings(given)
        net = infusenet.net().control_net
        model, *steered = node.execute(both.patcher, *sides, adapter, faces, net, vae=vae, **settings).args
        return flux.host_step(model, given, guided, tuple(steered))

    return run


def face_of(number):
    (picture,) = pictures(torch.zeros(1, 64, 96, 3))
    embedding = infusenet.embedding(number).reshape(512).numpy()
    face = Face(picture, frozen((20, 10, 70, 55)), frozen(FIVE), 0.9, Rung(), None, frozen(embedding), IR_SE50)
    return PictureFaces(picture, (face,))


def keypoints():
    return to_image([draw_keypoints([FIVE], (8 * SIZE[1], 8 * SIZE[0]))])


def away(one, other):
    return (one.positive - other.positive).abs().max().item()


def test_the_node_takes_the_step_of_the_reference(both, given, vae, plain, step, agrees):
    picture = keypoints()
    added = infusenet.residuals(infusenet.net(), given, infusenet.tokens(), vae.encode(picture).cpu(), 0.7)
    wanted, found = infusenet.step(both, given, added), step(image=picture, strength=0.7)
    other = infusenet.residuals(infusenet.net(), given, infusenet.tokens(of=1), vae.encode(picture).cpu(), 0.7)
    blind = step(strength=0.7)
    effect = min(away(wanted, each) for each in (plain, infusenet.step(both, given, other), blind))
    agrees("InfiniteYou, the node's step", "flux", "diffusers", found.difference(wanted), LIMIT, effect)

    bare = flux.host_step(both.patcher, given)
    assert torch.equal(found.negative, bare.negative), "nothing is added to the negative half"
    nothing = step(image=picture, strength=0.0)
    assert torch.equal(nothing.positive, bare.positive) and torch.equal(nothing.negative, bare.negative)
    alone = step(image=picture, strength=0.7, guided=False)
    assert (alone.positive - wanted.positive).abs().max() <= LIMIT, "without a negative half too"


def test_two_people_act_in_their_regions(both, given, vae, plain, step, agrees):
    picture = keypoints()
    masks = torch.zeros(2, 64, 96)
    masks[0, :, :48] = masks[1, :, 48:] = 1
    found = step(2, image=picture, strength=1.0, masks=masks)
    parts = []
    for number, mask in enumerate(masks):
        added = infusenet.residuals(infusenet.net(), given, infusenet.tokens(of=number), vae.encode(picture).cpu(), 1.0)
        parts.append(infusenet.within(added, mask[::16, ::16]))
    wanted = infusenet.step(both, given, infusenet.summed(parts))
    effect = min(away(wanted, infusenet.step(both, given, each)) for each in parts)
    agrees("InfiniteYou, two people", "flux", "diffusers", found.difference(wanted), LIMIT, effect)


def test_the_published_layout_is_one_that_the_host_loads_with_nothing_left(monkeypatch, caplog):
    """Shapes only, so that no memory is needed."""
    import comfy.model_management

    with torch.device("meta"):
        published = infusenet.FluxControlNetModel(**infusenet.PUBLISHED).to(torch.float8_e4m3fn).state_dict()
    monkeypatch.setattr(comfy.model_management, "unet_offload_device", lambda: torch.device("meta"))
    loaded = comfy.controlnet.load_controlnet_state_dict(dict(published))
    assert not [r for r in caplog.records if "missing" in r.getMessage()]
    net = identitynet_from(loaded, FaceContext(torch.zeros(1, 8, 4096), None), "flux_all")
    assert isinstance(net, InfuseNet) and net.control_model is loaded.control_model
    assert sum(tensor.numel() for tensor in loaded.control_model.state_dict().values()) * 1.0 == sum(
        tensor.numel() for tensor in published.values()
    )
