"""On a card everything of ours is where the model computes: two devices nowhere meet, and the picture is the CPU's."""

from types import SimpleNamespace

import pytest
import torch
from pack.attention.branch.fusion import FUSION_RULES
from pack.attention.branch.scaling import EMBEDS_SCALING, REFERENCE
from pack.nodes.wires import WeightSchedule
from running.played import DevicesMet

import nodes

pytestmark = pytest.mark.cpu_only("the CPU plays the card here")

EFFECT = 1e-2


def half(height=32, width=32):
    mask = torch.zeros(1, height, width)
    mask[..., : width // 2] = 1
    return mask


FRAMES = 3
SETTINGS = {
    "a mask": {"attn_mask": half()},
    "a range and a schedule": {"end_percent": 0.9, "schedule": WeightSchedule(None, (1.0, 0.25, -0.5))},
    "one per frame": {"combine": "one per frame", "weight": [1.0, 0.5, 0.2]},
    **{f"fusion {rule}": {"fusion": rule} for rule in FUSION_RULES if rule != "add"},
    **{
        f"scaling {scaling}": {"embeds_scaling": scaling, "weight": 1.5}
        for scaling in EMBEDS_SCALING
        if scaling != REFERENCE
    },
}


@pytest.fixture
def steered(picture):
    """(model, adapter, settings) -> Apply IP-Adapter as the graph calls it, with a picture for each frame."""
    from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter

    def applied(model, adapter, **settings):
        return ApplyIPAdapter.execute(model, adapter, image=picture(1, count=FRAMES), **settings).args[0]

    return applied


@pytest.fixture
def sampled(ksample):
    """One step of a small batch; without a model it is the plain one."""
    return lambda base, model=None, **how: ksample(
        base, model, **{"height": 8, "width": 12, "steps": 1, "batch": FRAMES, **how}
    )


def weights(model):
    return next(model.model.diffusion_model.parameters())


def noise(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def same(found, expected, plain):
    """Within rounding: on the CPU alone some numbers of tokens are filled up with zeros."""
    assert (found - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert (found - plain).abs().mean() > EFFECT


@pytest.mark.parametrize("name", SETTINGS)
def test_a_branch_draws_there_what_it_draws_here(name, sd15, load, there, played, steered, sampled):
    here = sampled(sd15, steered(sd15.model, load("sd15", "plus"), **SETTINGS[name]))
    with played() as card:
        model = there("unet", "sd15")
        found = sampled(sd15, steered(model, there("adapter", "sd15", "plus"), **SETTINGS[name]))
        assert weights(model).device.type == "cuda" and card.copies
    same(found, here, sampled(sd15))


def test_with_weights_that_stay_behind(sd15, load, there, played, steered, sampled):
    """A card with no room: the host brings each weight when its layer runs."""

    def two(model, adapter):
        return steered(steered(model, adapter, attn_mask=half()), adapter, fusion="orthogonal", weight=0.5)

    here = sampled(sd15, two(sd15.model, load("sd15", "plus")))
    with played(free=0):
        model = there("unet", "sd15")
        found = sampled(sd15, two(model, there("adapter", "sd15", "plus")))
        assert weights(model).device.type == "cpu"
    same(found, here, sampled(sd15))


def test_in_flux(flux, load, there, played, steered, sampled):
    here = sampled(flux, steered(flux.model, load("flux", "plus"), attn_mask=half()))
    with played():
        found = sampled(flux, steered(there("flux", "short dev"), there("adapter", "flux", "plus"), attn_mask=half()))
    same(found, here, sampled(flux))


def test_the_image_branch_of_wan(there, played, ksample):
    from comfy.clip_vision import Output
    from miniature import wan, wan_kinds
    from pack.nodes.forms.scale_image_branch import ScaleImageBranch

    seen = Output()
    seen.penultimate_hidden_states = noise(1, 1, 257, 1280)
    text = [[[noise(seed, 1, 7, wan_kinds.TEXT), {"clip_vision_output": seen}]] for seed in (2, 3)]
    base = SimpleNamespace(model=wan.model("short i2v", 1), positive=text[0], negative=text[1])

    def drawn(model, **settings):
        scaled = ScaleImageBranch.execute(model, **settings).args[0]
        latent = {"samples": torch.zeros(1, 16, 3, 4, 6)}
        (out,) = nodes.KSampler().sample(scaled, 1, 1, 3.0, "euler", "simple", *text, latent)
        return out["samples"]

    settings = {"weight": 0.5, "attn_mask": half(), "schedule": WeightSchedule(None, (1.0, 0.5, 0.0))}
    here = drawn(base.model, **settings)
    with played():
        found = drawn(there("wan", "short i2v"), **settings)
    same(found, here, drawn(base.model))


def test_identitynet_and_a_branch_with_masks(sdxl, load, there, played, steered, sampled):
    from miniature import families, models
    from pack.attention.identitynet.apply import apply_identitynet
    from pack.attention.identitynet.hint import Hint
    from pack.attention.identitynet.net import FaceContext
    from pack.attention.identitynet.wrap import identitynet_from

    width = families.FAMILIES["sdxl"].context_dim
    face = FaceContext(noise(5, 1, 16, width), noise(6, 1, 16, width), mask=half())
    hint = Hint(torch.rand(1, 64, 64, 3, generator=torch.Generator().manual_seed(3)))

    def drawn(model, adapter, net):
        positive, negative = apply_identitynet(identitynet_from(net, face), hint, sdxl.positive, sdxl.negative)
        model = steered(model, adapter, attn_mask=half())
        return sampled(sdxl, model, height=8, width=8, batch=1, positive=positive, negative=negative)

    here = drawn(sdxl.model, load("sdxl", "plus"), models.controlnet(4))
    with played():
        found = drawn(there("unet", "sdxl"), there("adapter", "sdxl", "plus"), there("net"))
    same(found, here, sampled(sdxl, height=8, width=8, batch=1))


def test_a_training_with_blocks_that_compute_twice(sd15, there, played):
    from pack.attention.training.train import trainer_for
    from trainings import dataset, run, settings

    data = dataset("sd15", "base")

    def trained(model):
        made = trainer_for(model, data, "base", settings(steps=2, checkpointing=True, average=0.9))
        began = [weight.detach().cpu().clone() for weight in made.trainee.parameters()]
        course = run(made)
        moved = [
            float((a.detach().cpu() - b).abs().max()) for a, b in zip(made.trainee.parameters(), began, strict=True)
        ]
        return made.frozen.device.type, course.losses, min(moved)

    with torch.inference_mode(False):
        _, here, _ = trained(sd15.model)
        with played() as card:
            device, found, moved = trained(there("unet", "sd15"))
            assert device == "cuda" and card.copies and moved > 0
    assert found == pytest.approx(here, rel=1e-4)


def test_what_stays_behind_is_found(sd15, there, played, steered, sampled, monkeypatch):
    """The proof of the others: a mask that does not follow its layer is an error that names the operation."""
    from pack.attention.sampling.run import Run

    mask = Run._mask
    monkeypatch.setattr(Run, "_mask", lambda *given: mask(*given).cpu())
    with played(), pytest.raises(DevicesMet, match=r"on the card and .* on the CPU"):
        model = there("unet", "sd15")
        sampled(sd15, steered(model, there("adapter", "sd15", "plus"), attn_mask=half()))
