"""Runs downloads in parallel, tells the page how far they are, and cancels them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...attention.files.published import File
from .hub import Source

if TYPE_CHECKING:
    from .download import Download

EVENT = "likeness.download"
_PAUSE = 0.25  # seconds between two reports


class DownloadJobs:
    """The downloads that run now, by file id. `send` takes an event and its data to every page."""

    def __init__(self, send: Callable[[str, dict[str, Any]], None]) -> None:
        self._send = send
        self._running: dict[str, asyncio.Task[None]] = {}

    def running(self, file: File) -> bool:
        return file.id in self._running

    def start(self, file: File, folder: Path, source: Source) -> None:
        """Begin a download, unless it runs already."""
        from .download import Download

        if not self.running(file):
            self._running[file.id] = asyncio.create_task(
                self._run(Download(file, source, folder, self._reporter(file)))
            )

    def cancel(self, file: File) -> bool:
        """Stop a download; what has arrived is kept. False when it does not run."""
        task = self._running.get(file.id)
        return task is not None and task.cancel()

    async def wait(self, file: File) -> None:
        """Until a download has ended, in whatever way."""
        if self.running(file):
            await asyncio.wait([self._running[file.id]])

    async def _run(self, download: Download) -> None:
        from .download import DownloadError

        try:
            path = await download.run()
        except asyncio.CancelledError:
            self._tell(download.file, "cancelled", download.received)
            raise
        except DownloadError as error:
            self._tell(download.file, "failed", download.received, str(error))
        else:
            self._tell(download.file, "done", path.stat().st_size, str(path))
        finally:
            del self._running[download.file.id]

    def _reporter(self, file: File) -> Callable[[int], None]:
        last = 0.0

        def report(received: int) -> None:
            nonlocal last
            if time.monotonic() - last >= _PAUSE:
                last = time.monotonic()
                self._tell(file, "running", received)

        return report

    def _tell(self, file: File, state: str, received: int, message: str = "") -> None:
        data = {"file": file.id, "state": state, "received": received, "total": file.size, "message": message}
        self._send(EVENT, data)
