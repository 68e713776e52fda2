"""The server's side of the button that stops a training and keeps what it has."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web
from server import PromptServer

from .course_row import RUNNING

STOP = "/likeness/training/stop"


def register() -> None:
    """Add the route to ComfyUI's server, where one runs."""
    server = getattr(PromptServer, "instance", None)
    if server is not None:
        add_routes(server.routes)


def add_routes(routes: web.RouteTableDef) -> None:
    """POST the id of a node whose training is to stop."""

    @routes.post(STOP)
    async def stop(request: web.Request) -> web.Response:
        # A page of another site cannot send this type without asking first.
        if request.content_type != "application/json":
            raise web.HTTPBadRequest(text="The request must be JSON.")
        try:
            body = await request.json()
        except (ValueError, LookupError, RecursionError):  # no JSON, no text, an unknown script, JSON too deep
            raise web.HTTPBadRequest(text="The request is not JSON.") from None
        row = RUNNING.get(str(body.get("node"))) if isinstance(body, Mapping) else None
        if row is None:
            raise web.HTTPBadRequest(text="No training of this node runs.")
        row.ask_to_stop()
        return web.json_response({"stopping": True})
