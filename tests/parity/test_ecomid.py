"""EcomID: PuLID v1's branch beside an IdentityNet that reads InstantID's face tokens, by the nodes, against its parts put
together as its authors do: their rule of the branch on diffusers' UNet, with the residuals of diffusers' ControlNet."""

import torch
from oracles.adapters import use
from oracles.controlnets import control_twin, diffusers_controlled_step, diffusers_residuals
from oracles.pulid import Rule, features, pulid, with_authors, with_processors
from oracles.steps import Halves, conditionings, diffusers_step, host_step, inputs
from oracles.unets import twin
from pack.attention.reference.embeds import Embeds
from pack.nodes.forms.apply_identitynet import ApplyIdentityNet
from pack.nodes.forms.apply_ip_adapter import ApplyIPAdapter
from test_instantid import face_of, keypoints

SIZE = (16, 24)
FIDELITY = Rule("ortho_v2", 8)
WEIGHT, STRENGTH = 0.8, 0.6  # two, so that they are told apart


def test_a_step_of_the_recipe_is_that_of_its_two_parts(loader, agrees):
    both, branch = twin("sdxl"), pulid("pulid_v1")
    given, picture, seen = inputs(both, SIZE), keypoints(SIZE), features(1)
    each = use("instantid", "sdxl")
    (branched,) = ApplyIPAdapter.execute(
        both.patcher, loader.load(branch), weight=WEIGHT, embeds=Embeds(**seen), fusion="as authors"
    ).args
    node = ApplyIdentityNet.PREPARE_CLASS_CLONE({})
    model, *conds = node.execute(
        branched,
        *conditionings(given),
        loader.load(each.adapter),
        (face_of(each),),
        control_twin().control_net,
        picture,
        strength=STRENGTH,
    ).args
    found = host_step(model, given, conds=tuple(conds))

    residuals = diffusers_residuals(control_twin(), given, each.tokens(), picture, STRENGTH)
    with with_processors(both, branch, seen, FIDELITY, WEIGHT):
        negative, positive = diffusers_controlled_step(both, given, None, residuals)
    expected = Halves(positive, negative)
    negative, positive = diffusers_controlled_step(both, given, None, residuals)
    net_only, branch_only = Halves(positive, negative), with_authors(both, given, branch, seen, FIDELITY, WEIGHT)
    bare = diffusers_step(both, given)
    effect = min(expected.difference(less) for less in (net_only, branch_only, bare))
    agrees("EcomID, whole step", "sdxl", "authors, diffusers", found.difference(expected), effect=effect)
    text = diffusers_residuals(control_twin(), given, torch.cat([given.negative, given.positive]), picture, STRENGTH)
    with with_processors(both, branch, seen, FIDELITY, WEIGHT):
        negative, positive = diffusers_controlled_step(both, given, None, text)
    assert expected.difference(Halves(positive, negative)) > 1e-3, "the net reads the face, not the text"
