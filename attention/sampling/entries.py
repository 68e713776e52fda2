"""How branches get into a call of the model, by the kind of the model: what differs from kind to kind in sampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from ..models.kinds import FLUX, REFERENCES, SD3, UNET, WAN
from .acting import Acting
from .call import Given
from .dispatch import Call
from .joint import JointCall
from .mmdit import MMDiTCall
from .own_branch import OwnCall
from .reference_call import ReferenceCall, without_cut
from .rows import Rows
from .run import Run


class AnyCall(Protocol):
    """What belongs to one call of the model: it travels in that call's own options."""

    @property
    def rows(self) -> Rows: ...

    @property
    def is_complete(self) -> bool:
        """Whether every row of the call was reached."""
        ...

    def into(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What changes in the options of the call."""
        ...


def as_it_is(_run: Run, _rows: Rows, _acting: tuple[Acting, ...], given: Given) -> Given:
    return given


@dataclass(frozen=True)
class Entry:
    """A row: `call` makes what belongs to a call, `given` is what the model is given in it."""

    call: Callable[[Run, Rows, tuple[Acting, ...], Given], AnyCall]
    given: Callable[[Run, Rows, tuple[Acting, ...], Given], Given] = as_it_is


ENTRIES: Mapping[str, Entry] = MappingProxyType(
    {
        REFERENCES.name: Entry(ReferenceCall.of, without_cut),
        UNET.name: Entry(Call.of),
        FLUX.name: Entry(JointCall.of),
        SD3.name: Entry(MMDiTCall.of),
        WAN.name: Entry(OwnCall.of),
    }
)
"""In this order: what leaves something out of a call does so before others read it."""
