"""Where the tokens of a video are among the tokens of a row of a call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..branch.masks import Grid
from .call import Given, windowed


@dataclass(frozen=True)
class Place:
    """`before` tokens of other pictures, then a `grid` for each of the `frames` of the latent, then perhaps others.

    `frames` are numbers in the whole video; frame 0 of the latent is one frame of the video, each other one `ratio`.
    """

    frames: tuple[int, ...]
    grid: Grid
    before: int
    ratio: int

    @property
    def tokens(self) -> int:
        """Of the video alone."""
        return len(self.frames) * self.grid[0] * self.grid[1]

    def of_video(self, frame: int) -> range:
        """The frames of the video that a frame of the latent holds."""
        return range(0, 1) if frame == 0 else range(1 + (frame - 1) * self.ratio, 1 + frame * self.ratio)


def place_of(given: Given) -> Place:
    """The place of the video in a call of Wan: `x` is (rows, C, T, h, w)."""
    count, height, width = given.x.shape[2:]
    network = given.model.diffusion_model
    network = getattr(network, "_orig_mod", network)
    _, rows, columns = network.patch_size
    frames = windowed(given.options, 2)
    if len(frames) != count:
        frames = tuple(range(count))
    grid = -(-height // rows), -(-width // columns)
    ratio = getattr(given.model.latent_format, "temporal_downscale_ratio", 1)
    return Place(frames, grid, _before(network, given), ratio)


def _before(network: Any, given: Given) -> int:
    """Tokens of a reference that the network puts before those of the video."""
    reference: Tensor | None = given.extra.get("reference_latent")
    _, rows, columns = network.patch_size
    if reference is None:
        return 0
    *_, height, width = reference.shape
    if reference.ndim == 5:  # frames of their own, filled up to whole patches
        return reference.shape[2] * -(-height // rows) * -(-width // columns)
    return (height // rows) * (width // columns) if getattr(network, "ref_conv", None) is not None else 0
