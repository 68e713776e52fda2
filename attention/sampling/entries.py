"""How branches get into a call of the model, by the kind of the model: what differs from kind to kind in sampling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from ..models.kinds import FLUX, UNET, WAN
from .acting import Acting
from .call import Given
from .dispatch import Call
from .joint import JointCall
from .own_branch import OwnCall
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


Entry = Callable[[Run, Rows, tuple[Acting, ...], Given], AnyCall]
ENTRIES: Mapping[str, Entry] = MappingProxyType({UNET.name: Call.of, FLUX.name: JointCall.of, WAN.name: OwnCall.of})
