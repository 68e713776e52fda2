"""A clone and its archive -> what a release needs, each need as a sentence that holds or a Problem."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from posixpath import dirname, join, normpath
from urllib.parse import unquote

from ..comfyui import OLDEST
from ..problems import Problem
from . import changelog
from .archive import sizes, texts
from .tree import field, git, tracked

LARGEST = 30 * 2**20
NEEDED = (
    "__init__.py",
    "pyproject.toml",
    "requirements.txt",
    "LICENSE",
    "README.md",
    "README.zh-CN.md",
    "CHANGELOG.md",
)
NEEDED_FOLDERS = ("attention", "face", "nodes", "web", "locales", "example_workflows", "subgraphs", "docs")
"""What an installed pack has of these, it has whole; of everything else only what its pages show or link to."""
HELP = "web/docs"
PAGE = (".md", ".png", ".jpg", ".patch")
WEIGHTS = (".safetensors", ".bin", ".ckpt", ".pt", ".pth", ".onnx", ".ipadpt")
ADDRESS = {"README.md": "<the address of this repository>", "README.zh-CN.md": "<\u672c\u4ed3\u5e93\u7684\u5730\u5740>"}
"""The one placeholder that is left until the pack has a home; the same words stand in the pages of docs/."""
_OPEN = re.compile(r"\b(?:TODO|FIXME|TBD|CHANGEME|XXX)\b|lorem ipsum|\bexample\.(?:com|org)\b", re.IGNORECASE)
_IN_ANGLES = re.compile(r"<(?:the|your|\u672c|\u4f60\u7684)[^<>\n]*>")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Candidate:
    """What may be released: the clone, and the archive that was made of it."""

    root: Path
    archive: Path

    @property
    def entry(self) -> changelog.Entry:
        """The newest entry of the changelog."""
        return changelog.entries((self.root / changelog.FILE).read_text(encoding="utf-8"))[0]


def _committed(candidate: Candidate) -> str:
    changed = git(candidate.root, "status", "--porcelain")
    if changed:
        raise Problem(f"Not committed: {_few(line[3:] for line in changed)}.", "commit it or take it back.")
    return f"Everything is committed ({git(candidate.root, 'rev-parse', '--short', 'HEAD')[0]})."


def _version(candidate: Candidate) -> str:
    version, entry = field(candidate.root, "version"), candidate.entry
    if version != entry.version:
        raise Problem(
            f"pyproject.toml says {version}, the newest entry of {changelog.FILE} is {entry.version}.",
            "a release raises both, in a commit of its own.",
        )
    if git(candidate.root, "tag", "--list", f"v{version}") and f"v{version}" not in git(
        candidate.root, "tag", "--points-at"
    ):
        raise Problem(
            f"{version} is out already: the tag v{version} is on another commit.",
            "raise the version, with a new entry.",
        )
    return f"Version {version} in pyproject.toml and {changelog.FILE}; no other commit has its tag."


def _date(candidate: Candidate) -> str:
    entry = candidate.entry
    if entry.date is None:
        raise Problem(
            f"{changelog.FILE} calls {entry.version} unreleased.", f"write its day: `## {entry.version} (2026-01-31)`."
        )
    return f"{changelog.FILE} dates {entry.version} {entry.date}; the notes are its entry."


def _oldest_host(candidate: Candidate) -> str:
    wanted, oldest = field(candidate.root, "requires-comfyui"), ".".join(map(str, OLDEST))
    said = (candidate.root / "README.md").read_text(encoding="utf-8")
    if wanted != f">={oldest}.0" or f"ComfyUI {oldest} or newer" not in said:
        raise Problem(
            f"pyproject.toml asks for ComfyUI {wanted}, run.py for {oldest}.", "say the same there and in README.md."
        )
    return f"ComfyUI {oldest} or newer, in pyproject.toml, README.md and run.py."


def _whole(candidate: Candidate) -> str:
    packed, known = sizes(candidate.archive), tracked(candidate.root)
    wanted = {name for name in known if name.startswith(tuple(f"{folder}/" for folder in NEEDED_FOLDERS))}
    missing = sorted((wanted | set(NEEDED)) - set(packed))
    if missing:
        raise Problem(f"The archive lacks {_few(missing)}.", "see .comfyignore; it drops too much.")
    others = [name for name in packed if "/" in name and name.partition("/")[0] not in NEEDED_FOLDERS]
    strange = [name for name in others if not name.endswith(PAGE)]
    if strange:
        raise Problem(f"The archive holds {_few(strange)}.", "name it in .comfyignore: users have no use for it.")
    return f"The archive holds what ComfyUI loads, and the pages: {len(packed)} files."


def _links(candidate: Candidate) -> str:
    packed, dead, count = sizes(candidate.archive), list[str](), 0
    folders = {dirname(name) for name in packed}
    for page, text in texts(candidate.archive, ".md").items():
        for target in _LINK.findall(_FENCED.sub("", text)):
            path = normpath(join(_start(page), unquote(target.partition("#")[0])))
            if re.match(r"[a-z]+:|#", target):
                continue
            count += 1
            if path not in packed and path not in folders:
                dead.append(f"{page} -> {target}")
    if dead:
        raise Problem(f"Pages of the archive show or link to what it lacks: {_few(dead)}.", "add it in .comfyignore.")
    return f"{count} pictures and links of its pages lead to what is in it."


def _start(page: str) -> str:
    """The folder from which a page's links are followed: of help in the page's language too it is the one of all help."""
    return HELP if page.startswith(f"{HELP}/") else dirname(page)


def _placeholders(candidate: Candidate) -> str:
    left, of_address = list[str](), list[str]()
    for page, text in texts(candidate.archive, ".md", ".py", ".js", ".json", ".toml", ".txt").items():
        if any(address in text for address in ADDRESS.values()):
            of_address.append(page)
        for address in ADDRESS.values():
            text = text.replace(address, "")
        angles = _IN_ANGLES.findall(_FENCED.sub("", text)) if page.endswith(".md") else []
        left += [f"{page}: {found}" for found in (*_OPEN.findall(text), *angles)]
    if left:
        raise Problem(f"Placeholders are left: {_few(left)}.", "write what belongs there.")
    if not of_address:
        return "No placeholder is left."
    return f"No placeholder is left but the address of the repository, in {', '.join(sorted(of_address))}."


def _address(candidate: Candidate) -> str:
    home = field(candidate.root, "Repository")
    for page, placeholder in ADDRESS.items():
        text = (candidate.root / page).read_text(encoding="utf-8")
        if placeholder not in text and home not in text:
            raise Problem(f"{page} does not name {home}, which is the Repository in pyproject.toml.", "write it there.")
    return f"The registry is told {home}, publisher {field(candidate.root, 'PublisherId')}."


def _small(candidate: Candidate) -> str:
    large = [name for name in tracked(candidate.root) if (candidate.root / name).stat().st_size > LARGEST]
    size = candidate.archive.stat().st_size
    if large or size > LARGEST:
        raise Problem(f"Larger than 30 MB: {_few(large or [candidate.archive.name])}.", "publish it elsewhere.")
    return f"The archive has {size / 2**20:.1f} MB; no file of the repository is larger than 30."


def _licences(candidate: Candidate) -> str:
    text = (candidate.root / "LICENSE").read_text(encoding="utf-8")
    if not text.startswith("MIT License") or 'license = { file = "LICENSE" }' not in _pyproject(candidate):
        raise Problem("LICENSE and pyproject.toml do not agree on the licence.", "the code is MIT; say so in both.")
    weights = [name for name in sizes(candidate.archive) if name.endswith(WEIGHTS)]
    if weights:
        raise Problem(f"The archive holds weights: {_few(weights)}.", "name them in .comfyignore: they are not ours.")
    known = json.loads((candidate.root / "attention/files/published.json").read_text(encoding="utf-8"))
    silent = [name for name, home in known["repositories"].items() if not home["licence"]]
    if silent:
        raise Problem(f"Files are offered without their licence: {_few(silent)}.", "see what their publisher says.")
    return f"Licences: MIT, no weights in the archive, those of {len(known['repositories'])} publishers are named."


def _pyproject(candidate: Candidate) -> str:
    return (candidate.root / "pyproject.toml").read_text(encoding="utf-8")


def _few(names: "Iterator[str] | list[str]", limit: int = 5) -> str:
    """The first of the names, and how many more there are."""
    found = list(names)
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return ", ".join(found[:limit]) + more


NEEDS: tuple[Callable[[Candidate], str], ...] = (
    _committed,
    _version,
    _date,
    _oldest_host,
    _whole,
    _links,
    _placeholders,
    _address,
    _small,
    _licences,
)


def judged(candidate: Candidate) -> "Iterator[str | Problem]":
    """Each need in turn: what holds, or what does not."""
    for need in NEEDS:
        try:
            yield need(candidate)
        except Problem as problem:
            yield problem
