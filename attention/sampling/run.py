"""The state of one sampling run: which branches act at a noise level, and what they add in each layer."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, NamedTuple, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from ..adapter.key_values import KeyValues, KeyValuesOnDemand
from ..adapter.transfer import like
from ..branch.attachment import Attachment
from ..branch.effect import Effect
from ..branch.masks import on_grid
from ..branch.scaling import EMBEDS_SCALING, Scaled
from ..cache import Cache
from ..models.families import BlockKey
from ..weights.schedule import Course
from . import said
from .acting import Acting, BranchOnRows, on_rows
from .fused import FusedLayer
from .layer import BranchInLayer, Layer
from .near import Near
from .rows import Conditionings, Rows
from .store import Store
from .tokens import Tokens, tokens_of

T = TypeVar("T")
STORE_BUDGET = 1 << 30
"""Bytes of a run's tensors. Beyond it, as with many windows of frames, they are made anew for each call."""
MOMENTS_BUDGET = 1 << 29
"""Bytes of keys and values that are of one noise level: those that were not asked for longest go first."""
KINDS_KEPT = 16
"""Kinds of call that a run remembers: a schedule gives each step a kind of its own, and old ones do not come back."""


@dataclass(frozen=True)
class Branch:
    """What is attached to the model, in a run, with the noise levels between which it acts, both included."""

    attachment: Effect
    sigma_start: float
    sigma_end: float


class CallKind:
    """The branches that act in calls of the same rows and factors, and each layer of such calls once it was put together."""

    def __init__(self, branches: tuple[BranchOnRows, ...]) -> None:
        self.branches = branches
        self.has_masks = any(branch.mask_areas for branch in branches)
        self.layers: dict[Hashable, Layer] = {}


class Site(NamedTuple):
    """One attention that branches act in: its key, the grid of its queries, the number of its heads.

    A plain tuple, because every layer of every call makes one and looks it up. `rest` queries follow those of the grid:
    they have no place in the picture, and a mask is 0 there. `lead` queries come before it: they are the text's, for all
    of the picture, and a mask is its mean there.
    """

    key: BlockKey
    grid: tuple[int, int]
    heads: int
    rest: int = 0
    lead: int = 0


class Run:
    """Everything the branches of one run need. After it is made only its memories are filled."""

    def __init__(self, attachments: Sequence[Effect], model_sampling: Any, conditionings: Conditionings) -> None:
        acting = sorted((a for a in attachments if a.ever_acts), key=lambda a: a.order)
        sigma = model_sampling.percent_to_sigma
        self.branches = tuple(Branch(a, sigma(a.range.start), sigma(a.range.end)) for a in acting)
        self.conditionings = conditionings
        self.needs_sigma = not all(a.always_on for a in acting)
        self._course = Course(model_sampling) if any(a.schedule for a in acting) else None
        self._store = Store(STORE_BUDGET)
        self._moments: Cache[Attachment] = Cache(MOMENTS_BUDGET, _nbytes)
        self._kinds: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = Lock()
        self._remembered: dict[Hashable, Any] = {}
        self._told: set[Hashable] = set()
        self._acted: set[int] = set()
        self._left_out: set[int] = set()
        self._calls = 0

    def acting(self, sigma: float | None) -> tuple[Acting, ...]:
        """The branches that act at this noise level, in the order in which they are summed."""
        found = ((i, self._factor(branch, sigma)) for i, branch in enumerate(self.branches))
        return tuple(Acting(i, factor) for i, factor in found if factor is not None)

    def _factor(self, branch: Branch, sigma: float | None) -> float | None:
        """The factor of a branch's schedule at this noise level; None where the branch does not act."""
        factor, effect = 1.0, branch.attachment
        if sigma is not None:
            if not branch.sigma_end <= sigma <= branch.sigma_start:
                outside = effect.outside
                return outside if outside is not None and effect.acts_with(outside) else None
            if effect.schedule and self._course:
                factor = effect.schedule.factor(self._course.percent(sigma))
        return factor if effect.acts_with(factor) else None

    def release(self) -> None:
        """Forget every tensor. Called when sampling ends, fails or is interrupted."""
        self._store.clear()
        self._moments.clear()
        self._kinds.clear()
        self._remembered.clear()
        self.branches = ()

    def remembered(self, key: Hashable, find: Callable[[], T]) -> T:
        """What `find` finds, once for this run: finding it may wait for the device."""
        if key not in self._remembered:
            self._remembered[key] = find()
        return self._remembered[key]

    def tell(self, number: int, text: str) -> None:
        """Say a sentence about a branch, once for this run."""
        if (number, text) not in self._told:
            self._told.add((number, text))
            self.branches[number].attachment.tell(text)

    def tell_of_rows(self, acting: Sequence[Acting], rows: Rows) -> None:
        """Say of the branches whose mask or pictures cannot be laid onto the rows of a call that they cannot."""
        self._calls += 1
        for number in () if rows.is_placed and rows.is_known else (one.branch for one in acting):
            attachment = self.branches[number].attachment
            if attachment.attn_mask is not None and not rows.is_placed:
                self.tell(number, said.PART)
            if attachment.tells_pictures_apart and not rows.is_known:
                self.tell(number, said.PICTURES)

    def tell_of_masks(self) -> None:
        """Say of every mask that it was laid over each picture of a node that samples several of them."""
        for number, branch in enumerate(self.branches):
            if branch.attachment.attn_mask is not None and not branch.attachment.mask_is_cut:
                self.tell(number, said.SEVERAL)

    def left_out(self, acting: Sequence[Acting], patch: Any, found: int, expected: int) -> None:
        """Say that branches were left out of a layer whose rows are not known, and by whose patch if it can be told."""
        self.leave_out(acting, said.left_out(found, expected, said.pack_of(patch)))

    def leave_out(self, acting: Sequence[Acting], text: str) -> None:
        """Say why branches were left out."""
        for one in acting:
            self._left_out.add(one.branch)
            self.tell(one.branch, text)

    def tell_what_never_acted(self, sigmas: Tensor, model_options: Mapping[str, Any], model: Any) -> None:
        """After a whole run: say of every branch that should have acted at one of its levels and acted in no layer."""
        idle = [number for number in range(len(self.branches)) if number not in self._acted | self._left_out]
        levels: list[float] = sigmas[:-1].tolist() if idle else []  # reading them waits for the device
        for number in idle:
            if any(self._factor(self.branches[number], level) is not None for level in levels):
                title = self.branches[number].attachment.title
                never = said.never_acted(bool(self._calls), said.packs_around(model_options, model))
                self.tell(number, said.nothing_to_weigh(title) if title and self._calls else never)

    def have_acted(self, numbers: Iterable[int]) -> None:
        """Remember that these branches had a part in some layer."""
        self._acted.update(numbers)

    def kind(self, acting: tuple[Acting, ...], rows: Rows) -> CallKind:
        """The kind of a call in which these references act on these rows."""
        references = (cast(Attachment, self.branches[one.branch].attachment) for one in acting)
        return self.kind_of(
            (acting, rows),
            lambda: CallKind(tuple(on_rows(one, at, rows) for one, at in zip(acting, references, strict=True))),
        )

    def kind_at(self, acting: tuple[Acting, ...], rows: Rows, time: float, device: torch.device) -> CallKind:
        """As `kind`, where keys and values are those of a timestep: what it holds goes with the call."""
        at = (self.at_time(one.branch, time, device) for one in acting)
        return CallKind(tuple(on_rows(one, each, rows) for one, each in zip(acting, at, strict=True)))

    def at_time(self, number: int, time: float, device: torch.device) -> Attachment:
        """A branch with the keys and values of a timestep, which several calls of a step share."""
        attachment = cast(Attachment, self.branches[number].attachment)
        return self._moments.get((number, time, device), lambda: attachment.at_time(time, device))

    def kind_of(self, key: Hashable, make: Callable[[], T]) -> T:
        """What calls of one kind share: made for the first of them, forgotten after many other kinds."""
        with self._lock:
            found = self._kinds.get(key)
            if found is None:
                found = self._kinds[key] = make()
                while len(self._kinds) > KINDS_KEPT:
                    self._kinds.popitem(last=False)
            return found

    def store(self, key: Hashable, make: Callable[[], Tensor]) -> Tensor:
        """A tensor that is made when it is first asked for, and kept for this run while there is room."""
        return self._store.get(key, make, lambda made: made.nbytes)

    def layer(self, kind: CallKind, site: Site, q: Tensor, near: Near) -> Layer:
        """What acts at a site in calls of a kind, for queries like `q`: put together when it is first asked for.

        `near` is the call's own, for what it takes to put its layers together.
        """
        key = (site, q.shape, q.dtype, q.device)
        found = kind.layers.get(key)
        if found is None:
            acting = tuple(branch for branch in kind.branches if branch.acts_in(site.key))
            found = self._layer(acting, site, q, near)
            # What the store has no room for must not be kept here either.
            if not self._store.is_full and not any(_on_demand(branch) for branch in acting):
                kind.layers[key] = found
        return found

    def _layer(self, acting: tuple[BranchOnRows, ...], site: Site, q: Tensor, near: Near) -> Layer:
        branches = tuple(
            BranchInLayer(
                branch,
                self._tokens(branch, site.key, q, near),
                self._scaled(branch, site.key, q),
                self._mask(branch, site, q),
                site.heads,
            )
            for branch in acting
        )
        self.have_acted(branch.number for branch in acting)
        if q.ndim == 4:
            return Layer(branches)  # the fused kernel takes no queries that are apart by heads
        return Layer(branches, FusedLayer.of(branches, q, site.heads))

    def _tokens(self, branch: BranchOnRows, block: BlockKey, q: Tensor, near: Near) -> Tokens:
        """What the queries `q` of one layer attend to, of the same kind and on the same device."""
        attachment, groups = branch.attachment, branch.groups_in(block)
        if q.ndim == 4:  # by heads rows cannot share: the tokens of a group are repeated for each
            groups = tuple(group for group in groups for _ in range(len(q) // len(groups)))
        if _on_demand(branch):
            return tokens_of(attachment, block, groups, q, near)
        key = ("tokens", branch.number, block, groups, q.device, q.dtype)
        return self._store.get(key, lambda: tokens_of(attachment, block, groups, q, near), lambda made: made.nbytes)

    def _mask(self, branch: BranchOnRows, site: Site, q: Tensor) -> Tensor | None:
        """The factor (rows or 1, N, 1) of each query, of the kind of `q`; None for a branch without mask."""
        masks, where, rule = branch.attachment.attn_mask, branch.mask_areas, branch.attachment.mask_rule
        if masks is None:
            return None

        def make() -> Tensor:
            parts = {w: on_grid(masks[w[0]][None].float(), site.grid, w[1], rule) for w in set(where)}
            mask = F.pad(torch.cat([parts[w] for w in where]), (0, 0, 0, site.rest))
            if site.lead:
                cells = site.grid[0] * site.grid[1]
                mean = mask[:, :cells].mean(1, keepdim=True)
                mask = torch.cat([mean.expand(-1, site.lead, -1), mask], 1)
            return like(mask, q)

        key = ("mask", branch.number, *site[1:], where, q.device, q.dtype)
        return self._store.get(key, make, lambda made: made.nbytes)

    def _scaled(self, branch: BranchOnRows, block: BlockKey, q: Tensor) -> Scaled:
        """Where the branch's factor acts in a layer: each part one number, or one for each row (rows, 1, 1)."""
        scaling = EMBEDS_SCALING[branch.attachment.embeds_scaling]
        width = q.shape[-1] if q.ndim == 3 else q.shape[1] * q.shape[-1]
        number, factors = branch.attachment.scale_in(block) * branch.factor, branch.frame_factors
        if not factors:
            return scaling(number, width)
        key = ("scaled", branch.number, number, factors, width, q.device, q.dtype)

        def make() -> Scaled:
            each = self.store(
                ("factors", factors, q.device, q.dtype), lambda: like(torch.tensor(factors)[:, None, None], q)
            )
            return scaling(number * each, width)

        return self._store.get(key, make, lambda made: made.nbytes)


def _on_demand(branch: BranchOnRows) -> bool:
    """Whether its tokens are made for each call, and not kept."""
    return branch.is_momentary or isinstance(branch.attachment.positive, KeyValuesOnDemand)


def _nbytes(attachment: Attachment) -> int:
    """Of the keys and values that it holds, or of the tokens that they are made from."""
    return sum(
        side.nbytes if isinstance(side, KeyValues) else side.tokens.nbytes
        for side in (attachment.positive, attachment.negative)
        if isinstance(side, KeyValues | KeyValuesOnDemand)
    )
