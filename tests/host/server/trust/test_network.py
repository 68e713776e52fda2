"""What others can reach and read: one port, routes that take nothing from outside their table, pictures without paths."""

import io
import json
import re
import urllib.error
import urllib.request
from uuid import uuid4

import psutil
import pytest
from pack.attention.files.published import FILES
from PIL import Image
from serving.fixtures import node
from serving.patience import PATIENCE

A_PATH = re.compile(r'"(?:/|~|\\\\\\\\|[A-Za-z]:[/\\])[^"]*"|file://')
"""A text in JSON that begins as a path from the root, a home, a share or a drive."""


def listening(server):
    """(address, port) of every socket on which the server's process and its children wait for somebody."""
    parent = psutil.Process(server._process.pid)
    found = [c for each in (parent, *parent.children(recursive=True)) for c in each.net_connections("all")]
    return {
        tuple(c.laddr) for c in found if c.status == psutil.CONN_LISTEN or (c.type == 2 and c.laddr and not c.raddr)
    }


def test_the_server_listens_where_it_was_told_to_and_nowhere_else(server, api, prompt):
    assert listening(server) == {("127.0.0.1", server.port)}
    assert api.run(prompt(sampler__seed=73)).succeeded
    assert listening(server) == {("127.0.0.1", server.port)}


def uploaded(server, name, content):
    """Uploads a picture as the page does, from a file that lies elsewhere on the user's machine."""
    mark = uuid4().hex
    head = f'--{mark}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'
    body = head.encode() + b"Content-Type: image/png\r\n\r\n" + content + f"\r\n--{mark}--\r\n".encode()
    request = urllib.request.Request(
        f"{server.url}/upload/image", body, {"Content-Type": f"multipart/form-data; boundary={mark}"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=PATIENCE) as answer:
        return json.loads(answer.read())["name"]


def test_neither_pictures_nor_embeds_nor_the_history_hold_a_path(server, api, prompt, example_photo):
    photo = (server.base / "input" / "example.png").read_bytes()
    name = uploaded(server, "a photo of mine.png", photo)
    graph = prompt(photo__image=name)
    graph |= {
        "face_models": node("LikenessLoadFaceModels", pack="vectron", provider="CPU"),
        "found": node("LikenessFindFaces", image=["photo", 0], face_models=["face_models", 0], size=640, threshold=0.5,
                      margin=True, refine=False, embed=True),
        "points": node("LikenessRenderKeypoints", faces=["found", 0], width=128, height=128, fit="fit", scale=1.0,
                       rotation=0.0, shift_x=0.0, shift_y=0.0, mirror=False),
        "kept": node("LikenessSaveEmbeds", embeds=["reference", 0], adapter=["adapter", 0], filename_prefix="paths/a"),
        "drawn": node("SaveImage", images=["points", 0], filename_prefix="paths"),
    }  # fmt: skip
    workflow = {"nodes": [{"id": 1, "type": "LoadImage", "widgets_values": [name]}]}
    _, answer = api.post("/prompt", {"prompt": graph, "extra_data": {"extra_pnginfo": {"workflow": workflow}}})
    entry = api.wait(answer["prompt_id"])
    assert entry.succeeded, entry.error
    texts = {saved: Image.open(io.BytesIO(entry.picture(saved))).text for saved in ("save", "drawn")}
    assert all(set(text) == {"prompt", "workflow"} for text in texts.values())
    (kept,) = (server.base / "output" / "paths").glob("a_*")
    shown = [value for text in texts.values() for value in text.values()]
    shown += [json.dumps(entry.entry["outputs"]), kept.read_bytes()[:4096].decode("ascii", "replace")]
    for text in shown:
        assert str(server.base) not in text and not A_PATH.search(text), A_PATH.search(text)
    assert "a photo of mine.png" in texts["save"]["prompt"]


def asked(server, path, body=None, kind="application/json"):
    """(status, text) of a GET, or of a POST with a body."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.url}{path}", data, {"Content-Type": kind} if data is not None else {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


A_FILE = next(iter(FILES))
NAMES = (
    "../../etc/passwd", "/etc/passwd", "C:\\Windows\\x", "\\\\server\\share", f"../{A_FILE}", f"{A_FILE}/..", f"{A_FILE}\0",
    "https://example.org/x.bin", "file:///etc/passwd", "", "no such file", A_FILE.upper() + " ", "x" * 100_000,
)  # fmt: skip
BODIES = (
    *({"file": name} for name in NAMES), *({"file": wrong} for wrong in (None, 7, True, [], {}, [A_FILE], {"id": A_FILE})),
    {}, [], b"null", 7, [A_FILE], A_FILE, {"name": A_FILE}, {"url": "https://example.org"}, b"", b"{", b"\xff\xfe", b"[" * 50_000,
)  # fmt: skip


@pytest.mark.parametrize("path", ["/likeness/download", "/likeness/download/cancel", "/likeness/training/stop"])
def test_the_download_route_takes_a_published_id_and_nothing_else(path, server, api):
    def there():
        return sorted(str(found) for found in (server.base / "models").rglob("*"))

    before = there()
    for body in BODIES:
        status, text = asked(server, path, body)
        assert status == 400 and 10 < len(text) < 300, (body, status, text)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        status, text = asked(server, path, {"file": A_FILE}, kind)
        assert status == 400 and "JSON" in text, "a page of another site could send this unasked"
    assert there() == before and server.is_running()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/likeness/installed", 400), ("/likeness/installed?preset=../../etc", 400), ("/likeness/installed?preset=%00", 400),
        ("/likeness/read", 200), ("/likeness/read?kind=layers&family=../x&text=[[[", 200),
        (f"/likeness/read?kind=schedule&text={'(' * 5000}", 200), ("/likeness/read?kind=%00&text=%ff", 200),
        ("/likeness/../../etc/passwd", 404), ("/likeness/", 404), ("/likeness/download", 404),
    ],
)  # fmt: skip
def test_routes_answer_nonsense_with_a_reason(path, status, server):
    found, text = asked(server, path)
    assert found == status, text
    assert status != 200 or len(json.loads(text)["wrong"]) < 1000
