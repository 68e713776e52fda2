"""A prompt, the means to write a manifest for it, and a ComfyUI that draws in no time and fails as it is told."""

import hashlib
import http.server
import json
import re
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

API = Path(__file__).resolve().parents[4] / "example_workflows" / "api"


@pytest.fixture
def prompt(tmp_path):
    """The file of the example Picture prompt in a folder of its own, beside two photos."""
    path = tmp_path / "prompt.json"
    path.write_bytes((API / "IP-Adapter 1 picture prompt.json").read_bytes())
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(name.encode())
    return path


@pytest.fixture
def manifest(tmp_path):
    """(rows) -> the address of a JSONL file with them."""

    def written(*rows, name="rows.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    return written


class Comfy:
    """Speaks ComfyUI's HTTP API. What becomes of a prompt is said by the words of its text: `fails`, `kills` ..."""

    def __init__(self):
        self.drawn, self.uploads, self.ended, self.files = [], {}, {}, {}
        self.freed = self.interrupted = 0
        self.is_up = True
        self.choices = {}
        graph = json.loads((API / "IP-Adapter 1 picture prompt.json").read_text(encoding="utf-8"))
        self.kinds = {node["class_type"] for node in graph.values()}
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.thread = threading.Thread(target=lambda: self.server.serve_forever(poll_interval=0.01), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def handler(self):
        comfy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answered(None)

            def do_POST(self):
                self.answered(self.rfile.read(int(self.headers["Content-Length"])))

            def answered(self, body):
                if not comfy.is_up:
                    return self.connection.close()
                status, content = comfy.answer(self.path, body)
                content = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        return Handler

    def answer(self, path, body):
        address = urlsplit(path)
        name = address.path.split("/")[1]
        return getattr(self, name)(address, body)

    def system_stats(self, *_):
        return 200, {"system": {"comfyui_version": "0.30.0", "argv": []}}

    def object_info(self, *_):
        return 200, {kind: {"input": {"required": self.choices.get(kind, {})}} for kind in self.kinds}

    def experiment(self, *_):
        return 404, {"error": {"message": "an older one"}}

    def upload(self, _, body):
        name = re.search(rb'filename="([^"]+)"', body)[1].decode()
        content = body.split(b"\r\n\r\n")[-1].rsplit(b"\r\n--", 1)[0]
        self.uploads[name] = content
        return 200, {"name": name, "subfolder": "likeness-batch", "type": "input"}

    def prompt(self, _, body):
        sent = json.loads(body)
        number, nodes = sent["prompt_id"], sent["prompt"]
        text = nodes["6"]["inputs"]["text"]
        if "refused" in text:
            node_errors = {"6": {"class_type": "CLIPTextEncode", "errors": [{"message": "Bad", "details": "text"}]}}
            return 400, {"error": {"message": "no", "details": ""}, "node_errors": node_errors}
        if "kills" in text:
            self.is_up = False
            return 200, {}
        if "hangs" not in text and "forgets" not in text:
            self.ended[number] = self.entry(nodes, text)
        self.drawn.append(text)
        return 200, {"prompt_id": number}

    def entry(self, nodes, text):
        def failed(kind, said):
            error = {"node_id": "9", "node_type": "KSampler", "exception_type": kind, "exception_message": said}
            return {"status": {"status_str": "error", "messages": [["execution_error", error]]}, "outputs": {}}

        if "fails" in text:
            return failed("ValueError", "no face found in picture 1\n")
        if "fills the disk" in text:
            return failed("OSError", "[Errno 28] No space left on device: 'x.png'")
        if "memory" in text and not (self.freed and "once" in text):
            if "driver" in text:
                return failed("torch.AcceleratorError", "CUDA error: out of memory\n")
            return failed("torch.OutOfMemoryError", "Allocation on device")
        shown = {"text": ["seen"], "images": [{"filename": "seen.png", "subfolder": "", "type": "temp"}]}
        outputs = {"5": shown}
        if "nothing" not in text:
            name = f"x_{len(self.files) + 1:05}_.png"
            picture = {number: node for number, node in nodes.items() if number != "11"}
            self.files[name] = hashlib.sha256(json.dumps(picture, sort_keys=True).encode()).digest()
            outputs["11"] = {"images": [{"filename": name, "subfolder": "", "type": "output"}]}
        return {"status": {"status_str": "success", "messages": []}, "outputs": outputs}

    def view(self, address, _):
        name = parse_qs(address.query)["filename"][0]
        return (200, self.files[name]) if name in self.files else (404, b"")

    def history(self, address, _):
        number = address.path.rpartition("/")[2]
        return 200, {number: self.ended[number]} if number in self.ended else {}

    def interrupt(self, _, body):
        self.interrupted += 1
        broken = {"status": {"status_str": "error", "messages": [["execution_interrupted", {}]]}, "outputs": {}}
        self.ended[json.loads(body)["prompt_id"]] = broken
        return 200, {}

    def queue(self, *_):
        return 200, {"queue_running": [], "queue_pending": []}

    def free(self, *_):
        self.freed += 1
        return 200, {}


@pytest.fixture
def comfies():
    """() -> another ComfyUI."""
    made = []
    yield lambda: made.append(Comfy()) or made[-1]
    for each in made:
        each.close()


@pytest.fixture
def comfy(comfies):
    """A ComfyUI of its own for each test."""
    return comfies()
