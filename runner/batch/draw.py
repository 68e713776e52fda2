"""One row on one host: its files go there, its prompt is run, and what it saved comes into the store under its content."""

import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..places import ROOT
from .addresses import Unreachable, content_of
from .hosts import Drawing
from .jobs import Job
from .key import SAVED, Models, hash_of, key_of, row_of
from .result import Attempts, Record, Result, keep, recorded
from .store import FULL, Store, out_of_room
from .substitute import Target, title_of, with_values
from .talk import Lost, Refused, Slow

FOLDER = "likeness-batch"
"""Where a host's input folder has the files of a batch."""
QUICK, CALM = 0.02, 0.5  # seconds between two looks
LOOKS = 10  # at the queue, every so many seconds
LET_GO_SECONDS = 30
NO_MEMORY = ("outofmemory", "out of memory", "memoryerror")
"""In the kind or the words of a host's error: PyTorch's, a driver's, Python's."""


class Failed(Exception):
    """A prompt that ended without a picture, for a reason that lies in the row: the sentence for its results."""


class TooLong(Lost):
    """A prompt that took longer than it may."""


@dataclass(frozen=True)
class Limits:
    """How long a prompt may take, how often a row may take its host along, after how many pictures a host is renewed."""

    seconds: float = 600
    attempts: int = 3
    recycle: int = 1000


@dataclass
class Drawer:
    """Draws rows on one host. What it remembers of the host is forgotten when the host is renewed."""

    host: Drawing
    store: Store
    limits: Limits
    _drawn: int = field(default=0, init=False)
    _given: dict[str, str] = field(default_factory=dict, init=False)
    _taken: dict[tuple[str, str], str] = field(default_factory=dict, init=False)
    _hashes: dict[str, str] = field(default_factory=dict, init=False)

    def start(self) -> None:
        """Have the host ready. Raises Problem when it cannot be."""
        self.host.start()
        self._learn()

    def renew(self) -> None:
        """Have the host ready again."""
        self.host.renew()
        self._learn()

    def key_of(self, job: Job) -> str:
        """The key of a job on this host. Raises Failed for a file that cannot be read."""
        for file in job.files:
            if file.address not in self._hashes:
                try:
                    self._hashes[file.address] = hash_of(content_of(file.address))
                except Unreachable as error:
                    raise Failed(str(error)) from error
        return key_of(job, self._hashes, self._models.content_of, self._versions)

    def draw(self, job: Job) -> Result:
        """The result of a job: what is drawn already, or drawn now, or why it is not.

        Raises Lost when the host went down with it, after which the host is to be renewed and the job drawn again; and
        Problem when there is no room for pictures.
        """
        try:
            key = self.key_of(job)
        except Failed as failure:
            return Result(job.id, row_of(job), host=self.host.name, error=str(failure))
        attempts = Attempts(self.store, key)
        tried = attempts.count
        named = {"id": job.id, "row": row_of(job), "key": key, "host": self.host.name, "attempts": tried + 1}
        record = recorded(self.store, key)
        if record is not None:
            attempts.end()  # what a process that was killed after its record left
            return Result(**{**named, "attempts": tried}, **vars(record))
        if tried >= self.limits.attempts:
            attempts.end()
            error = f"its host died {tried} times while it was drawn, or it took longer than {self.limits.seconds:g} s"
            return Result(**{**named, "attempts": tried}, error=error)
        if self._drawn >= self.limits.recycle and self.host.is_ours:
            self.renew()
        attempts.begin()
        try:
            record = self._record(job)
        except Failed as failure:
            attempts.end()
            return Result(**named, error=str(failure))
        except Lost:
            raise
        except BaseException:  # Ctrl-C, no room: not the row's fault
            attempts.forgive()
            raise
        keep(self.store, key, record)
        attempts.end()
        return Result(**named, **vars(record))

    def _learn(self) -> None:
        link = self.host.link
        self._models = Models(lambda path: _or_none(link.json, path))
        self._versions = {"comfyui": link.json("/system_stats")["system"]["comfyui_version"], "pack": _pack_version()}
        self._given.clear()
        self._taken.clear()
        self._drawn = 0

    def _record(self, job: Job) -> Record:
        began = time.monotonic()
        prompt = self._with_files(job)
        try:
            outputs = self._run(prompt)
        except MemoryError:
            self.host.link.post("/free", {"unload_models": True, "free_memory": True})
            try:
                outputs = self._run(prompt)
            except MemoryError as error:
                raise Failed(str(error)) from error
        seconds = time.monotonic() - began
        files = [entry for output in outputs.values() for values in output.values() for entry in _files(values)]
        texts = {
            title_of(job.prompt, number): shown
            for number, output in outputs.items()
            if number in job.prompt and (shown := [text for text in output.get("text", ()) if isinstance(text, str)])
        }
        if not files:
            raise Failed("the prompt saved nothing: end it with a node that saves, such as Save Image")
        pictures = tuple(dict.fromkeys(self._fetched(file) for file in files))
        self._drawn += len(pictures)
        return Record(pictures, texts, round(seconds, 3))

    def _with_files(self, job: Job) -> Mapping[str, Mapping[str, object]]:
        values = {}
        for file in job.files:
            if file.address not in self._given:
                name = self._hashes[file.address] + _suffix(file.address)
                try:
                    content = content_of(file.address)
                except Unreachable as error:
                    raise Failed(str(error)) from error
                self._given[file.address] = self.host.link.upload(name, content, FOLDER)
            values[Target(file.node, file.input, is_file=True)] = self._given[file.address]
        return with_values(job.prompt, values)

    def _run(self, prompt: Mapping[str, Mapping[str, object]]) -> Mapping[str, Mapping[str, list]]:
        """What the nodes of a prompt put out. Raises Failed, MemoryError on the host's, Lost."""
        link, number = self.host.link, str(uuid.uuid4())
        try:
            link.post("/prompt", {"prompt": prompt, "prompt_id": number, "client_id": FOLDER})
        except Refused as error:
            raise Failed(str(error)) from error
        try:
            entry = self._finished(number)
        except Lost:
            raise
        except BaseException:
            with suppress(Lost, Slow, Refused):
                link.post("/interrupt", {"prompt_id": number})
            raise
        if self.host.is_ours:
            with suppress(Slow):
                link.post("/history", {"delete": [number]})
        if entry["status"]["status_str"] == "success":
            return entry["outputs"]
        raise self._failure(prompt, dict(entry["status"]["messages"]))

    def _finished(self, number: str) -> Mapping[str, dict]:
        """The history of a prompt once it has one, by looking: sockets are known to fall silent."""
        began, pause, looked = time.monotonic(), QUICK, time.monotonic()
        while True:
            with suppress(Slow):
                if entry := self.host.link.json(f"/history/{number}").get(number):
                    return entry
            now = time.monotonic()
            if now - began > self.limits.seconds:
                self._let_go(number)
            if now - looked > LOOKS:
                looked = now
                self._check_is_known(number)
            time.sleep(pause)
            pause = min(CALM, pause * 1.2)

    def _let_go(self, number: str) -> None:
        """Break a prompt off that takes too long, and end the host if it does not listen. Raises TooLong."""
        told = f"A prompt took longer than {self.limits.seconds:g} s"
        with suppress(Slow):
            self.host.link.post("/interrupt", {"prompt_id": number})
        deadline = time.monotonic() + LET_GO_SECONDS
        while time.monotonic() < deadline:
            with suppress(Slow):
                if self.host.link.json(f"/history/{number}").get(number):
                    raise TooLong(f"{told} and was broken off.")
            time.sleep(CALM)
        self.host.kill()
        raise TooLong(f"{told} and its host was ended.")

    def _check_is_known(self, number: str) -> None:
        """Raise Lost when the host knows nothing of a prompt, as after it was started again by somebody."""
        with suppress(Slow):
            queue = self.host.link.json("/queue")
            waiting = [item[1] for items in queue.values() for item in items]
            if number not in waiting and not self.host.link.json(f"/history/{number}"):
                raise Lost(f"{self.host.name} knows nothing of the prompt that it was given.")

    def _failure(self, prompt: Mapping[str, Mapping[str, object]], messages: Mapping[str, dict]) -> Exception:
        error = messages.get("execution_error")
        if error is None:
            return Failed("it was interrupted on its host")
        said = str(error["exception_message"]).strip()
        number = error["node_id"]
        sentence = f"{title_of(prompt, number) if number in prompt else error['node_type']}: {said}"
        if FULL in said:
            return out_of_room(f"the host {self.host.name}")
        words = f"{error.get('exception_type', '')} {said}".lower()
        return MemoryError(sentence) if any(sign in words for sign in NO_MEMORY) else Failed(sentence)

    def _fetched(self, file: Mapping[str, str]) -> str:
        """The name in the store of a file that the host has saved, which is its content's."""
        place = (file["subfolder"], file["filename"])
        try:
            content = self.host.link.get("/view", **{name: file[name] for name in ("filename", "subfolder", "type")})
        except Refused as error:
            raise Failed(f"{file['filename']} was saved but cannot be fetched: {error}") from error
        if not content and place in self._taken:
            return self._taken[place]  # a node whose output the host had cached; the file is ours already
        suffix = _suffix(file["filename"])
        digest = hash_of(content)
        name = f"{'embeds' if suffix in SAVED else 'pictures'}/{digest[:2]}/{digest}{suffix}"
        if not self.store.has(name):
            self.store.put(name, content)
        self._taken[place] = name
        self.host.empty(file)
        return name


def _files(values: object) -> list[Mapping[str, str]]:
    """Where a node saved files; previews are of type temp."""
    listed = values if isinstance(values, list) else []
    return [entry for entry in listed if isinstance(entry, dict) and entry.get("type") == "output"]


def _suffix(name: str) -> str:
    return next((end for end in SAVED if name.endswith(end)), PurePosixPath(name).suffix.lower())


def _or_none(ask: object, path: str) -> list:
    """What an older host does not tell is nothing."""
    try:
        return ask(path)
    except Refused:
        return []


def _pack_version() -> str:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return next(line.split('"')[1] for line in text.splitlines() if line.startswith("version = "))
