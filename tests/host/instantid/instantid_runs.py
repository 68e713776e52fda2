"""What these tests share: made-up faces, drawn keypoints, masks, and a look into a run."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import torch
from comfy.patcher_extension import WrappersMP
from pack.face.draw import draw_keypoints
from pack.face.picture import to_image
from pack.face.recognisers import RESNET100
from pack.face.value import Face, Rung, frozen

FIVE = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)], np.float32)


def made_face(picture, who, at=(0.0, 0.0), recogniser=RESNET100):
    """The face of person number `who`, its five points moved by `at`; a box around them."""
    points = FIVE + np.array(at, np.float32)
    embedding = np.random.default_rng(who).normal(size=512).astype(np.float32)
    box = np.concatenate([points.min(axis=0) - 16, points.max(axis=0) + 16])
    return Face(picture, frozen(box), frozen(points), 0.9, Rung(), embedding=frozen(embedding), recogniser=recogniser)


def drawn(*shifts, size=(128, 128)):
    """A keypoint picture with a face at each shift."""
    return to_image([draw_keypoints([FIVE + np.array(shift, np.float32) for shift in shifts], size)])


def columns(count, height=128, width=192):
    """Masks of equally wide columns, one for each person."""
    masks = torch.zeros(count, height, width)
    for i, mask in enumerate(masks):
        mask[:, width * i // count : width * (i + 1) // count] = 1
    return masks


@cache
def control_net(seed=4, family="sdxl"):
    from miniature import models

    return models.controlnet(seed, family)


def ran(node, **inputs):
    """Runs a node through the host's own preparation: its outputs by name, its text and the pictures it shows."""
    prepared = node.PREPARE_CLASS_CLONE({})
    output = prepared.execute(**inputs)
    names = [(socket.id or socket.io_type).lower() for socket in node.define_schema().outputs]
    ui = output.ui if isinstance(output.ui, dict) else output.ui.as_dict() if output.ui else {}
    return SimpleNamespace(
        **dict(zip(names, output.args, strict=True)), text=ui.get("text", [""])[0], pictures=ui.get("images", [])
    )


def nets(out):
    """The IdentityNets of the positive conditioning, in the order in which they were applied."""
    from pack.attention.identitynet.net import IdentityNet

    (entry,) = out.positive
    found, net = [], entry[1].get("control")
    while isinstance(net, IdentityNet):
        found.insert(0, net)
        net = net.previous_controlnet
    return found


def residuals(out, sample, **how):
    """Everything the nets add in the one call of a one-step run, both halves in one batch."""
    seen = []

    def spy(executor, *args, **kwargs):
        control = args[4]
        seen.append(
            [x.clone() for side in ("input", "middle", "output") for x in control.get(side, []) if x is not None]
        )
        return executor(*args, **kwargs)

    watched = out.model.clone()
    watched.add_wrapper(WrappersMP.DIFFUSION_MODEL, spy)
    before, out.model = out.model, watched
    sample(out, steps=1, **how)
    out.model = before
    (found,) = seen
    return found
