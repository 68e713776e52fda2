"""Downloads against a server on this machine: resumed, proved, moved whole, or failed with the reason.

No test reaches the hub itself.
"""

import asyncio
import errno
import hashlib
import json
import shutil
from collections import namedtuple
from types import MappingProxyType

import huggingface_hub.constants
import pytest
from aiohttp import ClientSession, web
from pack.attention.files.published import FILES, File, Repository
from pack.nodes.files import download, download_routes, installed
from pack.nodes.files.download import Download, DownloadError
from pack.nodes.files.download_jobs import EVENT, DownloadJobs
from pack.nodes.files.hub import Source, source_of

CONTENT = bytes(range(256)) * 20_000  # five blocks
REPOSITORY = Repository("some/where", "main", "a licence")


def published(content=CONTENT, name="some.bin", size=True, digits=64):
    digest = hashlib.sha256(content).hexdigest()[:digits]
    return File(name, "ipadapter", len(content) if size else None, digest, REPOSITORY, name)


class Server:
    """Gives CONTENT with ranges; can break off, refuse ranges, or answer something else."""

    def __init__(self, content=CONTENT):
        self.content = content
        self.break_after = []  # bytes to give before each answer breaks off
        self.ranges = True
        self.status = 200
        self.hold = None  # an event to wait for in the middle
        self.asked = []

    async def answer(self, request):
        self.asked.append(request.headers.get("Range"))
        if self.status != 200:
            return web.Response(status=self.status, text="no")
        start = int(self.asked[-1][6:-1]) if self.ranges and self.asked[-1] else 0
        if start >= len(self.content):
            return web.Response(status=416)
        body = self.content[start:]
        response = web.StreamResponse(status=206 if start else 200, headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        if self.break_after:
            await response.write(body[: self.break_after.pop(0)])
            request.transport.close()
            return response
        if self.hold:
            await response.write(body[: 1 << 20])
            await self.hold.wait()
        await response.write(body)
        return response


async def listening(handler_of):
    app = web.Application()
    handler_of(app)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"


def fetch(server, file, folder, progress=lambda received: None, headers=MappingProxyType({})):
    async def run():
        runner, address = await listening(lambda app: app.router.add_get("/file", server.answer))
        try:
            return await Download(file, Source(f"{address}/file", headers), folder, progress).run()
        finally:
            await runner.cleanup()

    return asyncio.run(run())


def mirrored(monkeypatch, address):
    """What HF_ENDPOINT does when huggingface_hub is imported."""
    template = "{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{address}/{template}")


@pytest.fixture(autouse=True)
def not_logged_in(monkeypatch, tmp_path):
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "no" / "token"))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0.0)


@pytest.mark.parametrize(
    "file", [published(), published(size=False), published(digits=12)], ids=("whole", "no size", "start")
)
def test_a_file_arrives_whole_and_is_moved_into_place(file, tmp_path):
    seen = []
    path = fetch(Server(), file, tmp_path / "new" / "folder", seen.append)
    assert path == tmp_path / "new" / "folder" / "some.bin"
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path], "nothing partial stays"
    assert seen == sorted(seen) and seen[-1] == len(CONTENT) and len(seen) > 2


def test_a_file_in_a_folder_of_its_own_gets_the_folder(tmp_path):
    path = fetch(Server(), published(name="models/pack/some.onnx"), tmp_path)
    assert path == tmp_path / "models" / "pack" / "some.onnx" and path.is_file()


def test_what_is_there_is_not_asked_for_again(tmp_path):
    server = Server()
    (tmp_path / "some.bin.part").write_bytes(CONTENT[:3_000_000])
    assert fetch(server, published(), tmp_path).read_bytes() == CONTENT
    assert server.asked == ["bytes=3000000-"]


def test_a_whole_partial_file_is_only_proved(tmp_path):
    server = Server()
    (tmp_path / "some.bin.part").write_bytes(CONTENT)
    assert fetch(server, published(), tmp_path).read_bytes() == CONTENT
    assert server.asked == []


def test_broken_connections_are_resumed(tmp_path):
    server = Server()
    server.break_after = [2_000_000, 1_500_000]
    assert fetch(server, published(), tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 3 and server.asked[0] is None
    assert int(server.asked[1][6:-1]) <= 2_000_000 and int(server.asked[2][6:-1]) > int(server.asked[1][6:-1]) > 0


def test_a_server_without_ranges_starts_over(tmp_path):
    server = Server()
    server.ranges = False
    (tmp_path / "some.bin.part").write_bytes(b"x" * 1000)
    assert fetch(server, published(), tmp_path).read_bytes() == CONTENT


def test_a_partial_file_that_is_too_long_starts_over(tmp_path):
    (tmp_path / "some.bin.part").write_bytes(CONTENT + b"more")
    assert fetch(Server(), published(), tmp_path).read_bytes() == CONTENT


def test_a_connection_that_keeps_breaking_keeps_what_came(tmp_path):
    server = Server()
    server.break_after = [1_100_000] * download.ATTEMPTS
    with pytest.raises(DownloadError, match=r"No connection to .* bytes have arrived; the next try resumes"):
        fetch(server, published(), tmp_path)
    assert len(server.asked) == download.ATTEMPTS
    kept = (tmp_path / "some.bin.part").read_bytes()
    assert kept and CONTENT.startswith(kept) and not (tmp_path / "some.bin").exists()


def test_no_server_is_said(tmp_path):
    with pytest.raises(DownloadError, match="No connection to http://127.0.0.1:9/"):
        asyncio.run(Download(published(), Source("http://127.0.0.1:9/file"), tmp_path, print).run())


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_refusal_is_said_with_the_page_to_look_at(status, tmp_path):
    server = Server()
    server.status = status
    with pytest.raises(DownloadError, match=f"answered {status} .*https://huggingface.co/some/where"):
        fetch(server, published(), tmp_path)
    assert not any(tmp_path.iterdir()) and len(server.asked) == 1


@pytest.mark.parametrize("wrong", [CONTENT[:-1] + b"\0", CONTENT[:-5]], ids=("hash", "too short"))
def test_another_file_is_thrown_away(wrong, tmp_path):
    with pytest.raises(DownloadError, match=r"with sha256 [0-9a-f]{64}; expected .* discarded"):
        fetch(Server(wrong), published(), tmp_path)
    assert not any(tmp_path.iterdir())


def test_a_file_that_does_not_end_is_cut_off(tmp_path):
    with pytest.raises(DownloadError, match="more than the published"):
        fetch(Server(CONTENT * 3), published(), tmp_path)
    assert not any(tmp_path.iterdir())


def test_an_own_file_of_that_name_is_left_alone(tmp_path):
    (tmp_path / "some.bin").write_bytes(b"mine")
    server = Server()
    with pytest.raises(DownloadError, match="Move it away"):
        fetch(server, published(), tmp_path)
    assert (tmp_path / "some.bin").read_bytes() == b"mine" and server.asked == []


@pytest.mark.parametrize("name", ["../out.bin", "/tmp/out.bin", "a/../../out.bin"])
def test_nothing_is_written_outside_the_folder(name, tmp_path):
    server = Server()
    with pytest.raises(DownloadError, match="would end up outside"):
        fetch(server, published(name=name), tmp_path / "in")
    assert server.asked == []


def test_a_full_disk_is_said_before_and_after(tmp_path, monkeypatch):
    server, usage = Server(), namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1000))
    with pytest.raises(DownloadError, match=r"needs 5,120,000 more bytes, .* only 1,000 free"):
        fetch(server, published(), tmp_path)
    assert server.asked == []
    monkeypatch.undo()

    def full(received):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DownloadError, match="is full; .* are kept"):
        fetch(server, published(), tmp_path, full)
    assert (tmp_path / "some.bin.part").exists()


def test_a_cancelled_download_keeps_what_came_and_says_so(tmp_path):
    server, told = Server(), []

    async def run():
        server.hold = asyncio.Event()
        runner, address = await listening(lambda app: app.router.add_get("/file", server.answer))
        jobs = DownloadJobs(lambda event, data: told.append((event, data)))
        file = published()
        jobs.start(file, tmp_path, Source(f"{address}/file"))
        jobs.start(file, tmp_path, Source(f"{address}/file"))
        while not told:
            await asyncio.sleep(0.01)
        assert jobs.running(file) and jobs.cancel(file)
        await jobs.wait(file)
        assert not jobs.running(file) and not jobs.cancel(file)
        server.hold.set()
        await runner.cleanup()

    asyncio.run(run())
    assert len(server.asked) == 1, "a second start joins the first"
    assert {event for event, _ in told} == {EVENT}
    assert [data["state"] for _, data in told] == ["running", "cancelled"]
    kept = (tmp_path / "some.bin.part").stat().st_size
    assert kept == told[-1][1]["received"] and 0 < kept <= 1 << 20, (
        "a block comes in as many parts as the network likes"
    )


def test_files_come_from_the_hub_or_from_its_mirror(monkeypatch):
    for file in FILES.values():
        assert source_of(file) == Source(file.url, {})
    mirrored(monkeypatch, "https://mirror.example")
    source = source_of(FILES["ipadapter/ip-adapter_sd15.safetensors"])
    assert source.url == (
        "https://mirror.example/h94/IP-Adapter/resolve/018e402774aeeddd60609b4ecdb7e298259dc729/"
        "models/ip-adapter_sd15.safetensors"
    )


def test_a_login_is_used_and_nothing_else_is_told(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_this_machine")
    source = source_of(published())
    assert source.headers == {"authorization": "Bearer hf_of_this_machine"}
    assert "hf_of_this_machine" not in repr(source)


def test_the_token_does_not_follow_to_another_server(tmp_path):
    asked = []

    async def run():
        async def keep(request):
            asked.append(request.headers.get("Authorization"))
            return web.Response(body=CONTENT)

        async def send_on(request):
            asked.append(request.headers.get("Authorization"))
            raise web.HTTPFound(f"{other}/file")

        far, other = await listening(lambda app: app.router.add_get("/file", keep))
        near, address = await listening(lambda app: app.router.add_get("/file", send_on))
        source = Source(f"{address}/file", {"authorization": "Bearer hf_secret"})
        try:
            return await Download(published(), source, tmp_path, print).run()
        finally:
            await near.cleanup()
            await far.cleanup()

    assert asyncio.run(run()).read_bytes() == CONTENT
    assert asked == ["Bearer hf_secret", None]


@pytest.mark.parametrize(("status", "headers", "said"), [
    (401, {"authorization": "Bearer hf_old"}, True), (401, {}, False), (404, {"authorization": "Bearer hf_old"}, False),
])  # fmt: skip
def test_a_refused_token_is_named(status, headers, said, tmp_path):
    server = Server()
    server.status = status
    with pytest.raises(DownloadError) as refused:
        fetch(server, published(), tmp_path, headers=headers)
    assert ("hf auth login" in str(refused.value)) == said and "hf_old" not in str(refused.value)


@pytest.fixture
def over_http(tmp_path, monkeypatch):
    """Runs a function against the pack's routes with one small file in the table."""
    told = []

    def use(talk, server=None):
        async def run():
            def routes(app):
                table = web.RouteTableDef()
                download_routes.add_routes(table, jobs)
                app.add_routes(table)
                app.router.add_get("/hub/{path:.*}", (server or Server()).answer)

            jobs = DownloadJobs(lambda event, data: told.append(data))
            runner, address = await listening(routes)
            mirrored(monkeypatch, f"{address}/hub")
            file = published(name="ip-adapter_sd15.safetensors")
            monkeypatch.setattr(download_routes, "FILES", {file.id: file})
            monkeypatch.setattr(installed, "_roots", lambda folder: [tmp_path / folder])
            try:
                async with ClientSession(address) as session:
                    return await talk(session, jobs, file)
            finally:
                await runner.cleanup()

        return asyncio.run(run())

    use.told = told
    return use


def test_a_click_gets_the_file_of_the_table(over_http, tmp_path):
    async def talk(session, jobs, file):
        answer = await session.post(download_routes.DOWNLOAD, json={"file": file.id})
        assert answer.status == 200 and (await answer.json())["state"] == "running"
        await jobs.wait(file)

    over_http(talk)
    assert (tmp_path / "ipadapter" / "ip-adapter_sd15.safetensors").read_bytes() == CONTENT
    assert over_http.told[-1]["state"] == "done" and over_http.told[-1]["total"] == len(CONTENT)


def test_a_failure_reaches_the_page(over_http):
    async def talk(session, jobs, file):
        await session.post(download_routes.DOWNLOAD, json={"file": file.id})
        await jobs.wait(file)

    over_http(talk, Server(b"other"))
    assert over_http.told[-1]["state"] == "failed" and "sha256" in over_http.told[-1]["message"]


@pytest.mark.parametrize("path", [download_routes.DOWNLOAD, download_routes.CANCEL])
@pytest.mark.parametrize(
    "body",
    [
        {"json": {"file": "https://example.org/evil.bin"}},
        {"json": {"file": "../../etc/passwd"}},
        {"json": {"url": "https://example.org/evil.bin"}},
        {"json": ["ipadapter/ip-adapter_sd15.safetensors"]},
        {"json": {"file": ["ipadapter/ip-adapter_sd15.safetensors"]}},
        {"data": "{", "headers": {"Content-Type": "application/json"}},
        {"data": json.dumps({"file": "ipadapter/ip-adapter_sd15.safetensors"})},
    ],
)
def test_only_json_with_an_id_of_the_table_is_taken(path, body, over_http, tmp_path):
    async def talk(session, jobs, file):
        answer = await session.post(path, **body)
        assert answer.status == 400 and not jobs.running(file)

    server = Server()
    over_http(talk, server)
    assert server.asked == [] and not any(tmp_path.iterdir())


def test_what_a_preset_lacks_is_told_with_size_page_and_licence(over_http, monkeypatch, tmp_path):
    monkeypatch.setattr(installed, "adapters", lambda: ([], []))
    monkeypatch.setattr(installed, "encoder_files", lambda: iter(()))

    async def ask(session, jobs, file):
        answer = await session.get(download_routes.INSTALLED, params={"preset": "InstantID"})
        unknown = await session.get(download_routes.INSTALLED, params={"preset": "nothing"})
        assert unknown.status == 400 and "InstantID" in await unknown.text()
        return await answer.json()

    (family,) = over_http(ask)["families"]
    assert (family["family"], family["label"]) == ("sdxl", "SDXL")
    first, *rest = family["files"]
    assert first["id"] == "instantid/ip-adapter.bin" and first["folder"] == "models/instantid"
    assert first["bytes"] == FILES[first["id"]].size and first["licence"] == "Apache-2.0"
    assert [file["id"] for file in rest] == [
        "controlnet/instantid-identitynet.safetensors",
        "insightface/models/antelopev2/scrfd_10g_bnkps.onnx",
        "insightface/models/antelopev2/glintr100.onnx",
    ]
    assert not any(file["installed"] for file in family["files"])
    target = tmp_path / "insightface" / "models" / "antelopev2" / "glintr100.onnx"
    target.parent.mkdir(parents=True)
    target.touch()
    (family,) = over_http(ask)["families"]
    assert not any(file["installed"] for file in family["files"]), "an empty file is none"
    target.write_bytes(b"\x08\x07")
    (family,) = over_http(ask)["families"]
    assert [file["installed"] for file in family["files"]] == [False, False, False, True]
