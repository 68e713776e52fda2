"""What the laws need of a kind of model: three ways to steer it, KSampler, and the settings that leave it as it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Kind:
    """A model with a branch that tests put on it.

    `ways` are settings that give three different pictures; `idle` are those that change nothing. `outside` is a start
    that leaves the first two of four steps out. `fresh` makes a model of its own with the same weights.
    """

    base: Any
    put: Callable[..., Any]
    sampler: Callable[..., torch.Tensor]
    ways: tuple[Mapping[str, Any], ...]
    outside: float
    noise: tuple[int, ...]
    fresh: Callable[[], Any]

    @property
    def model(self):
        return self.base.model

    def steer(self, model, way=0, **inputs):
        """A clone of the model with the branch in one of the ways, with further inputs of its node."""
        return self.put(model, **{**self.ways[way], **inputs})

    def sample(self, model=None, **settings):
        """The latent that comes out; of the plain model where none is given."""
        return self.sampler(self.base, model, **settings)


def mask():
    return torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0))


def of_adapters(base, fresh, apply, ksample, picture):
    """A UNet or FLUX with Apply IP-Adapter."""
    ways = (
        {"weight": 0.7},
        {"variant": "plus", "weight": 0.4, "image": picture(2), "attn_mask": mask()},
        {"weight": 0.8, "image": picture(3)},
    )

    def put(model, **inputs):
        return apply(model, base.family, **inputs)

    return Kind(base, put, ksample, ways, 0.5, (1, base.channels, 16, 16), fresh)


def of_own_branch(base, fresh, scale, film):
    """Wan with Scale Image Branch."""
    ways = (
        {"weight": 0.3},
        {"weight": 1.7, "attn_mask": mask(), "negative_apart": True, "negative_weight": 0.4},
        {"weight": 0.0},
    )
    return Kind(base, scale, film, ways, 0.4, (1, 16, 3, 8, 12), fresh)


def of_references(base, fresh, weigh, edit):
    """A model that reads references, with their weights. Outside the range there are none, and nothing is weighed."""
    ways = (
        {"weights": (0.3, 2.0)},
        {"weights": (1.5, 0.4), "attn_mask": mask()},
        {"weights": (0.0, 0.0)},
    )

    def put(model, weights, attn_mask=None, start_percent=0.0, end_percent=1.0):
        from pack.attention.weights.schedule import Range

        return weigh(model, *weights, attn_mask=attn_mask, range=Range(start_percent, end_percent))

    return Kind(base, put, edit, ways, 0.4, (1, 16, 12, 10), fresh)


IDLE_ADAPTER = {
    "weight 0": {"weight": 0.0},
    "an empty mask": {"attn_mask": torch.zeros(1, 64, 64)},
    "a range that no step falls into": {"start_percent": 0.4, "end_percent": 0.41},
}
EVERY_BLOCK_AT_1 = ", ".join(f"{i}:1" for i in range(40))


def _layers_at_1():
    from pack.attention.weights.layer_text import parse

    return {"layers": parse(EVERY_BLOCK_AT_1, "wan14b")}


def _schedule_at_1():
    from pack.attention.weights.schedule import Schedule
    from pack.nodes.wires import WeightSchedule

    return {"schedule": WeightSchedule(Schedule(((0.0, 1.0),)))}


def _undone_by_frames():
    from pack.nodes.wires import WeightSchedule

    return {"weight": 2.0, "schedule": WeightSchedule(None, (0.5, 0.5))}


IDLE_REFERENCES = {
    "weight 1": lambda: {},
    "a mask of ones": lambda: {"attn_mask": torch.ones(1, 64, 64)},
    "a schedule that is 1": lambda: {"schedule": _schedule_at_1()["schedule"].schedule},
}

# The plain model has its own branch at weight 1.
IDLE_OWN_BRANCH = {
    "weight 1": lambda: {},
    "an empty mask": lambda: {"weight": 0.0, "attn_mask": torch.zeros(1, 64, 96)},
    "a range that no step falls into": lambda: {"weight": 0.0, "start_percent": 0.4, "end_percent": 0.41},
    "layers that are all 1": _layers_at_1,
    "frames that undo the weight": _undone_by_frames,
    "a schedule that is 1": _schedule_at_1,
    "two pictures that count alike": lambda: {"start_image_weight": 0.3, "end_image_weight": 0.3},
}
