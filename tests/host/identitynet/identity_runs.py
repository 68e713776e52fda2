"""What the tests of IdentityNet share: face tokens, hints, and a record of every residual that a run makes."""

from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace

import comfy.model_management
import torch
from comfy.patcher_extension import WrappersMP
from pack.attention.identitynet.apply import apply_identitynet
from pack.attention.identitynet.hint import Hint
from pack.attention.identitynet.net import FaceContext
from pack.attention.identitynet.wrap import identitynet_from
from pack.attention.sampling.attach import attachments, with_attachments

import nodes

WIDTH = 128  # of the miniature SDXL's text


def noise(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def tokens(seed, sets=1, length=16, width=WIDTH):
    return noise(seed, sets, length, width)


def face(seed=5, sets=1, length=16, **mask):
    return FaceContext(tokens(seed, sets, length), tokens(seed + 1000), **mask)


def hints(seed=3, count=1, size=128):
    return torch.rand(count, size, size, 3, generator=torch.Generator().manual_seed(seed))


@cache
def network(seed=4, dtype=torch.float32, family="sdxl"):
    """A loaded CONTROL_NET; nothing changes it."""
    from miniature import models

    return models.controlnet(seed, family, dtype)


def carried(model):
    """The model as the node returns it: it publishes the run, even with nothing attached."""
    return with_attachments(model, attachments(model))


def identity(base, context, image=None, net=None, seed=4, positive=None, negative=None, **how):
    """Both conditionings with an IdentityNet, as keyword arguments of `ksample`."""
    made = identitynet_from(net or network(seed), context)
    hint = Hint(hints() if image is None else image, **how)
    both = apply_identitynet(made, hint, positive or base.positive, negative or base.negative)
    return dict(zip(("positive", "negative"), both, strict=True))


def plain(base, net, image=None, positive=None, negative=None, strength=1.0):
    """Both conditionings with an ordinary ControlNet, by the host's own node."""
    sides = positive or base.positive, negative or base.negative
    shown = hints() if image is None else image
    both = nodes.ControlNetApplyAdvanced().apply_controlnet(*sides, net, shown, strength, 0.0, 1.0)
    return dict(zip(("positive", "negative"), both, strict=True))


def copied(control):
    """On the CPU, wherever it was."""
    return {side: [None if x is None else x.clone().cpu() for x in parts] for side, parts in control.items()}


def recorded(model):
    """A clone of the model, and a list that gets (chunk indices, residuals) of each of its calls."""
    seen = []

    def spy(executor, *args, **kwargs):
        control, options = args[4], args[5]
        seen.append((tuple(options["cond_or_uncond"]), None if control is None else copied(control)))
        return executor(*args, **kwargs)

    watched = model.clone()
    watched.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
    return watched, seen


@contextmanager
def watching(net):
    """A list that gets (arguments, residuals before strength) of each call of a net's network."""
    seen = []

    def hook(_module, _args, kwargs, output):
        given = {name: value.cpu() if isinstance(value, torch.Tensor) else value for name, value in kwargs.items()}
        seen.append((given, copied(output)))

    handle = net.control_model.register_forward_hook(hook, with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()


def flat(control):
    return [x for side in ("input", "middle", "output") for x in control.get(side, []) if x is not None]


def same(one, other):
    """Whether two sets of residuals are equal bit for bit, and are any."""
    one, other = flat(one), flat(other)
    return len(one) == len(other) > 0 and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def distance(one, other):
    """The largest difference of any residual, as a part of that residual's largest value."""
    pairs = zip(flat(one), flat(other), strict=True)
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs)


def half(control, number, halves=2):
    """The residuals of one of the conditionings that ran in one call."""
    return {side: [x.chunk(halves)[number] for x in parts] for side, parts in control.items()}


def pre_run(net, base):
    sampling = base.model.model.model_sampling
    net.pre_run(SimpleNamespace(model_sampling=sampling), sampling.percent_to_sigma)
    return sampling


def call(net, base, options, rows=1, sigma=7.0):
    """One call of a net as the sampler makes it; the text of all rows is the same."""
    pre_run(net, base)
    place = net.load_device
    if not comfy.model_management.is_device_cpu(place):
        comfy.model_management.load_models_gpu(net.get_models())
    latent = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0)).repeat(rows, 1, 1, 1)
    cond = {
        "c_crossattn": base.positive[0][0].expand(rows, -1, -1).to(place),
        "y": torch.zeros(rows, base.model.model.adm_channels, device=place),
    }
    sigmas = torch.full((rows,), sigma, device=place)
    return net.get_control(latent.to(place), sigmas, cond, len(options["cond_or_uncond"]), options)


def shown(context, image=None, **how):
    return identitynet_from(network(), context).showing(Hint(hints() if image is None else image, **how))
