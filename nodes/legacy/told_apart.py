"""What the page asks for to tell old nodes from nodes of other packs that have the same ids."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from .table import ROWS

ROUTE = "/likeness/old_nodes"


def by_id() -> dict[str, dict[str, Any]]:
    """Of every old node its pack, its sockets, and all its inputs."""
    return {
        row.node_id: {"pack": row.pack.split()[0], "sockets": row.sockets, "inputs": row.inputs}
        for row in ROWS.values()
    }


def add_routes(routes: web.RouteTableDef) -> None:
    """GET the old nodes."""

    @routes.get(ROUTE)
    async def old_nodes(_request: web.Request) -> web.Response:
        return web.json_response(by_id())
