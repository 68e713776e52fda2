"""IdentityNet's residuals, its mask and InstantID's whole step against diffusers, and the published layout."""

import logging

import pytest
import torch
from comfy.patcher_extension import WrappersMP
from oracles.adapters import use
from oracles.controlnets import (
    PUBLISHED,
    ControlNetModel,
    control_twin,
    diffusers_controlled_step,
    diffusers_residuals,
    keypoint_picture,
    mask_of_the_reference,
)
from oracles.references import diffusers_loaded
from oracles.steps import Halves, diffusers_step, host_step, inputs, samplers
from oracles.unets import twin
from pack.attention.identitynet.apply import apply_identitynet
from pack.attention.identitynet.hint import Hint
from pack.attention.identitynet.net import FaceContext
from pack.attention.identitynet.wrap import identitynet_from
from pack.attention.sampling.attach import attachments, with_attachments

SIZES = [(16, 16), (16, 24)]
STRENGTH = SCALE = 0.8  # the authors'


@pytest.fixture
def step(monkeypatch):
    """A step of the host with IdentityNets on both conditionings: its halves, and the residuals of each."""

    def run(patcher, given, *people):
        seen = {}

        class Controlled(samplers.CFGGuider):
            def set_conds(self, positive, negative):
                for net, hint in people:
                    positive, negative = apply_identitynet(net, hint, positive, negative)
                super().set_conds(positive, negative)

        def spy(executor, *args, **kwargs):
            control, indices = args[4], args[5]["cond_or_uncond"]
            parts = [x.clone().cpu() for x in (*control["output"], *control["middle"])]
            for place, index in enumerate(indices):
                seen[index] = [x.chunk(len(indices))[place] for x in parts]
            return executor(*args, **kwargs)

        watched = with_attachments(patcher, attachments(patcher))
        watched.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
        with monkeypatch.context() as patched:
            patched.setattr(samplers, "CFGGuider", Controlled)
            halves = host_step(watched, given)
        return halves, (seen[1], seen[0])  # negative, positive

    return run


def person(net, tokens, picture, strength=STRENGTH, **mask):
    """An IdentityNet of the oracle's weights that reads `tokens` (2, T, C), negative first."""
    made = identitynet_from(net.control_net, FaceContext(tokens[1:], tokens[:1], **mask))
    return made, Hint(picture, strength)


def differ(found, wanted):
    pairs = zip([*found[0], *found[1]], [*wanted[0], *wanted[1]], strict=True)
    return max((one - other).abs().max().item() for one, other in pairs)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("strength", [0.8, 1.5])
def test_residuals_agree(size, strength, step, agrees):
    unets, net = twin("sdxl"), control_twin()
    given = inputs(unets, size)
    tokens, picture = use("instantid", "sdxl").tokens(), keypoint_picture(given)
    _, found = step(unets.patcher, given, person(net, tokens, picture, strength))
    wanted = diffusers_residuals(net, given, tokens, picture, strength)
    text = diffusers_residuals(net, given, torch.cat([given.negative, given.positive]), picture, strength)
    agrees("IdentityNet, residuals", "sdxl", "diffusers", differ(found, wanted), effect=differ(wanted, text))
    assert differ(found, wanted[::-1]) > 0.01, "the halves are told apart"


def test_residuals_of_several_photos_agree(step, agrees):
    """Several photos as one person: all their tokens in one context, against the 16 of the unconditional half."""
    unets, net = twin("sdxl"), control_twin()
    given = inputs(unets)
    picture = keypoint_picture(given)
    negative, positive = use("instantid", "sdxl", pictures=3).tokens().split(1)
    made = identitynet_from(net.control_net, FaceContext(positive, negative[:, :16]))
    _, found = step(unets.patcher, given, (made, Hint(picture, STRENGTH)))
    same_length = torch.cat([negative[:, :16].repeat(1, 3, 1), positive])
    wanted = diffusers_residuals(net, given, same_length, picture, STRENGTH)
    one = diffusers_residuals(net, given, use("instantid", "sdxl").tokens(), picture, STRENGTH)
    agrees("IdentityNet, three photos", "sdxl", "diffusers", differ(found, wanted), effect=differ(wanted, one))


def test_the_mask_that_enhances_the_non_face_region_agrees(step, agrees):
    unets, net = twin("sdxl"), control_twin()
    given = inputs(unets, (16, 24))
    tokens, picture = use("instantid", "sdxl").tokens(), keypoint_picture(given)
    mask = torch.zeros(128, 192)
    mask[21:90, 55:130] = 1
    _, found = step(unets.patcher, given, person(net, tokens, picture, mask=mask[None], mask_rule="bilinear"))
    whole = diffusers_residuals(net, given, tokens, picture, STRENGTH)
    wanted = tuple(mask_of_the_reference(half, mask) for half in whole)
    agrees("IdentityNet, face mask", "sdxl", "InstantID's rule", differ(found, wanted), effect=differ(wanted, whole))


def test_the_whole_step_agrees(step, loader, agrees):
    """InstantID: the branch at 0.8 and IdentityNet at 0.8, both halves."""
    unets, net = twin("sdxl"), control_twin()
    given = inputs(unets, (16, 24))
    each = use("instantid", "sdxl", scale=SCALE)
    tokens, picture = each.tokens(), keypoint_picture(given)
    found, _ = step(loader.steered(unets.patcher, [each]), given, person(net, tokens, picture))
    residuals = diffusers_residuals(net, given, tokens, picture, STRENGTH)
    with diffusers_loaded(unets, [each]) as image_embeds:
        negative, positive = diffusers_controlled_step(unets, given, image_embeds, residuals)
    wanted = Halves(positive, negative)
    branch_only = host_step(loader.steered(unets.patcher, [each]), given)
    net_only = step(unets.patcher, given, person(net, tokens, picture))[0]
    effect = min(wanted.difference(less) for less in (branch_only, net_only, diffusers_step(unets, given)))
    agrees("InstantID, whole step", "sdxl", "diffusers", found.difference(wanted), effect=effect)


def test_two_people_agree(step, agrees):
    """Two IdentityNets in a chain add up, each with its own face, picture and strength."""
    unets, net = twin("sdxl"), control_twin()
    given = inputs(unets)
    faces = [use("instantid", "sdxl", seed=seed).tokens() for seed in (0, 1)]
    pictures, strengths = [keypoint_picture(given, seed) for seed in (0, 1)], [0.8, 0.5]
    _, found = step(unets.patcher, given, *map(person, [net, net], faces, pictures, strengths))
    parts = [diffusers_residuals(net, given, *each) for each in zip(faces, pictures, strengths, strict=True)]
    wanted = tuple([a + b for a, b in zip(*halves, strict=True)] for halves in zip(*parts, strict=True))
    effect = min(differ(wanted, part) for part in parts)
    agrees("IdentityNet, two people", "sdxl", "diffusers", differ(found, wanted), effect=effect)


def test_the_published_layout_loads_with_nothing_left(monkeypatch, caplog):
    """InstantID's file has 844 tensors; shapes only, so that no memory is needed."""
    import comfy.controlnet
    import comfy.model_management

    with torch.device("meta"):
        published = ControlNetModel(**PUBLISHED).half().state_dict()
    assert len(published) == 844
    assert sum(tensor.numel() for tensor in published.values()) == 1_251_014_160
    monkeypatch.setattr(comfy.model_management, "unet_offload_device", lambda: torch.device("meta"))
    with caplog.at_level(logging.DEBUG):
        loaded = comfy.controlnet.load_controlnet_state_dict(dict(published))
    said = [r.getMessage() for r in caplog.records if "keys" in r.getMessage()]
    assert not said, "the host names missing, unexpected and leftover keys"
    held = loaded.control_model.state_dict()
    assert len(held) == 844
    assert sum(tensor.numel() for tensor in held.values()) == 1_251_014_160
    tokens = torch.zeros(1, 16, 2048)
    assert identitynet_from(loaded, FaceContext(tokens, tokens)).control_model is loaded.control_model
