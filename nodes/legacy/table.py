"""Every node id of the old packs, and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from . import table_before_2024, table_flux, table_instantid, table_ipadapter, table_ipadapter_inputs, table_pulid
from .shape import Row

_TABLES = (table_ipadapter, table_ipadapter_inputs, table_before_2024, table_instantid, table_flux, table_pulid)

GONE: Mapping[str, str] = MappingProxyType(
    {"IPAdapterCLIPVisionEncode": "what it gave is not known any more: use Encode Reference, and Apply IP-Adapter"}
)
"""Old node ids without a row, and why."""

ROWS: Mapping[str, Row] = MappingProxyType({row.node_id: row for table in _TABLES for row in table.ROWS})
