"""The client runs prompts on a server and tells its failures in plain words."""

import asyncio
import json

import pytest

aiohttp = pytest.importorskip("aiohttp")

from aiohttp import web  # noqa: E402

from runner.client import Comfy, failure, refusal  # noqa: E402
from runner.demo.nodes import SAVE  # noqa: E402
from runner.problems import Problem  # noqa: E402

PICTURE = {"filename": "x_00001_.png", "subfolder": "likeness-demo", "type": "output"}


class FakeComfy:
    """Speaks the part of ComfyUI's protocol the client uses; sends `events` after a prompt is queued."""

    def __init__(self, events):
        self.events = events
        self.socket = None
        self.queued = []
        self.uploads = {}

    def app(self):
        app = web.Application()
        app.add_routes(
            [
                web.get("/ws", self.ws),
                web.post("/upload/image", self.upload),
                web.post("/prompt", self.prompt),
                web.get("/history/{id}", self.history),
                web.get("/view", self.view),
                web.post("/interrupt", self.interrupt),
                web.get("/queue", self.queue),
            ]
        )
        return app

    async def ws(self, request):
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        async for _ in self.socket:
            pass
        return self.socket

    async def upload(self, request):
        form = await request.post()
        self.uploads[form["image"].filename] = form["image"].file.read()
        return web.json_response({"name": form["image"].filename, "subfolder": "", "type": "input"})

    async def prompt(self, request):
        body = await request.json()
        self.queued.append(body)
        if not body["prompt"]:
            return web.json_response({"error": {"message": "Prompt has no outputs", "details": ""}}, status=400)
        await self.socket.send_bytes(b"preview")
        for kind, data in self.events:
            if kind == "close":
                await self.socket.close()
            else:
                await self.socket.send_json({"type": kind, "data": {"prompt_id": "p1", **data}})
        return web.json_response({"prompt_id": "p1"})

    async def history(self, request):
        if self.events[-1] != ("executing", {"node": None}):
            return web.json_response({})
        return web.json_response({request.match_info["id"]: {"outputs": {SAVE: {"images": [PICTURE]}}}})

    async def interrupt(self, request):
        self.running = 2  # looks at the queue until it has ended
        return web.Response()

    async def queue(self, request):
        self.running -= 1
        return web.json_response({"queue_running": [["p1"]] * self.running})

    async def view(self, request):
        assert dict(request.query) == PICTURE
        return web.Response(body=b"the png")


def run(events, prompt=None, steps=None):
    async def use(comfy, fake):
        name = await comfy.upload("a.png", b"photo")
        graph = {SAVE: {}} if prompt is None else prompt
        outputs = await comfy.run(graph, lambda done, total: (steps or []).append((done, total)))
        return fake, name, await comfy.picture(outputs, SAVE)

    return talk(events, use)


def talk(events, use):
    """What `use(client, server)` gives, the server sending `events`."""

    async def connected():
        fake = FakeComfy(events)
        runner = web.AppRunner(fake.app())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        try:
            async with Comfy(f"http://127.0.0.1:{port}") as comfy:
                return await use(comfy, fake)
        finally:
            await runner.cleanup()

    return asyncio.run(asyncio.wait_for(connected(), 20))


def test_a_prompt_is_queued_followed_and_fetched():
    steps = []
    events = [
        ("progress", {"value": 1, "max": 2, "prompt_id": "another"}),
        ("progress", {"value": 1, "max": 2}),
        ("executing", {"node": "save"}),
        ("progress", {"value": 2, "max": 2}),
        ("executing", {"node": None}),
    ]
    fake, name, png = run(events, steps=steps)
    assert (name, png) == ("a.png", b"the png")
    assert fake.uploads == {"a.png": b"photo"}
    assert fake.queued[0]["client_id"] and fake.queued[0]["prompt"] == {SAVE: {}}


def test_an_interrupt_returns_once_the_server_is_done():
    async def use(comfy, fake):
        await comfy.interrupt()
        return fake.running

    assert talk([], use) == 0


def test_steps_are_reported():
    steps = [(0, 2)]
    run([("progress", {"value": 1, "max": 2}), ("executing", {"node": None})], steps=steps)
    assert steps == [(0, 2), (1, 2)]


def test_a_failing_node_is_named():
    data = {"node_id": "steer-1", "node_type": "LikenessApplyIPAdapter", "exception_message": "wrong encoder\n"}
    with pytest.raises(Problem, match=r"'steer-1' \(LikenessApplyIPAdapter\): wrong encoder"):
        run([("execution_error", data)])


def test_a_server_that_ends_is_told():
    with pytest.raises(Problem, match="was lost before the prompt was done"):
        run([("close", {})])


def test_a_refused_prompt_is_told():
    with pytest.raises(Problem, match="Prompt has no outputs"):
        run([], prompt={})


def test_a_refusal_names_node_and_input():
    error = {"message": "Value not in list", "details": "file: 'x' not in []"}
    node = {"class_type": "LikenessLoadIPAdapter", "errors": [error]}
    answer = {"error": {"message": "Prompt outputs failed validation"}, "node_errors": {"adapter": node}}
    assert refusal(400, json.dumps(answer)).splitlines() == [
        "ComfyUI refused the prompt: Prompt outputs failed validation",
        "  node 'adapter' (LikenessLoadIPAdapter): Value not in list: file: 'x' not in []",
    ]
    assert "HTTP 502" in refusal(502, "<html>bad gateway</html>")


def test_an_interrupt_is_told():
    assert failure({"node_id": "sampler", "node_type": "KSampler"}) == (
        "ComfyUI was interrupted in node 'sampler' (KSampler)."
    )
