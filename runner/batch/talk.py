"""ComfyUI's HTTP API with the standard library alone: asks, uploads, and says apart who refuses, who is slow, who is gone."""

import http.client
import json
import urllib.error
import urllib.request
import uuid
from urllib.parse import urlencode

from ..answers import refusal

ANSWER_SECONDS = 30


class Refused(Exception):
    """The host answers that it does not do what it is asked, with its reason."""


class Lost(Exception):
    """The host is gone, or does not let go of a prompt."""


class Slow(Lost):
    """The host has not answered in time; it may be busy in a part that lets nothing else run. Who asks again need not take it for lost."""


class Link:
    """The way to one ComfyUI."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # A proxy set for the internet must not see loopback.
        own = [urllib.request.ProxyHandler({})] if "//127.0.0.1:" in self.url else []
        self._opener = urllib.request.build_opener(*own)

    def get(self, path: str, **query: object) -> bytes:
        """The answer to a GET. Raises Refused, Slow, Lost, as all others."""
        return self._asked(urllib.request.Request(self.url + path + (f"?{urlencode(query)}" if query else "")))

    def json(self, path: str) -> dict:
        """The JSON that a GET gives."""
        return json.loads(self.get(path))

    def post(self, path: str, content: object) -> bytes:
        """The answer to a POST of JSON."""
        body = json.dumps(content).encode()
        return self._asked(urllib.request.Request(self.url + path, body, {"Content-Type": "application/json"}))

    def upload(self, name: str, content: bytes, folder: str) -> str:
        """Put a file into the host's input folder; the name that the node which loads it knows it by."""
        border = uuid.uuid4().hex
        kind = f"multipart/form-data; boundary={border}"
        fields = {"overwrite": "true", "type": "input", "subfolder": folder}
        head = "".join(
            f'--{border}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            for field, value in fields.items()
        )
        head += f'--{border}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
        body = head.encode() + content + f"\r\n--{border}--\r\n".encode()
        answer = json.loads(
            self._asked(urllib.request.Request(self.url + "/upload/image", body, {"Content-Type": kind}))
        )
        return "/".join(filter(None, (answer["subfolder"], answer["name"])))

    def _asked(self, request: urllib.request.Request) -> bytes:
        try:
            with self._opener.open(request, timeout=ANSWER_SECONDS) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(refusal(error.code, error.read().decode(errors="replace"))) from error
        except TimeoutError as error:
            raise Slow(f"{self.url} did not answer within {ANSWER_SECONDS} s.") from error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(getattr(error, "reason", None), TimeoutError):
                raise Slow(f"{self.url} did not answer within {ANSWER_SECONDS} s.") from error
            raise Lost(f"The connection to {self.url} is lost ({error}).") from error
