"""The server's side of the editors: the pack's tables, and its readers of texts."""

from __future__ import annotations

from aiohttp import web
from server import PromptServer

from . import editor_tables

TABLES = "/likeness/tables"
READ = "/likeness/read"


def register() -> None:
    """Add the routes to ComfyUI's server, where one runs."""
    server = getattr(PromptServer, "instance", None)
    if server is not None:
        add_routes(server.routes)


def add_routes(routes: web.RouteTableDef) -> None:
    """GET the tables; GET what the nodes make of a text, or why they do not."""

    @routes.get(TABLES)
    async def tables(_request: web.Request) -> web.Response:
        return web.json_response(editor_tables.tables())

    @routes.get(READ)
    async def read(request: web.Request) -> web.Response:
        asked = request.query
        try:
            found = editor_tables.read(asked.get("kind", ""), asked.get("text", ""), asked.get("family", ""))
        except ValueError as error:
            found = {"wrong": str(error)}  # a half-written text is no error of the page
        return web.json_response(found)
