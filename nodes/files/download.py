"""Gets one published file into its model folder: resumable, verified by size and hash, moved into place when complete."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from folder_paths import is_within_directory

from ...attention.files.published import File
from ...attention.files.sha256 import sha256_of
from .hub import Source

ATTEMPTS = 4  # in all, where a connection breaks; each goes on from where the last one ended
PAUSE = 1.0  # seconds before the next
_BLOCK = 1 << 20
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
_OK, _PARTIAL, _PAST_THE_END = 200, 206, 416
_NOT_ALLOWED = (401, 403)


class DownloadError(Exception):
    """Says what went wrong with a download and what to do."""


@dataclass(frozen=True)
class Download:
    """One file on its way from `source` into `folder`; `progress` is told the bytes that are there."""

    file: File
    source: Source
    folder: Path
    progress: Callable[[int], None]

    @property
    def target(self) -> Path:
        return self.folder / self.file.name

    @property
    def part(self) -> Path:
        return self.target.with_name(self.target.name + ".part")

    @property
    def received(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    async def run(self) -> Path:
        """The path of the complete, verified file. What has arrived is kept when it fails or is cancelled.

        Raises DownloadError.
        """
        if not is_within_directory(str(self.folder), str(self.target)):
            raise DownloadError(f"'{self.file.name}' would end up outside {self.folder}.")
        if self.target.exists():
            return self._already_there()
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            await self._receive()
            await asyncio.to_thread(self._prove)
            os.replace(self.part, self.target)
        except OSError as error:
            raise DownloadError(self._of_the_disk(error)) from error
        return self.target

    def _already_there(self) -> Path:
        size = self.target.stat().st_size
        if self.file.size not in (None, size):
            raise DownloadError(
                f"{self.target} already exists and has {size:,} bytes, not the published {self.file.size:,}. Move it away "
                "and try again."
            )
        return self.target

    async def _receive(self) -> None:
        self._check_room()
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True, auto_decompress=False) as session:
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return await self._receive_rest(session)
                except (aiohttp.ClientError, asyncio.TimeoutError) as error:
                    if attempt == ATTEMPTS:
                        raise DownloadError(self._of_the_network(error)) from error
                    await asyncio.sleep(PAUSE)

    async def _receive_rest(self, session: aiohttp.ClientSession) -> None:
        have = self.received
        if have and have == self.file.size:
            return
        rest = {"Range": f"bytes={have}-"} if have else {}
        headers = {**self.source.headers, "Accept-Encoding": "identity", **rest}
        async with session.get(self.source.url, headers=headers) as response:
            if response.status == _PAST_THE_END and have:
                self.part.unlink()
                raise aiohttp.ClientPayloadError("the partial file is longer than the published one")
            if response.status not in (_OK, _PARTIAL):
                raise DownloadError(self._of_the_answer(response))
            resumed = response.status == _PARTIAL and have > 0
            with self.part.open("ab" if resumed else "wb") as out:
                async for block in response.content.iter_chunked(_BLOCK):
                    out.write(block)
                    self.progress(out.tell())
                    self._check_not_too_long(out.tell())

    def _check_not_too_long(self, received: int) -> None:
        if self.file.size is not None and received > self.file.size:
            self.part.unlink()
            raise DownloadError(
                f"{self.source.url} sent more than the published {self.file.size:,} bytes; the download was discarded."
            )

    def _check_room(self) -> None:
        free = shutil.disk_usage(self.target.parent).free
        missing = (self.file.size or 0) - self.received
        if missing > free:
            raise DownloadError(
                f"{self.file.name} needs {missing:,} more bytes, but {self.target.parent} has only {free:,} free."
            )

    def _prove(self) -> None:
        size, digest = self.received, sha256_of(self.part)
        if self.file.size in (None, size) and digest.startswith(self.file.sha256):
            return
        self.part.unlink()
        wanted = f"{self.file.size:,} bytes" if self.file.size else "the published file"
        raise DownloadError(
            f"{self.source.url} sent {size:,} bytes with sha256 {digest}; expected {wanted} with {self.file.sha256}. The "
            f"download was discarded. The publisher may have replaced the file: see {self.file.repository.page}."
        )

    def _of_the_answer(self, response: aiohttp.ClientResponse) -> str:
        token = (
            "This machine's Hugging Face token was sent and may have expired: `hf auth login` renews it. "
            if response.status in _NOT_ALLOWED and self.source.headers
            else ""
        )
        return (
            f"{self.source.url} answered {response.status} {response.reason}. {token}Download the file in a browser from "
            f"{self.file.repository.page} and put it into {self.target.parent}."
        )

    def _of_the_network(self, error: BaseException) -> str:
        kept = f" {self.received:,} bytes have arrived; the next try resumes from there." if self.received else ""
        return f"No connection to {self.source.url} ({str(error) or type(error).__name__}).{kept}"

    def _of_the_disk(self, error: OSError) -> str:
        if error.errno == errno.ENOSPC:
            return f"The disk of {self.folder} is full; the {self.received:,} bytes that have arrived are kept."
        return f"{self.target} cannot be written ({error.strerror or error})."
