"""A ControlNet that reads face tokens in place of the text, for itself only, with a mask on what it adds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import lcm
from typing import Any
from weakref import WeakKeyDictionary

import torch
from comfy.controlnet import ControlBase, ControlNet
from torch import Tensor

from ..adapter.transfer import like, sent
from ..branch.effect import warn
from ..branch.masks import MASK_RULES, MEAN, Grid
from ..cache import Cache
from ..inputs import at, check_mask
from ..sampling import said
from ..sampling.attach import RUN
from ..sampling.call import Given, picture_areas, rows_of_call
from ..sampling.rows import Conditionings, Rows
from ..sampling.run import Run
from .hint import Hint, Sizing, hint_rows
from .residual_mask import residual_factors, touches

Control = dict[str, list[Tensor | None]]
Kept = Cache[Any]

_BUDGET = 512 * 2**20  # bytes for each run; a window of 16 hints of 1024 x 1024 for both halves takes 200 MB


@dataclass(frozen=True, eq=False)
class FaceContext:
    """What an IdentityNet reads in place of the text, and where it may act.

    `positive` and `negative` (n, T, C) are the projected tokens of the face and of zeros, for the two halves of
    guidance; their T may differ. Without `negative` nothing is added to the negative half. Picture i of a batch reads
    set i, the last one for all that follow; several photos as one person are one set of n * T tokens. `mask` (B, H, W),
    0..1, over the whole canvas, says where the residuals count; mask i is for picture i in the same way, brought to the
    sizes of the residuals by `mask_rule`. `tell` takes a sentence for the person who applied it.
    """

    positive: Tensor
    negative: Tensor | None
    mask: Tensor | None = None
    mask_rule: str = MEAN
    tell: Callable[[str], None] = warn

    def __post_init__(self) -> None:
        shapes = tuple(self.positive.shape), tuple(self._read_by_negative.shape)
        if any(len(shape) != 3 or 0 in shape for shape in shapes) or shapes[0][2] != shapes[1][2]:
            raise ValueError(
                f"face tokens of the shapes {shapes[0]} and {shapes[1]}; both must be (n, tokens, width) of one width."
            )
        if self.mask is not None:
            check_mask(self.mask, "the mask")
        if self.mask_rule not in MASK_RULES:
            raise ValueError(f"there is no mask rule '{self.mask_rule}'; there are {', '.join(MASK_RULES)}.")

    @property
    def width(self) -> int:
        return self.positive.shape[2]

    @property
    def _read_by_negative(self) -> Tensor:
        """What rows of the negative half read; where nothing is added to them, it does not matter."""
        return self.positive if self.negative is None else self.negative

    def left_alone(self, rows: Rows) -> tuple[bool, ...]:
        """Of each row whether it is one to which nothing is added."""
        return tuple(self.negative is None and chunk.polarity == "negative" for chunk, _ in rows.listed())

    def context(self, rows: Rows) -> Tensor:
        """The tokens of each row (rows, T, C).

        One batch needs one length; a softmax over k equal copies of its tokens is the same average.
        """
        sides = {"positive": self.positive, "negative": self._read_by_negative}
        length = lcm(*{sides[chunk.polarity].shape[1] for chunk in rows.chunks})
        sets: list[Tensor] = []
        for chunk, frame in rows.listed():
            side = sides[chunk.polarity]
            tokens = at(side, frame)
            sets.append(tokens.repeat(length // len(tokens), 1))
        return torch.stack(sets)


class IdentityNet(ControlNet):
    """The host's ControlNet with a context of its own: other nets of its chain keep the text.

    It shares the weights and the patcher of the net it is made from, as the host's copies do. What it makes for
    a sampling run (context, hint, factors) is kept with that run, so it is gone when the run ends or fails; the
    host cleans nets up only after a run that succeeds.
    """

    sub_idxs = None
    """Packs with context windows of their own look for this, and set it to the frames of a window."""

    def __init__(self, net: ControlNet, face: FaceContext) -> None:
        super().__init__(None, load_device=net.load_device, manual_cast_dtype=net.manual_cast_dtype)
        self.control_model = net.control_model
        self.control_model_wrapped = net.control_model_wrapped
        net.copy_to(self)
        self.face = face
        self._kept: WeakKeyDictionary[Run, Kept] = WeakKeyDictionary()

    def copy(self) -> IdentityNet:
        return self.reading(self.face)

    def reading(self, face: FaceContext) -> IdentityNet:
        """The same net with another context."""
        return type(self)(self, face)

    @property
    def pixels_per_cell(self) -> int:
        """Pixels along one side of a keypoint picture for each cell of the latent."""
        return self.compression_ratio

    def showing(self, hint: Hint) -> IdentityNet:
        """A copy that is given this hint, with its strength and range, at the start of a chain."""
        percents = (hint.range.start, hint.range.end)
        shown = self.copy()
        shown.set_cond_hint(hint.image[..., :3].movedim(-1, 1), hint.strength, percents, hint.vae)
        return shown

    def get_control(
        self, x_noisy: Tensor, t: Tensor, cond: dict[str, Any], batched_number: int, transformer_options: dict[str, Any]
    ) -> Control | None:
        """The residuals of the nets before it, with the text, plus its own, with the face."""
        before: Any = self.previous_controlnet
        previous: Control | None = None
        if before is not None:
            previous = before.get_control(x_noisy, t, cond, batched_number, transformer_options)
        foreign, self.cond_hint = self._cut_by_others(x_noisy), None
        run: Run | None = transformer_options.get(RUN)
        conditionings = Conditionings({}, {}) if run is None else run.conditionings
        rows = rows_of_call(conditionings, Given(x_noisy, transformer_options, cond.get("c_crossattn")))
        kept = _cache() if run is None else self._kept.setdefault(run, _cache())
        if not self._acts(rows, kept):
            return previous
        self._tell_of_rows(rows, foreign, kept)
        own_cond = {**self._told(cond, x_noisy), "crossattn_controlnet": self._context(rows, x_noisy.device, kept)}
        hint = self._hint(rows, x_noisy, kept) if foreign is None else foreign.to(x_noisy.device, self._dtype)
        own = self._shown(hint, kept).get_control(x_noisy, t, own_cond, batched_number, transformer_options)
        if own is None:
            return previous
        return _SUM.control_merge(self._masked(own, rows, x_noisy, kept), previous, None)

    def _told(self, cond: dict[str, Any], x_noisy: Tensor) -> dict[str, Any]:
        """What the net is told beside its context."""
        return cond

    def _shown(self, hint: Tensor, kept: Kept) -> ControlNet:
        """A net of the host's for one call whose picture is this finished hint: no memory of the host's for hints, by
        whatever rule it finds them again, can give it another one."""
        net = ControlNet(
            None,
            self.global_average_pooling,
            self.compression_ratio,
            load_device=self.load_device,
            manual_cast_dtype=self.manual_cast_dtype,
            preprocess_image=lambda picture: picture,
        )
        self.copy_to(net)
        net.preprocess_image = lambda picture: picture
        net.vae = net.latent_format = None
        net.cond_hint_original = hint
        net.control_model = _Checked(self.control_model, hint, kept.get("sure", list[bool]))
        net.control_model_wrapped = self.control_model_wrapped
        net.timestep_range, net.model_sampling_current = self.timestep_range, self.model_sampling_current
        return net

    def _cut_by_others(self, x_noisy: Tensor) -> Tensor | None:
        """The hint (rows, 3, H, W) that another pack has cut for this call, None where there is none.

        Packs that work on tiles put it where the host keeps a net's hint; ours is never there between calls.
        """
        wanted = tuple(side * self.compression_ratio for side in x_noisy.shape[-2:])
        by_size: Mapping[Any, Tensor] = getattr(self, "cond_hints", {})  # newer hosts keep one for each size
        for hint in (self.cond_hint, *by_size.values()):
            if hint is not None and tuple(hint.shape[-2:]) == wanted and len(hint) in (1, len(x_noisy)):
                return hint.expand(len(x_noisy), -1, -1, -1)
        return None

    def _tell_of_rows(self, rows: Rows, foreign: Tensor | None, kept: Kept) -> None:
        """Say once for a run that keypoints or a mask cannot be laid where they belong."""
        lost = not rows.is_placed and (foreign is None or self.face.mask is not None)
        if lost and kept.get("said", list[str]) == []:
            kept.get("said", list[str]).append(said.KEYPOINTS)
            self.face.tell(said.KEYPOINTS)

    @property
    def _dtype(self) -> torch.dtype:
        network: Any = self.control_model
        return self.manual_cast_dtype or network.dtype

    def _acts(self, rows: Rows, kept: Kept) -> bool:
        """Whether its residuals can be anything but 0, as far as strength and mask tell."""
        mask = self.face.mask
        if self.strength == 0 or all(self.face.left_alone(rows)):
            return False
        return mask is None or kept.get(("acts", rows), lambda: touches(mask.float(), picture_areas(rows, len(mask))))

    def _context(self, rows: Rows, device: torch.device, kept: Kept) -> Tensor:
        return kept.get(("context", rows, device), lambda: sent(self.face.context(rows), device).to(self._dtype))

    def _hint(self, rows: Rows, x_noisy: Tensor, kept: Kept) -> Tensor:
        pictures: Tensor | None = self.cond_hint_original
        if pictures is None:
            raise ValueError("this IdentityNet has no keypoint picture. Apply it with one.")
        height, width = x_noisy.shape[-2:]
        where = picture_areas(rows, len(pictures))

        def make() -> Tensor:
            return sent(hint_rows(pictures, where, (height, width), self._sizing), x_noisy.device).to(self._dtype)

        return kept.get(("hint", where, height, width, x_noisy.device), make)

    @property
    def _sizing(self) -> Sizing:
        return Sizing(self.pixels_per_cell, self.compression_ratio, self.upscale_algorithm, self.preprocess_image)

    def _masked(self, control: Control, rows: Rows, x_noisy: Tensor, kept: Kept) -> Control:
        """The residuals times each row's mask, and 0 where a row is left alone; one that serves several layers is one still."""
        mask, rule, left = self.face.mask, self.face.mask_rule, self.face.left_alone(rows)
        if mask is None and not any(left):
            return control
        where = () if mask is None else picture_areas(rows, len(mask))

        def made(grid: Grid) -> Tensor:
            counts = torch.tensor([0.0 if each else 1.0 for each in left])[:, None, None, None]
            if mask is None:
                return counts.expand(-1, -1, *grid)
            factors = residual_factors(mask.float(), where, grid, rule, self.pixels_per_cell)
            return factors * counts if any(left) else factors

        def masked(residual: Tensor) -> Tensor:
            grid = self._grid(residual, x_noisy)
            key = ("factor", where, left, grid, residual.device, residual.dtype)
            return residual * kept.get(key, lambda: like(self._laid(made(grid)), residual))

        apart = {id(each): each for parts in control.values() for each in parts if each is not None}
        found = {number: masked(each) for number, each in apart.items()}
        return {side: [None if each is None else found[id(each)] for each in control[side]] for side in control}

    def _grid(self, residual: Tensor, x_noisy: Tensor) -> Grid:
        """Rows and columns of a residual."""
        return residual.shape[-2], residual.shape[-1]

    def _laid(self, factors: Tensor) -> Tensor:
        """Factors (rows, 1, h, w) in the shape of a residual."""
        return factors


@dataclass(frozen=True, eq=False)
class _Checked:
    """A net's weights that make sure, once for a run, that they are shown the hint that was made for the call."""

    network: Any
    hint: Tensor
    sure: list[bool]

    @property
    def dtype(self) -> torch.dtype:
        return self.network.dtype

    def __call__(self, **given: Any) -> Control:
        hint: Tensor = given["hint"]
        if not self.sure:
            if hint.shape != self.hint.shape or not torch.equal(hint, self.hint.to(hint)):
                raise RuntimeError(
                    "IdentityNet was shown another keypoint picture than the one made for this call: this ComfyUI prepares "
                    "ControlNet pictures in a way that this version of Likeness does not know. Update Likeness."
                )
            self.sure.append(True)
        return self.network(**given)


def _cache() -> Kept:
    return Cache(_BUDGET, lambda made: made.nbytes if isinstance(made, Tensor) else 0)


_SUM = ControlBase()  # of strength 1: only adds what it is given, as the host adds the nets of a chain
