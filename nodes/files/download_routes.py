"""The server's side of the Download button: what a preset lacks, and getting it when a person asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from server import PromptServer

from ...attention.catalogue.presets import PURPOSES, Preset, presets_for
from ...attention.files.published import FILES, File
from ...attention.models.families import FAMILIES
from . import installed
from .download_jobs import DownloadJobs
from .hub import source_of

INSTALLED = "/likeness/installed"
DOWNLOAD = "/likeness/download"
CANCEL = "/likeness/download/cancel"


def register() -> None:
    """Add the routes to ComfyUI's server, where one runs."""
    server = getattr(PromptServer, "instance", None)
    if server is not None:
        add_routes(server.routes, DownloadJobs(server.send_sync))


def add_routes(routes: web.RouteTableDef, jobs: DownloadJobs) -> None:
    """GET what the files of a preset are and which are missing; POST a file's id to get it or to stop.

    Ids come from the table of published files. No address comes from the page.
    """

    @routes.get(INSTALLED)
    async def what_is_installed(request: web.Request) -> web.Response:
        purpose = request.query.get("preset", "")
        if purpose not in PURPOSES:
            raise _refused(f"There is no preset {purpose[:100]!r}; choose one of: {', '.join(PURPOSES)}.")
        families = [_described(row, jobs) for row in presets_for(purpose).values()]
        return web.json_response({"preset": purpose, "families": await asyncio.gather(*families)})

    @routes.post(DOWNLOAD)
    async def download(request: web.Request) -> web.Response:
        file = await _file(request)
        jobs.start(file, installed.folder_of(file), await asyncio.to_thread(source_of, file))
        return web.json_response({"file": file.id, "state": "running"})

    @routes.post(CANCEL)
    async def cancel(request: web.Request) -> web.Response:
        file = await _file(request)
        return web.json_response({"file": file.id, "cancelled": jobs.cancel(file)})


async def _described(row: Preset, jobs: DownloadJobs) -> dict[str, Any]:
    missing = await asyncio.to_thread(installed.missing, row)
    return {
        "family": row.family,
        "label": FAMILIES[row.family].label,
        "files": [
            {
                "id": file.id,
                "name": file.name,
                "folder": f"models/{file.folder}",
                "bytes": file.size,
                "page": file.repository.page,
                "licence": file.repository.licence,
                "installed": file not in missing,
                "running": jobs.running(file),
            }
            for file in row.downloads
        ],
    }


async def _file(request: web.Request) -> File:
    # A page of another site cannot send this type without asking first.
    if request.content_type != "application/json":
        raise _refused("The request must be JSON.")
    try:
        body = await request.json()
    except (ValueError, LookupError, RecursionError):  # no JSON, no text, an unknown script, JSON too deep
        raise _refused("The request is not JSON.") from None
    wanted = body.get("file") if isinstance(body, Mapping) else None
    if not isinstance(wanted, str) or wanted not in FILES:
        raise _refused(f"There is no published file {str(wanted)[:100]!r}.")
    return FILES[wanted]


def _refused(reason: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=reason)
