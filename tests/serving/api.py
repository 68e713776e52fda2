"""A client of ComfyUI's HTTP API: what a program asks, and what it sees of a finished prompt."""

import json
import urllib.error
import urllib.request

from .patience import PATIENCE, until


class Api:
    """What a program does with ComfyUI: ask, queue, wait, look at the history."""

    def __init__(self, server):
        self.server = server
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def get(self, path):
        with self.opener.open(f"{self.server.url}{path}", timeout=PATIENCE) as answer:
            return answer.read()

    def json(self, path):
        return json.loads(self.get(path))

    def post(self, path, content):
        request = urllib.request.Request(
            f"{self.server.url}{path}", json.dumps(content).encode(), {"Content-Type": "application/json"}
        )
        try:
            with self.opener.open(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def run(self, prompt):
        """Queue a prompt and return its history entry, finished or failed."""
        status, answer = self.post("/prompt", {"prompt": prompt})
        assert status == 200, answer
        return self.wait(answer["prompt_id"])

    def wait(self, prompt_id, pause=0.03):
        """The history entry of a queued prompt, once there is one; `pause` as for `until`."""
        try:
            history = until(lambda: self.json(f"/history/{prompt_id}"), "the end of the prompt", pause)
        except TimeoutError as error:
            raise TimeoutError(f"{error}:\n{self.server.tail()}") from error
        return Entry(history[prompt_id], self)


class Entry:
    """A finished prompt."""

    def __init__(self, entry, api):
        self.entry = entry
        self.api = api
        self.messages = dict(entry["status"]["messages"])

    @property
    def succeeded(self):
        return self.entry["status"]["status_str"] == "success"

    @property
    def error(self):
        return self.messages["execution_error"]

    @property
    def cached(self):
        return set(self.messages["execution_cached"]["nodes"])

    def text(self, node):
        return self.entry["outputs"][node]["text"][0]

    def picture(self, node="save"):
        """The bytes of the picture that a node saved."""
        found = self.entry["outputs"][node]["images"][0]
        query = f"filename={found['filename']}&subfolder={found['subfolder']}&type={found['type']}"
        return self.api.get(f"/view?{query}")
