"""What the engine of `run.py batch` costs: rows whose drawing takes no time, or a stated one, on hosts that only answer.

    .likeness/batch-env/bin/python bench/batch.py --python .likeness/env/bin/python --rows 10000 --hosts 2 --kill-at 5000
    .likeness/batch-env/bin/python bench/batch.py --python .likeness/env/bin/python --rows 40 --hosts 2 --seconds 2

`--python` is ComfyUI's, which is asked for a card as always. With `--store s3://bucket/run` the manifest, pictures and results
lie there, as the client of that store is configured (for S3 `AWS_ENDPOINT_URL` and the keys of the environment). Linux.
"""

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import fsspec
from pyarrow import parquet

ROOT = Path(__file__).resolve().parents[1]
HOST = """
import hashlib, http.server, json, sys, time, urllib.parse
ended, files, SECONDS = {}, {}, %f
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        path = urllib.parse.urlsplit(self.path)
        number = path.path.rpartition("/")[2]
        if path.path.startswith("/history/"):
            self.say(200, {number: ended[number]} if number in ended and time.time() >= ended[number]["at"] else {})
        elif path.path == "/view":
            self.say(200, files[urllib.parse.parse_qs(path.query)["filename"][0]])
        elif path.path == "/object_info":
            self.say(200, {kind: {} for kind in ("CLIPTextEncode", "KSampler", "SaveImage")})
        elif path.path == "/system_stats":
            self.say(200, {"system": {"argv": sys.argv, "comfyui_version": "0.30.0"}})
        else:
            self.say(404 if "experiment" in path.path else 200, {})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/prompt":
            name = f"{len(files)}.png"
            files[name] = hashlib.sha256(json.dumps(body["prompt"]).encode()).digest() * 1000
            outputs = {"save": {"images": [{"filename": name, "subfolder": "", "type": "output"}]}}
            status = {"status_str": "success", "messages": []}
            ended[body["prompt_id"]] = {"at": time.time() + SECONDS, "status": status, "outputs": outputs}
        self.say(200, {})
    def say(self, status, content):
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status); self.send_header("Content-Length", str(len(content))); self.end_headers()
        self.wfile.write(content)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Handler).serve_forever()
"""


def main() -> None:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("--python", type=Path, required=True)
    form.add_argument("--rows", type=int, default=10_000)
    form.add_argument("--hosts", type=int, default=2)
    form.add_argument("--seconds", type=float, default=0.0, help="that a drawing takes")
    form.add_argument("--kill-at", type=int, help="kill the driver after so many rows, and give the command again")
    form.add_argument("--store", help="an address below which everything is read and written (default: a folder)")
    options = form.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = options.store or folder
        command, out = prepared(Path(folder), store, options), Out(f"{store}/out")
        if options.kill_at:
            ran(command, out, options.kill_at)
        began = time.time()
        passed, peak, status = ran(command, out)
        told(out, began, passed, peak, status)


class Out:
    """What was written at a place, local or not."""

    def __init__(self, place: str) -> None:
        self.files, self.root = fsspec.core.url_to_fs(place)

    def below(self, folder: str) -> list[str]:
        """All files of a folder."""
        self.files.invalidate_cache()
        return self.files.find(f"{self.root}/{folder}")

    def table(self, path: str) -> list[dict]:
        """The lines of a Parquet file."""
        with self.files.open(path, "rb") as file:
            return parquet.read_table(file).to_pylist()


def prepared(place: Path, store: str, options: argparse.Namespace) -> list[str]:
    """A tree that answers, a prompt, a manifest; the command."""
    tree = place / "tree"
    tree.mkdir()
    (tree / "comfyui_version.py").write_text('__version__ = "0.30.0"')
    (tree / "main.py").write_text(HOST % options.seconds)
    long_text = " ".join(["a portrait in the garden, morning, mist"] * 20)
    prompt = {
        "text": {"class_type": "CLIPTextEncode", "inputs": {"text": long_text}},
        "sampler": {"class_type": "KSampler", "inputs": {"seed": 0, "positive": ["text", 0]}},
        "save": {"class_type": "SaveImage", "inputs": {"images": ["sampler", 0]}},
    }
    (place / "prompt.json").write_text(json.dumps(prompt))
    rows = (f"r{i},{i}" for i in range(options.rows))
    with fsspec.open(f"{store}/rows.csv", "w") as file:
        file.write("\n".join(["id,sampler.seed", *rows]))
    words = ["--comfyui", tree, "--python", options.python, "--manifest", f"{store}/rows.csv", "--out", f"{store}/out"]
    words += ["--prompt", place / "prompt.json", "--hosts", options.hosts]
    leash = ROOT / "runner" / "batch" / "leash.py"
    return [sys.executable, *map(str, [leash, "-m", "runner.batch", *words])]


def ran(command: list[str], out: Out, kill_at: int | None = None) -> tuple[float, float, int]:
    """Seconds, the driver's peak memory in MB, and its exit status."""
    began, peak = time.monotonic(), 0.0
    driver = subprocess.Popen(command, stdin=subprocess.PIPE)
    while driver.poll() is None:
        peak = max(peak, resident(driver.pid))
        if kill_at and len(out.below("drawn")) >= kill_at:
            driver.send_signal(signal.SIGKILL)
            driver.wait()
            time.sleep(15)  # until what the engine had started is gone
        time.sleep(0.5)
    return time.monotonic() - began, peak, driver.returncode


def resident(pid: int) -> float:
    """The most memory that a process has had, in MB."""
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        found = None
    return int(found[1]) / 1024 if found else 0.0


def told(out: Out, began: float, passed: float, peak: float, status: int) -> None:
    """Print the figures of the last run."""
    lines = [line for path in out.below("results") if path.endswith(".parquet") for line in out.table(path)]
    whole = out.table(f"{out.root}/results.parquet")
    ids = Counter(line["id"] for line in whole)
    print(f"status {status}, rows {len(whole)}, ids {len(ids)}, errors {sum(bool(line['error']) for line in whole)}")
    print(f"lines of all parts {len(lines)}, pictures {len(out.below('pictures'))}")
    first = min((line["ended"] for line in whole if line["ended"] > began), default=began)
    print(f"last run {passed:.0f} s, first row after {first - began:.0f} s, driver at most {peak:.0f} MB")
    by_host: dict[str, list[dict]] = {}
    for line in whole:
        by_host.setdefault(line["host"], []).append(line)
    for host, own in by_host.items():
        own.sort(key=lambda line: line["ended"])
        span = own[-1]["ended"] - own[0]["ended"]
        drawing = sum(line["seconds"] for line in own[1:])
        between = 1000 * (span - drawing) / max(len(own) - 1, 1)
        print(
            f"{host}: {len(own)} rows, {100 * drawing / max(span, 1e-9):.1f} % in prompts, {between:.0f} ms a row beside them"
        )


if __name__ == "__main__":
    main()
