"""Every node id of the two old packs, and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import table_before_2024, table_instantid, table_ipadapter
from .shape import Row

ROWS: Mapping[str, Row] = MappingProxyType(
    {row.node_id: row for row in (*table_ipadapter.ROWS, *table_before_2024.ROWS, *table_instantid.ROWS)}
)
