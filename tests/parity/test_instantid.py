"""Apply InstantID, the node, against diffusers' pieces put together as InstantID's pipeline does: a whole step."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from oracles.adapters import use
from oracles.controlnets import (
    control_twin,
    diffusers_controlled_step,
    diffusers_residuals,
    mask_of_the_reference,
)
from oracles.references import diffusers_loaded
from oracles.steps import Halves, conditionings, diffusers_step, host_step, inputs
from oracles.unets import twin
from pack.face.draw import draw_keypoints
from pack.face.picture import pictures, to_image
from pack.face.recognisers import RESNET100
from pack.face.value import Face, PictureFaces, Rung, frozen
from pack.nodes.forms.apply_instantid import ApplyInstantID

pytestmark = pytest.mark.usefixtures("previews")
SIZES = [(16, 16), (16, 24)]
FIVE = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)], np.float32)


@pytest.fixture
def step(loader):
    """A step of the host, both halves, with the node applied as a graph applies it: from faces and a keypoint picture."""

    def run(given, people, picture, **settings):
        adapter = loader.load(people[0].adapter)
        faces = tuple(map(face_of, people))
        net = control_twin().control_net
        node = ApplyInstantID.PREPARE_CLASS_CLONE({})
        both = conditionings(given)
        model, *steered = node.execute(twin("sdxl").patcher, *both, adapter, faces, net, image=picture, **settings).args
        return host_step(model, given, conds=tuple(steered))

    return run


def face_of(each):
    """A face whose raw embedding is the oracle's."""
    (picture,) = pictures(torch.zeros(1, 128, 128, 3))
    embedding = each.positive["face"].reshape(512).numpy()
    face = Face(picture, frozen((20, 30, 90, 110)), frozen(FIVE), 0.9, Rung(), None, frozen(embedding), RESNET100)
    return PictureFaces(picture, (face,))


def keypoints(size):
    return to_image([draw_keypoints([FIVE], (8 * size[1], 8 * size[0]))])


def wanted(given, each, residuals):
    """diffusers' step with the branch and these residuals."""
    unets = twin("sdxl")
    with diffusers_loaded(unets, [each]) as image_embeds:
        negative, positive = diffusers_controlled_step(unets, given, image_embeds, residuals)
    return Halves(positive, negative)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("weight", "strength"), [(0.8, 0.8), (0.5, 1.2)])
def test_the_node_takes_the_step_of_the_reference(weight, strength, size, step, agrees):
    given, picture = inputs(twin("sdxl"), size), keypoints(size)
    each = use("instantid", "sdxl", scale=weight)
    found = step(given, [each], picture, weight=weight, strength=strength)
    residuals = diffusers_residuals(control_twin(), given, each.tokens(), picture, strength)
    reference = wanted(given, each, residuals)
    branch_only = step(given, [each], picture, weight=weight, strength=0.0)
    net_only = step(given, [each], picture, weight=0.0, strength=strength)
    bare = diffusers_step(twin("sdxl"), given)
    effect = min(reference.difference(less) for less in (branch_only, net_only, bare))
    agrees("InstantID, the node's step", "sdxl", "diffusers", found.difference(reference), effect=effect)


def test_noise_takes_it_away_from_the_reference(step):
    """What the old packs hide in the unconditional half is no rounding."""
    given, picture = inputs(twin("sdxl")), keypoints((16, 16))
    each = use("instantid", "sdxl", scale=0.8)
    plain, noisy = (step(given, [each], picture, weight=0.8, noise=noise) for noise in (0.0, 0.35))
    assert torch.equal(plain.positive, noisy.positive)
    assert (plain.negative - noisy.negative).abs().max() > 1e-3


def test_the_nets_of_two_people_in_their_regions_agree(step, agrees):
    """Masks that end between cells: both resizing rules give 0 and 1, so that the reference's can be the oracle."""
    size = (16, 24)
    given, picture = inputs(twin("sdxl"), size), keypoints(size)
    first = use("instantid", "sdxl")
    people = [first, replace(use("instantid", "sdxl", seed=1), adapter=first.adapter)]
    masks = torch.zeros(2, 128, 192)
    masks[0, :, :96] = masks[1, :, 96:] = 1
    found = step(given, people, picture, weight=0.0, strength=0.8, masks=masks)
    alone = [diffusers_residuals(control_twin(), given, each.tokens(), picture, 0.8) for each in people]

    def joined(ordered):
        regions = [
            [mask_of_the_reference(half, mask) for half in parts] for parts, mask in zip(ordered, masks, strict=True)
        ]
        summed = [[a + b for a, b in zip(*halves, strict=True)] for halves in zip(*regions, strict=True)]
        negative, positive = diffusers_controlled_step(twin("sdxl"), given, None, tuple(summed))
        return Halves(positive, negative)

    reference = joined(alone)
    effect = reference.difference(joined(alone[::-1]))
    agrees("InstantID, two people's nets", "sdxl", "diffusers", found.difference(reference), effect=effect)
