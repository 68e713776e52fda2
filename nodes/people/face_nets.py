"""People, a ControlNet and keypoint pictures -> conditionings with a net for each person; and the inputs of such nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from comfy.controlnet import ControlBase
from comfy_api.v0_0_2 import io

from ...attention.reference.embeds import Embeds
from .. import wires
from ..page.sliders import STRENGTH, sampling_range
from .people import Person

if TYPE_CHECKING:
    from ...attention.adapter.adapter import Adapter
    from ...attention.identitynet.apply import Conditioning
    from ...attention.identitynet.hint import Hint


def with_face_nets(
    adapter: Adapter,
    control_net: ControlBase,
    people: tuple[Person, ...],
    unconditional: Embeds,
    hint: Hint,
    conditionings: tuple[Conditioning, Conditioning],
    tell: Callable[[str], None],
) -> tuple[Conditioning, Conditioning]:
    """Positive and negative with one IdentityNet after the other, one for each person, all shown the same pictures.

    `tell` says on the node what comes up while sampling.

    Raises ValueError for a ControlNet that is not an IdentityNet.
    """
    from ...attention.identitynet.apply import apply_identitynet
    from ...attention.identitynet.net import FaceContext
    from ...attention.identitynet.wrap import identitynet_from

    negative_tokens = None if adapter.identity.variant.leaves_negative else adapter.tokens(unconditional)
    for person in people:
        context = FaceContext(adapter.tokens(person.embeds), negative_tokens, person.region, tell=tell)
        net = identitynet_from(control_net, context, adapter.identity.family.name)
        conditionings = apply_identitynet(net, hint, *conditionings)
    adapter.release()
    return conditionings


def steered_inputs() -> list[io.Input]:
    """What is steered, and by which adapter."""
    return [
        io.Model.Input(
            "model", tooltip="The model to steer: an SDXL one, as InstantID is, or FLUX.1 with InfiniteYou's adapter."
        ),
        io.Conditioning.Input("positive", tooltip="The prompt, with any other ControlNets already on it."),
        io.Conditioning.Input("negative", tooltip="The negative prompt, with any other ControlNets already on it."),
        wires.AdapterWire.Input("adapter", tooltip="InstantID's or InfiniteYou's, from Load IP-Adapter."),
    ]


def steered_outputs() -> list[io.Output]:
    return [
        io.Model.Output(tooltip="For the sampler: it tells the net which conditioning is positive and which negative."),
        io.Conditioning.Output("positive", tooltip="The prompt with the net on it."),
        io.Conditioning.Output("negative", tooltip="The negative prompt with the net on it."),
    ]


def control_net_input() -> io.Input:
    return io.ControlNet.Input(
        "control_net",
        tooltip="InstantID's IdentityNet (2.5 GB) or InfiniteYou's InfuseNet, from the host's Load ControlNet Model.",
    )


def strength_input(name: str) -> io.Input:
    return io.Float.Input(
        name,
        default=0.8,
        min=0.0,
        max=5.0,
        step=0.01,
        extra_dict=STRENGTH,
        tooltip="How strongly IdentityNet holds the picture to the keypoints and the face. 0.8 is the default of InstantID's "
        "authors, 1 that of InfiniteYou's; 0 leaves it out.",
    )


def range_inputs(start: str, end: str) -> list[io.Input]:
    """When the net acts."""
    return sampling_range(
        start,
        "Where in the sampling IdentityNet begins to act, 0 being the first step.",
        end,
        "Where in the sampling IdentityNet stops. 0.8 leaves the last details to the prompt.",
    )


def vae_input() -> io.Input:
    return io.Vae.Input(
        "vae",
        optional=True,
        tooltip="FLUX's VAE, for InfiniteYou: its net sees the keypoints as a latent. InstantID needs none.",
    )
