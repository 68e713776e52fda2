"""The rows of a manifest and a prompt -> a prompt for each row, or everything that is wrong with them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import manifest
from .addresses import Unreachable, content_of, folder_of, is_remote, within
from .faults import Faulty, some
from .manifest import PROMPT, Row
from .substitute import Prompt, Target, converted, prompt_of, target_of, with_values

MODEL_FILES = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx")


@dataclass(frozen=True)
class File:
    """A file of the manifest that the host is given, and where its name goes in the prompt."""

    node: str
    input: str
    address: str


@dataclass(frozen=True)
class Job:
    """What is to be drawn for one row; the inputs of `files` hold their addresses until a host has them."""

    id: str
    prompt: Prompt
    files: tuple[File, ...] = ()

    @property
    def needs(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What a host loads for it: model files and files of the manifest. Jobs with the same belong together."""
        values = (value for node in self.prompt.values() for value in node["inputs"].values() if isinstance(value, str))
        models = sorted({value for value in values if value.lower().endswith(MODEL_FILES)})
        own = sorted({file.address for file in self.files})
        return tuple(models), tuple(own)


def jobs_of(address: str, prompt: Path) -> list[Job]:
    """The jobs of a manifest, those that need the same model and reference one after the other.

    Raises Faulty with everything that is wrong with manifest, prompts and files.
    """
    rows, faults = manifest.read(address)
    maker = _Maker(folder_of(address), faults)
    default = str(prompt)
    own = [str(row.values[PROMPT]) for row in rows if PROMPT in row.values]
    maker.read_prompts([default, *(within(name, maker.folder) for name in own)])
    jobs = [job for row in rows for job in maker.made(row, default)]
    faults += maker.found()
    if faults:
        raise Faulty(faults)
    return together(jobs)


def together(jobs: Iterable[Job]) -> list[Job]:
    """Jobs that need the same one after the other, else in their order."""
    return sorted(jobs, key=lambda job: job.needs)


def prompt_at(path: Path) -> Prompt:
    """A prompt from its file. Raises Faulty."""
    try:
        return prompt_of(content_of(str(path)).decode("utf-8-sig"))
    except Unreachable as error:
        raise Faulty([f"The prompt {error}."]) from error
    except ValueError as error:
        raise Faulty([f"The prompt {path} {error}."]) from error


def blocks(jobs: Sequence[Job], size: int) -> Iterator[list[Job]]:
    """Jobs that need the same, at most `size` of them at a time."""
    block = list[Job]()
    for job in jobs:
        if block and (len(block) == size or block[0].needs != job.needs):
            yield block
            block = []
        block.append(job)
    if block:
        yield block


@dataclass
class _Maker:
    """Makes jobs of rows, and keeps what is wrong with each column, value and file together with its rows."""

    folder: str
    faults: list[str]
    prompts: dict[str, Prompt] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    targets: dict[tuple[str, str], Target | str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)

    def read_prompts(self, addresses: Iterable[str]) -> None:
        """Read each prompt once; what is wrong with one is a fault."""
        for address in dict.fromkeys(addresses):
            try:
                self.prompts[address] = prompt_of(content_of(address).decode("utf-8-sig"))
            except Unreachable as error:
                self.faults.append(f"The prompt {error}.")
            except ValueError as error:
                self.faults.append(f"The prompt {address} {error}.")

    def made(self, row: Row, default: str) -> Iterator[Job]:
        """The job of a row, or nothing where something is wrong with it."""
        name = within(str(row.values[PROMPT]), self.folder) if PROMPT in row.values else default
        if name not in self.prompts:
            return
        values, files, is_good = dict[Target, object](), list[File](), True
        for column, value in row.values.items():
            if column == PROMPT:
                continue
            try:
                target = self._target(name, column)
                values[target] = self._value(name, target, value)
            except ValueError as error:
                self.wrong[str(error)].append(row.place)
                is_good = False
                continue
            if target.is_file:
                files.append(File(target.node, target.input, str(values[target])))
        if is_good:
            yield Job(row.id, with_values(self.prompts[name], values), tuple(files))

    def found(self) -> list[str]:
        """Each thing that is wrong, with the rows that have it."""
        return [f"{what} ({some(places)})." for what, places in self.wrong.items()]

    def _target(self, name: str, column: str) -> Target:
        if (name, column) not in self.targets:
            try:
                self.targets[name, column] = target_of(self.prompts[name], column)
            except ValueError as error:
                self.targets[name, column] = f"Column '{column}': {error}"
        target = self.targets[name, column]
        if isinstance(target, str):
            raise ValueError(target)
        return target

    def _value(self, name: str, target: Target, value: object) -> object:
        if target.is_file:
            address = within(str(value), self.folder)
            if self._fault_of(address):
                raise ValueError(self._fault_of(address))
            return address
        current = self.prompts[name][target.node]["inputs"][target.input]
        try:
            return converted(value, current)
        except ValueError as error:
            raise ValueError(f"'{target.input}' of node {target.node}: {error}") from error

    def _fault_of(self, address: str) -> str:
        """What is wrong with a file of this machine; one in a store is looked for when it is drawn."""
        if address not in self.seen:
            path = Path(address)
            if is_remote(address):
                self.seen[address] = ""
            elif not path.is_file():
                self.seen[address] = f"{path} is not there"
            else:
                self.seen[address] = "" if path.stat().st_size else f"{path} is empty"
        return self.seen[address]


def unknown_to(nodes: Mapping[str, Mapping[str, object]], jobs: Sequence[Job]) -> list[str]:
    """What a host lacks for these jobs, by what it says of its nodes (`/object_info`): nodes and listed names.

    Files of the manifest are given to it, and a name with a folder (`a/x.png`, `x.png [output]`) is its own business.
    """
    wrong = defaultdict[str, list[str]](list)
    for job in jobs:
        given = {(file.node, file.input) for file in job.files}
        for number, node in job.prompt.items():
            kind = str(node["class_type"])
            if kind not in nodes:
                wrong[f"The host has no node '{kind}'"].append(job.id)
                continue
            for name, value in node["inputs"].items():
                choices = choices_of(nodes[kind], name)
                if (number, name) in given or not isinstance(value, str) or choices is None:
                    continue
                if value not in choices and not (value.endswith("]") or "/" in value):
                    wrong[f"{kind}: '{value}' is not among the host's choices for '{name}'"].append(job.id)
    return [f"{what} (id {some(list(dict.fromkeys(ids)))})." for what, ids in wrong.items()]


def choices_of(node: Mapping[str, object], name: str) -> Sequence[object] | None:
    """What an input of a node may be, where the host lists it."""
    inputs = node.get("input", {})
    spec = {**inputs.get("required", {}), **inputs.get("optional", {})}.get(name) or [None]
    more = spec[1] if len(spec) > 1 and isinstance(spec[1], dict) else {}
    if isinstance(spec[0], list):
        return spec[0]
    return more.get("options") if spec[0] == "COMBO" and "remote" not in more else None
