"""A ControlNet that reads face tokens in place of the text, for itself only, with a mask on what it adds."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm
from typing import Any
from weakref import WeakKeyDictionary

import torch
from comfy.controlnet import ControlBase, ControlIsolation, ControlNet
from torch import Tensor

from ..cache import Memo
from ..inputs import check_mask
from ..sampling.attach import RUN
from ..sampling.call import places, rows_of_call
from ..sampling.rows import Conditionings, Rows
from ..sampling.run import Run
from .hint import Hint, Sizing, hint_rows
from .residual_mask import MaskResize, factor, touches

Control = dict[str, list[Tensor | None]]
Kept = Memo[Any]

_BUDGET = 512 * 2**20  # bytes for each run; a window of 16 hints of 1024 x 1024 for both halves takes 200 MB


@dataclass(frozen=True, eq=False)
class FaceContext:
    """What an IdentityNet reads in place of the text, and where it may act.

    `positive` and `negative` (n, T, C) are the projected tokens of the face and of zeros, for the two halves of
    guidance; their T may differ. Picture i of a batch reads set i, the last one for all that follow; several
    photos as one person are one set of n * T tokens. `mask` (B, H, W), 0..1, over the whole canvas, says where
    the residuals count; mask i is for picture i in the same way. `mask_resize` is how it is brought to the
    sizes of the residuals (see `residual_mask.factor`).
    """

    positive: Tensor
    negative: Tensor
    mask: Tensor | None = None
    mask_resize: MaskResize = "coverage"

    def __post_init__(self) -> None:
        shapes = tuple(self.positive.shape), tuple(self.negative.shape)
        if any(len(shape) != 3 or 0 in shape for shape in shapes) or shapes[0][2] != shapes[1][2]:
            raise ValueError(
                f"face tokens of the shapes {shapes[0]} and {shapes[1]}; both must be (n, tokens, width) of one width."
            )
        if self.mask is not None:
            check_mask(self.mask, "the mask")

    @property
    def width(self) -> int:
        return self.positive.shape[2]

    def context(self, rows: Rows) -> Tensor:
        """The tokens of each row (rows, T, C).

        One batch needs one length; a softmax over k equal copies of its tokens is the same average.
        """
        sides = {"positive": self.positive, "negative": self.negative}
        length = lcm(*{sides[chunk.polarity].shape[1] for chunk in rows.chunks})
        sets: list[Tensor] = []
        for chunk, frame in rows.listed():
            side = sides[chunk.polarity]
            tokens = side[min(frame, len(side) - 1)]
            sets.append(tokens.repeat(length // len(tokens), 1))
        return torch.stack(sets)


class IdentityNet(ControlNet):
    """The host's ControlNet with a context of its own: other nets of its chain keep the text.

    It shares the weights and the patcher of the net it is made from, as the host's copies do. What it makes for
    a sampling run (context, hint, factors) is kept with that run, so it is gone when the run ends or fails; the
    host cleans nets up only after a run that succeeds.
    """

    def __init__(self, net: ControlNet, face: FaceContext) -> None:
        super().__init__(None, load_device=net.load_device, manual_cast_dtype=net.manual_cast_dtype)
        self.control_model = net.control_model
        self.control_model_wrapped = net.control_model_wrapped
        net.copy_to(self)
        self.face = face
        self._kept: WeakKeyDictionary[Run, Kept] = WeakKeyDictionary()

    def copy(self) -> IdentityNet:
        return IdentityNet(self, self.face)

    def showing(self, hint: Hint) -> IdentityNet:
        """A copy that is shown this hint, with its strength and range, at the start of a chain."""
        percents = (hint.start_percent, hint.end_percent)
        shown = self.copy()
        shown.set_cond_hint(hint.image[..., :3].movedim(-1, 1), hint.strength, percents)
        return shown

    def get_control(
        self, x_noisy: Tensor, t: Tensor, cond: dict[str, Any], batched_number: int, transformer_options: dict[str, Any]
    ) -> Control | None:
        """The residuals of the nets before it, with the text, plus its own, with the face."""
        before: Any = self.previous_controlnet
        previous: Control | None = None
        if before is not None:
            previous = before.get_control(x_noisy, t, cond, batched_number, transformer_options)
        run: Run | None = transformer_options.get(RUN)
        conditionings = Conditionings({}, {}) if run is None else run.conditionings
        rows = rows_of_call(conditionings, len(x_noisy), transformer_options)
        kept = _memo() if run is None else self._kept.setdefault(run, _memo())
        if not self._acts(rows, kept):
            return previous

        own_cond = {**cond, "crossattn_controlnet": self._context(rows, x_noisy.device, kept)}
        self.cond_hint = self._hint(rows, x_noisy, kept)
        try:
            with ControlIsolation(self):
                own: Control | None = super().get_control(x_noisy, t, own_cond, batched_number, transformer_options)
        finally:
            self.cond_hint = None
        if own is None:
            return previous
        return _SUM.control_merge(self._masked(own, rows, kept), previous, None)

    @property
    def _dtype(self) -> torch.dtype:
        network: Any = self.control_model
        return self.manual_cast_dtype or network.dtype

    def _acts(self, rows: Rows, kept: Kept) -> bool:
        """Whether its residuals can be anything but 0, as far as strength and mask tell."""
        mask = self.face.mask
        if self.strength == 0:
            return False
        return mask is None or kept.get(("acts", rows), lambda: touches(mask.float(), places(rows, len(mask))))

    def _context(self, rows: Rows, device: torch.device, kept: Kept) -> Tensor:
        return kept.get(("context", rows, device), lambda: self.face.context(rows).to(device, self._dtype))

    def _hint(self, rows: Rows, x_noisy: Tensor, kept: Kept) -> Tensor:
        pictures: Tensor | None = self.cond_hint_original
        if pictures is None:
            raise ValueError("this IdentityNet has no keypoint picture. Apply it with one.")
        height, width = x_noisy.shape[-2:]
        where = places(rows, len(pictures))
        sizing = Sizing(self.compression_ratio, self.upscale_algorithm, self.preprocess_image)

        def make() -> Tensor:
            return hint_rows(pictures, where, (height, width), sizing).to(x_noisy.device, self._dtype)

        return kept.get(("hint", where, height, width, x_noisy.device), make)

    def _masked(self, control: Control, rows: Rows, kept: Kept) -> Control:
        mask, resize = self.face.mask, self.face.mask_resize
        if mask is None:
            return control
        where = places(rows, len(mask))

        def masked(residual: Tensor) -> Tensor:
            grid = (residual.shape[-2], residual.shape[-1])
            key = ("factor", where, grid, residual.device, residual.dtype)
            return residual * kept.get(key, lambda: factor(mask.float(), where, grid, resize).to(residual))

        return {side: [None if each is None else masked(each) for each in control[side]] for side in control}


def _memo() -> Kept:
    return Memo(_BUDGET, lambda made: made.nbytes if isinstance(made, Tensor) else 0)


_SUM = ControlBase()  # of strength 1: only adds what it is given, as the host adds the nets of a chain
