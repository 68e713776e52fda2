"""Queues one of these prompts on a running ComfyUI and fetches what it made; Python's standard library is enough.

    python client.py "IP-Adapter 1 picture prompt.json" --image Reference=photo.jpg --set "Prompt.text=a castle at night"
        --set "Apply IP-Adapter.weight=0.5" --server http://127.0.0.1:8188 --out pictures

Nodes are called by their title or their number in the file; `--image` uploads a picture for a Load Image node, or a file
of embeds or faces for the node that loads it.
"""

import argparse
import json
import sys
import time
import uuid
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen


def node(prompt: dict, name: str) -> dict:
    """The inputs of the node with this title or number."""
    found = [entry for key, entry in prompt.items() if name in (key, entry.get("_meta", {}).get("title"))]
    if len(found) != 1:
        titles = ", ".join(sorted({entry.get("_meta", {}).get("title", key) for key, entry in prompt.items()}))
        sys.exit(
            f"{len(found)} nodes are called '{name}'. There are: {titles}; where a title is not unique, use the number."
        )
    return found[0]["inputs"]


def ask(server: str, path: str, body: bytes | None = None, kind: str = "application/json") -> bytes:
    """The answer of the server to a GET, or to a POST of bytes."""
    try:
        with urlopen(Request(server + path, body, {"Content-Type": kind} if body else {})) as answer:
            return answer.read()
    except HTTPError as error:  # a prompt that is refused: ComfyUI says which node and why
        sys.exit(f"{path}: {error.code}\n{error.read().decode()}")


def upload(server: str, file: Path) -> str:
    """Copy a file into ComfyUI's input folder; the name that the node which loads it knows it by."""
    border = uuid.uuid4().hex
    head = f'--{border}\r\nContent-Disposition: form-data; name="image"; filename="{file.name}"\r\n\r\n'
    body = head.encode() + file.read_bytes() + f"\r\n--{border}--\r\n".encode()
    answer = json.loads(ask(server, "/upload/image", body, f"multipart/form-data; boundary={border}"))
    return "/".join(filter(None, (answer["subfolder"], answer["name"])))


def run(server: str, prompt: dict) -> dict:
    """Queue a prompt, wait until it is done, and give what its nodes put out."""
    number = json.loads(ask(server, "/prompt", json.dumps({"prompt": prompt}).encode()))["prompt_id"]
    while not (history := json.loads(ask(server, f"/history/{number}"))):
        time.sleep(0.5)
    status, messages = history[number]["status"]["status_str"], dict(history[number]["status"]["messages"])
    if status != "success":
        error = messages.get("execution_error", {})
        sys.exit(f"{error.get('node_type', 'stopped')}: {error.get('exception_message', status)}")
    return history[number]["outputs"]


def files(outputs: dict) -> list[dict]:
    """Where the nodes saved pictures, embeds and faces; previews are of type temp."""
    listed = [entry for output in outputs.values() for values in output.values() for entry in values]
    return [entry for entry in listed if isinstance(entry, dict) and entry.get("type") == "output"]


def main() -> None:
    form = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form.add_argument("prompt", type=Path)
    form.add_argument("--server", default="http://127.0.0.1:8188")
    form.add_argument("--image", action="append", default=[], metavar="NODE=FILE")
    form.add_argument("--set", action="append", default=[], metavar="NODE.INPUT=VALUE")
    form.add_argument("--out", type=Path, default=Path())
    options = form.parse_args()

    prompt = json.loads(options.prompt.read_text(encoding="utf-8"))
    for image in options.image:
        name, _, file = image.partition("=")
        inputs = node(prompt, name)
        inputs["file" if "file" in inputs else "image"] = upload(options.server, Path(file))
    for setting in options.set:
        place, _, value = setting.partition("=")
        name, _, key = place.rpartition(".")
        inputs = node(prompt, name)
        inputs[key] = value if isinstance(inputs.get(key), str) else json.loads(value)

    options.out.mkdir(parents=True, exist_ok=True)
    for file in files(run(options.server, prompt)):
        (options.out / file["filename"]).write_bytes(ask(options.server, f"/view?{urlencode(file)}"))
        print(options.out / file["filename"])


if __name__ == "__main__":
    main()
