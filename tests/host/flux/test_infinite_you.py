"""InfiniteYou on FLUX: what its net is shown, what pairs of files are refused, and what stays after a run."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from comfy.patcher_extension import WrappersMP
from pack.attention.identitynet import net as nets
from pack.face.draw import draw_keypoints
from pack.face.errors import WrongRecogniser
from pack.face.picture import pictures, to_image
from pack.face.recognisers import IR_SE50, RESNET100
from pack.face.value import Face, PictureFaces, Rung, frozen
from pack.nodes.forms.apply_identitynet import ApplyIdentityNet
from pack.nodes.forms.apply_instantid import ApplyInstantID
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter

FIVE = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)], np.float32)


@pytest.fixture(scope="module")
def whole():
    """FLUX with all its blocks, which the adapter is for."""
    from miniature import flux

    made = SimpleNamespace(model=flux.model("flux dev", 1), vae=flux.vae(1), net=flux.infusenet(2), channels=16)
    clip = flux.clip(1)
    made.positive, made.negative = (
        clip.encode_from_tokens_scheduled(clip.tokenize(text)) for text in ("a red cat", "blurry")
    )
    return made


def faces(number=1, recogniser=IR_SE50):
    (picture,) = pictures(torch.rand(1, 128, 128, 3, generator=torch.Generator().manual_seed(number)))
    embedding = np.random.default_rng(number).normal(size=512).astype(np.float32)
    box = np.concatenate([FIVE.min(axis=0) - 16, FIVE.max(axis=0) + 16])
    face = Face(picture, frozen(box), frozen(FIVE), 0.9, Rung(), embedding=frozen(embedding), recogniser=recogniser)
    return (PictureFaces(picture, (face,)),)


def drawn(width=128, height=128):
    return to_image([draw_keypoints([FIVE], (width, height))])


@pytest.fixture
def apply(whole, load):
    def applied(node=ApplyInstantID, **inputs):
        given = {"model": whole.model, "positive": whole.positive, "negative": whole.negative, "vae": whole.vae}
        given |= {"adapter": load("flux", "infinite_you"), "faces": faces(), "control_net": whole.net, "image": drawn()}
        output = node.PREPARE_CLASS_CLONE({}).execute(**{**given, **inputs})
        ui = output.ui if isinstance(output.ui, dict) else output.ui.as_dict() if output.ui else {}
        model, positive, negative = output.args
        return SimpleNamespace(model=model, positive=positive, negative=negative, text=ui.get("text", [""])[0], ui=ui)

    return applied


def shown(whole, ksample, out, **how):
    """What the net is called with in each call of a run."""
    seen = []

    def hook(_module, _args, given, _output):
        seen.append({name: each.cpu() if isinstance(each, torch.Tensor) else each for name, each in given.items()})

    handle = whole.net.control_model.register_forward_hook(hook, with_kwargs=True)
    try:
        result = ksample(whole, out.model, positive=out.positive, negative=out.negative, **{"steps": 1, **how})
    finally:
        handle.remove()
    return seen, result


def test_the_net_sees_a_latent_the_tokens_and_guidance_1(whole, apply, load, ksample):
    out = apply(ApplyIdentityNet, strength=1.0)
    (call,), _ = shown(whole, ksample, out)
    latent = whole.model.model.latent_format.process_in(whole.vae.encode(drawn())).cpu()
    assert torch.equal(call["hint"], latent.expand_as(call["hint"]))
    assert call["guidance"].tolist() == [1.0, 1.0]
    face = faces()[0].faces[0].embedding
    from pack.attention.reference.embeds import Embeds

    unit = torch.nn.functional.normalize(torch.from_numpy(face.copy())[None], dim=-1)
    tokens = load("flux", "infinite_you").adapter.tokens(Embeds(unit_face=unit))
    assert call["context"].shape == (2, 8, 48) and torch.equal(call["context"][1:], tokens.cpu())
    assert call["y"].shape == (2, 32), "the prompts' own pooled vectors"


def test_residuals_that_serve_several_blocks_stay_one_and_the_negative_gets_none(whole, apply, ksample):
    got = []

    def spy(executor, *args, **kwargs):
        got.append(next(each for each in (*args, *kwargs.values()) if isinstance(each, dict) and "input" in each))
        return executor(*args, **kwargs)

    out = apply(masks=torch.ones(1, 128, 128) * torch.linspace(0, 1, 128))
    model = out.model.clone()
    model.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
    shown(whole, ksample, SimpleNamespace(model=model, positive=out.positive, negative=out.negative))
    (control,) = got
    assert [len(control[side]) for side in ("input", "output")] == [19, 38]
    assert len({id(each) for each in control["input"]}) == 4 and len({id(each) for each in control["output"]}) == 10
    for each in (*control["input"], *control["output"]):
        negative, positive = each
        assert not negative.any()
        by_column = positive.unflatten(0, (8, 8)).abs().sum((0, 2))
        assert by_column[0] < by_column[-1] / 4, "the mask grows from left to right, in tokens"


def test_without_a_picture_it_is_black_and_the_node_says_what_counts(whole, apply, ksample):
    out, inputs = apply(image=None, weight=0.3), ApplyInstantID.define_schema().inputs
    assert "through its net alone" in out.text
    assert {"weight", "fusion", "noise"} <= set(out.ui["likeness_unread"][0]["adapter"]) <= {one.id for one in inputs}
    (call,), free = shown(whole, ksample, out)
    black = whole.model.model.latent_format.process_in(whole.vae.encode(torch.zeros(1, 128, 128, 3))).cpu()
    assert torch.equal(call["hint"], black.expand_as(call["hint"]))
    given = apply(ApplyIdentityNet, image=torch.zeros(1, 64, 96, 3), strength=0.8)
    assert torch.equal(shown(whole, ksample, given)[1], free), "a black picture has no shape that could be wrong"
    placed = shown(whole, ksample, apply(weight=5.0))[1]
    assert torch.equal(placed, shown(whole, ksample, apply(weight=-1.0))[1])
    assert (placed - free).abs().mean() > 1e-3


def test_nothing_that_acts_costs_nothing(whole, apply, ksample):
    plain = ksample(whole, whole.model, positive=whole.positive, negative=whole.negative, steps=1)
    for out in (apply(strength=0.0), apply(masks=torch.zeros(1, 8, 8)), apply(identitynet_start=1.0)):
        calls, found = shown(whole, ksample, out)
        assert not calls and torch.equal(found, plain)


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_of_a_run_stays(whole, apply, ksample, monkeypatch, fails):
    made, real = [], nets.hint_rows

    def remembered(*args):
        tensor = real(*args)
        made.append(weakref.ref(tensor))
        return tensor

    monkeypatch.setattr(nets, "hint_rows", remembered)
    out = apply()
    model = out.model.clone()
    if fails:
        model.add_wrapper(WrappersMP.DIFFUSION_MODEL, lambda *_args, **_kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError) as caught:
            ksample(whole, model, positive=out.positive, negative=out.negative, steps=1)
        caught.value.__traceback__ = None
        del caught
    else:
        ksample(whole, model, positive=out.positive, negative=out.negative, steps=1)
    gc.collect()
    assert made and all(ref() is None for ref in made)


def test_a_square_that_is_repainted_keeps_the_net(whole, apply, ksample):
    from pack.attention.regions.crop import Crop, conditioning_for, model_for

    out, crop, done = apply(strength=1.0), Crop(0, 0.25, 0.25, 0.75, 0.75), {}
    sides = [conditioning_for(side, crop, drawn(64, 64), done) for side in (out.positive, out.negative)]
    cut = SimpleNamespace(model=model_for(out.model, crop), positive=sides[0], negative=sides[1])
    (call,), _ = shown(whole, ksample, cut, height=8, width=8)
    assert call["hint"].shape == (1, 16, 8, 8) and call["guidance"].tolist() == [1.0, 1.0]


def test_an_area_gets_its_part_of_the_latent():
    """A picture is encoded whole, and cut as the latent was: an encoder sees what is around a pixel."""
    from pack.attention.branch.masks import Area
    from pack.attention.identitynet.hint import Sizing, hint_rows

    pooled = Sizing(8, 1, "nearest-exact", lambda pixels: torch.nn.functional.avg_pool2d(pixels, 8))
    picture = torch.rand(1, 3, 64, 96)
    rows = hint_rows(picture, ((0, None),), (8, 12), pooled)
    part = hint_rows(picture, ((0, Area(3, 4, 2, 5, (8, 12))),), (3, 4), pooled)
    assert rows.shape == (1, 3, 8, 12) and torch.equal(part, rows[..., 2:5, 5:9])


def small_vae():
    return SimpleNamespace(latent_channels=4, spacial_compression_encode=lambda: 8)


def net_with(**changes):
    from miniature import flux
    from miniature.flux_kinds import KINDS

    net = flux.infusenet(2)
    config = {**KINDS["flux dev"].config, "depth": 4, "depth_single_blocks": 10, **changes}
    net.control_model = type(net.control_model)(
        latent_input=True, dtype=torch.float32, device="meta", operations=torch.nn, **config
    )
    return net


def sdxl_net():
    from miniature import models

    return models.controlnet(4)


REFUSED = {
    "no VAE": (
        {"vae": None},
        "InfiniteYou's InfuseNet, which sees the keypoints through FLUX's VAE. Connect it to 'vae'",
    ),
    "a VAE of SD": ({"vae": small_vae()}, "makes latents of 4 channels, and InfiniteYou's InfuseNet reads 16"),
    "InstantID's net": (
        {"control_net": sdxl_net},
        r"ControlNet with 34 cross-attentions.*not an IdentityNet for FLUX.1. Connect InfiniteYou's InfuseNet",
    ),
    "another net for FLUX": ({"control_net": lambda: net_with(depth=5)}, "has 5 double and 10 single blocks"),
    "a net of several kinds": ({"control_net": lambda: net_with(num_union_modes=6)}, "is of several kinds"),
    "a net for another text": ({"control_net": lambda: net_with(context_in_dim=64)}, "context of width 64.* 48 wide"),
    "a photo": ({"image": torch.rand(1, 128, 128, 3)}, "looks like a photo"),
}


@pytest.mark.parametrize(("inputs", "message"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_belong_together_is_refused(inputs, message, apply):
    with pytest.raises(ValueError, match=message):
        apply(**{name: value() if callable(value) else value for name, value in inputs.items()})


def test_models_and_faces_of_others_are_refused(apply, sdxl, load):
    with pytest.raises(ValueError, match=r"is InfiniteYou for FLUX.1; the connected model is SDXL.*Connect a FLUX.1"):
        apply(model=sdxl.model)
    with pytest.raises(WrongRecogniser, match="trained on embeddings of IR-SE50.*Set 'recogniser' on Load Face Models"):
        apply(faces=faces(recogniser=RESNET100))
    assert "allowed by you" in apply(faces=faces(recogniser=RESNET100), any_recogniser=True).text
    with pytest.raises(ValueError, match="has no branch of its own: it acts through its IdentityNet alone"):
        ApplyIPAdapter.execute(apply().model, load("flux", "infinite_you"), faces=faces())
