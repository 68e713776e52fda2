"""The losses of a training -> a picture of their course."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

SIZE = (640, 320)
MARGIN = 44
SMOOTH = 0.05  # of all steps: the width of the mean that the strong line shows
PAPER, INK, FAINT, LINE, APART = "#16181d", "#c9ccd1", "#4a4f58", "#f0a63a", "#4aa8e8"


def smoothed(losses: Sequence[float]) -> list[float]:
    """The mean of the last few losses at each step; the window grows with the training."""
    window = max(1, math.ceil(SMOOTH * len(losses)))
    sums = [0.0]
    for value in losses:
        sums.append(sums[-1] + value)
    return [(sums[i + 1] - sums[max(0, i + 1 - window)]) / (i + 1 - max(0, i + 1 - window)) for i in range(len(losses))]


def loss_curve(losses: Sequence[float], checks: Mapping[int, float] | None = None) -> Image.Image:
    """The losses faintly and their running mean, over the steps, with the ends of both scales written.

    `checks` are errors of pictures held out, by the number of steps done; they are a line with a dot for each.
    """
    checked = sorted((checks or {}).items())
    picture = Image.new("RGB", SIZE, PAPER)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    shown = (*losses, *(value for _, value in checked))
    low, high = 0.0, max((value for value in shown if math.isfinite(value)), default=1.0) or 1.0
    width, height = SIZE[0] - 2 * MARGIN, SIZE[1] - 2 * MARGIN

    def place(step: int, value: float) -> tuple[float, float]:
        return MARGIN + width * step / max(1, len(losses) - 1), MARGIN + height * (1 - (value - low) / (high - low))

    draw.line([(MARGIN, MARGIN), (MARGIN, MARGIN + height), (MARGIN + width, MARGIN + height)], fill=FAINT)
    for values, ink, thick in ((losses, FAINT, 1), (smoothed(losses), LINE, 2)):
        draw.line([place(step, value) for step, value in enumerate(values)], fill=ink, width=thick)
    dots = [place(max(0, done - 1), value) for done, value in checked]
    draw.line(dots, fill=APART, width=2)
    for x, y in dots:
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=APART)
    if checked:
        draw.text((MARGIN, SIZE[1] - 18), f"pictures held out: {checked[-1][1]:.4f}", fill=APART, font=font)
    last = f"{smoothed(losses)[-1]:.4f}" if losses else "none yet"
    draw.text((MARGIN, 14), f"loss, and its running mean: {last}", fill=INK, font=font)
    draw.text((6, MARGIN - 8), f"{high:.2f}", fill=INK, font=font)
    draw.text((MARGIN, SIZE[1] - 34), "0", fill=INK, font=font)
    draw.text((MARGIN + width - 30, SIZE[1] - 34), str(len(losses)), fill=INK, font=font)
    return picture


def as_image(picture: Image.Image) -> Tensor:
    """The host's IMAGE (1, H, W, 3), 0..1."""
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return pixels.reshape(1, picture.height, picture.width, 3).float() / 255
