"""Talks to a ComfyUI server over HTTP: uploads a picture, runs a prompt with progress, fetches what it drew."""

import asyncio
import json
import uuid
from collections.abc import Callable, Mapping

import aiohttp

from .answers import FAILURES, failure, refusal
from .problems import Problem

Prompt = Mapping[str, object]
"""The nodes of an API prompt by their ids."""
Outputs = Mapping[str, Mapping[str, list]]
"""What each node of a finished prompt shows: its pictures' places and its texts."""
OnStep = Callable[[int, int], None]
"""Called with the sampling step that is done and how many there are."""

LARGEST_MESSAGE = 64 << 20
SEE_LOG = "the server's log, .likeness/server.log, says more."


class Comfy:
    """One client of one server; used as `async with`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client_id = uuid.uuid4().hex

    async def __aenter__(self) -> "Comfy":
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(
            f"{self.url}/ws?clientId={self.client_id}", max_msg_size=LARGEST_MESSAGE
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()
        await self._session.close()

    async def upload(self, name: str, png: bytes) -> str:
        """Put a picture into the server's input folder; the name a LoadImage node finds it by."""
        form = aiohttp.FormData({"overwrite": "true"})
        form.add_field("image", png, filename=name, content_type="image/png")
        answer = await self._json("POST", "/upload/image", data=form)
        return "/".join(part for part in (answer["subfolder"], answer["name"]) if part)

    async def run(self, prompt: Prompt, on_step: OnStep) -> Outputs:
        """Queue a prompt, wait until it is done, and return what its nodes show.

        Raises Problem when the server refuses the prompt, a node fails, or the server ends.
        """
        body = {"prompt": prompt, "client_id": self.client_id}
        prompt_id = (await self._json("POST", "/prompt", json=body))["prompt_id"]
        await self._wait_for(prompt_id, on_step)
        history = (await self._json("GET", f"/history/{prompt_id}"))[prompt_id]
        return history["outputs"]

    async def picture(self, outputs: Outputs, node: str, number: int = 0) -> bytes:
        """A PNG that a node saved or shows, the first unless another is asked for."""
        async with self._session.get(f"{self.url}/view", params=outputs[node]["images"][number]) as answer:
            answer.raise_for_status()
            return await answer.read()

    async def nodes(self) -> dict[str, dict]:
        """What the server says of every node, by class."""
        return await self._json("GET", "/object_info")

    async def interrupt(self) -> None:
        """Break off what the server is running; returns once it has."""
        async with self._session.post(f"{self.url}/interrupt", json={}) as answer:
            answer.raise_for_status()
        while (await self._json("GET", "/queue"))["queue_running"]:
            await asyncio.sleep(0.2)

    async def _json(self, method: str, path: str, **arguments: object) -> dict[str, object]:
        async with self._session.request(method, self.url + path, **arguments) as answer:
            text = await answer.text()
            if answer.status != 200:
                raise Problem(refusal(answer.status, text), SEE_LOG)
            return json.loads(text)

    async def _wait_for(self, prompt_id: str, on_step: OnStep) -> None:
        async for message in self._socket:
            if message.type != aiohttp.WSMsgType.TEXT:
                continue  # a preview picture
            event = json.loads(message.data)
            data = event.get("data", {})
            if data.get("prompt_id") != prompt_id:
                continue
            if event["type"] == "progress":
                on_step(data["value"], data["max"])
            elif event["type"] in FAILURES:
                raise Problem(failure(data), SEE_LOG)
            elif event["type"] == "executing" and data["node"] is None:
                return  # sent after the history is written; execution_success comes before it
        raise Problem("The connection to ComfyUI was lost before the prompt was done.", SEE_LOG)
