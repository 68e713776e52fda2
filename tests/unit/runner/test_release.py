"""A release is refused for each thing that it lacks, in words that name it; the changelog has one form."""

import json
import subprocess
import zipfile

import pytest

from runner import commands
from runner.places import ROOT, Places
from runner.problems import Problem
from runner.release import changelog, command, needs
from runner.release.archive import sizes
from runner.release.needs import NEEDED_FOLDERS, Candidate, judged

PYPROJECT = """[project]
name = "a-pack"
version = "1.2.0"
license = { file = "LICENSE" }
[project.urls]
Repository = "https://forge/a-pack"
[tool.comfy]
PublisherId = "somebody"
requires-comfyui = ">=0.30.0"
"""
CHANGES = "# Changelog\n\n## 1.2.0 (2026-02-01)\n\n- A new thing.\n\n## 1.1.9 (2026-01-02)\n\n- Another.\n"
README = (
    "ComfyUI 0.30 or newer.\n\n    git clone <the address of this repository> a-pack\n\n![picture](docs/a%20b.png)\n"
)
ZH = "git clone https://forge/a-pack a-pack\n\n[English](README.md#install) [site](https://forge) `[no](link)`\n"
REPOSITORIES = {"repositories": {"a/b": {"licence": "MIT"}}}
FILES = {
    "__init__.py": "",
    "requirements.txt": "",
    "LICENSE": "MIT License\n",
    "pyproject.toml": PYPROJECT,
    "CHANGELOG.md": CHANGES,
    "README.md": README,
    "README.zh-CN.md": ZH.replace("`[no](link)`", "```\n```"),
    "docs/a b.png": "picture",
    **{f"{folder}/run.py": "" for folder in NEEDED_FOLDERS},
    "attention/files/published.json": json.dumps(REPOSITORIES),
    "tests/a.md": "[back](../README.md), [folder](../docs)",
    "tests/a.py": "",
}
DROPPED = {"tests/a.py"}


def git(root, *words):
    me = ("-c", "user.name=me", "-c", "user.email=me@here", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *me, *words], cwd=root, check=True, capture_output=True)


@pytest.fixture
def candidate(tmp_path):
    """A commit and its archive of `FILES`, with changes: texts by path, None for a file that is not packed."""

    def made(changes=(), *, packed=()):
        root = tmp_path / "clone"
        files = {**FILES, **dict(changes)}
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        git(root.parent, "init", "--quiet", str(root))
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message", "all")
        archive = tmp_path / "a-pack.zip"
        with zipfile.ZipFile(archive, "w") as opened:
            for name in {*files} - DROPPED ^ {*packed}:
                opened.write(root / name, name)
        return Candidate(root, archive)

    return made


def problems(candidate):
    return [one.what for one in judged(candidate) if isinstance(one, Problem)]


def test_a_pack_that_has_everything_is_good_and_says_where_the_address_is_open(candidate):
    said = [str(one) for one in judged(candidate())]
    assert len(said) == len(needs.NEEDS)
    assert not [one for one in said if "What to do" in one]
    assert "No placeholder is left but the address of the repository, in README.md." in said
    assert "CHANGELOG.md dates 1.2.0 2026-02-01; the notes are its entry." in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"pyproject.toml": PYPROJECT.replace("1.2.0", "1.2.1")},
            "says 1.2.1, the newest entry of CHANGELOG.md is 1.2.0",
        ),
        ({"CHANGELOG.md": CHANGES.replace("1.2.0 (2026-02-01)", "Unreleased (1.2.0)")}, "calls 1.2.0 unreleased"),
        ({"pyproject.toml": PYPROJECT.replace("0.30.0", "0.29.0")}, "asks for ComfyUI >=0.29.0, run.py for 0.30"),
        ({"README.md": README.replace("docs/a%20b.png", "docs/c.png")}, "what it lacks: README.md -> docs/c.png"),
        ({"docs/page.md": "[code](../tests/a.py)"}, "what it lacks: docs/page.md -> ../tests/a.py"),
        ({"docs/page.md": "Ask <your publisher> first."}, "docs/page.md: <your publisher>"),
        ({"nodes/a.py": "# TO" + "DO: more"}, "nodes/a.py: TO" + "DO"),
        (
            {"README.zh-CN.md": "git clone https://forge/other a-pack"},
            "README.zh-CN.md does not name https://forge/a-pack",
        ),
        ({"web/a.onnx": "weights"}, "holds weights: web/a.onnx"),
        ({"LICENSE": "GPL"}, "do not agree on the licence"),
        (
            {"attention/files/published.json": json.dumps({"repositories": {"a/b": {"licence": ""}}})},
            "without their licence: a/b",
        ),
    ],
)
def test_what_is_wrong_is_named_and_nothing_else(changes, words, candidate):
    (found,) = problems(candidate(changes))
    assert words in found


def test_a_file_that_the_pack_loads_and_the_archive_lacks_is_named(candidate):
    """A pattern without a slash in .comfyignore drops files of that name in every folder."""
    (found,) = problems(candidate(packed={"attention/run.py", "nodes/run.py"}))
    assert found == "The archive lacks attention/run.py, nodes/run.py."


def test_what_only_work_on_the_pack_needs_is_named(candidate):
    assert problems(candidate(packed={"tests/a.py"})) == ["The archive holds tests/a.py."]


def test_what_is_not_committed_or_out_already_is_named(candidate):
    pack = candidate()
    git(pack.root, "tag", "v1.2.0")
    assert not problems(pack), "the tag is on this commit"
    git(pack.root, "commit", "--allow-empty", "--message", "another")
    (pack.root / "docs" / "new.md").write_text("new", encoding="utf-8")
    assert problems(pack) == [
        "Not committed: docs/new.md.",
        "1.2.0 is out already: the tag v1.2.0 is on another commit.",
    ]


def test_a_large_file_is_named(candidate, monkeypatch):
    monkeypatch.setattr(needs, "LARGEST", 1000)
    pack = candidate({"tests/a.md": "x" * 1001})
    assert "Larger than 30 MB: tests/a.md." in problems(pack)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Changelog\n", "has no entry"),
        (CHANGES.replace("2026-02-01", "February"), "'## 1.2.0 (February)' is not the head"),
        (CHANGES.replace("1.1.9", "1.3.0"), "1.2.0 stands before 1.3.0"),
        (CHANGES.replace("1.1.9 (2026-01-02)", "Unreleased (1.1.9)"), "1.2.0 stands before 1.1.9"),
        (CHANGES.replace("2026-01-02", "2026-03-02"), "1.2.0 stands before 1.1.9"),
        (CHANGES.replace("- Another.", "Another."), "has no line that begins with '- '"),
        (CHANGES.replace("Another.", "Another"), "ends without a full stop: - Another"),
    ],
)
def test_another_form_of_the_changelog_is_refused(text, words):
    with pytest.raises(Problem) as error:
        changelog.entries(text)
    assert words in error.value.what


def test_the_packs_own_changelog_has_the_form_and_its_newest_version_is_the_packs():
    newest, *_ = changelog.entries((ROOT / changelog.FILE).read_text(encoding="utf-8"))
    assert f'\nversion = "{newest.version}"\n' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_each_addresses_placeholder_is_the_one_of_its_page():
    for page, placeholder in needs.ADDRESS.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        assert placeholder in text or "<" not in text.partition("git clone ")[2].partition("\n")[0], page


@pytest.mark.parametrize(("changes", "status"), [({}, 0), ({"LICENSE": "GPL"}, 1)])
def test_the_command_says_all_in_one_list_and_writes_the_notes(changes, status, candidate, monkeypatch, capsys):
    pack = candidate(changes)
    monkeypatch.setattr(command.environment, "bootstrap", lambda places: places.bootstrap)
    monkeypatch.setattr(command.environment, "prepare_tools", lambda places: places.tools)
    monkeypatch.setattr(command, "build", lambda places, folder: pack.archive)
    monkeypatch.setattr(command, "ask", lambda check, places: subprocess.CompletedProcess([], 0, ""))
    assert commands.COMMANDS["release"](places_of(pack), None) == status
    said = capsys.readouterr().out
    assert said.count("\n  ") + said.count("\n! ") + said.startswith(("  ", "! ")) >= len(needs.NEEDS) + 2
    assert ("It can be published." in said) == (status == 0)
    assert said.startswith("! LICENSE") == (status == 1), "what is to be mended comes first"
    assert pack.archive.with_suffix(".md").read_text(encoding="utf-8") == "- A new thing.\n"
    assert "tests/a.md" in sizes(pack.archive)


def places_of(pack):
    """The places of a clone, whose work folder git ignores."""
    (pack.root / ".git" / "info" / "exclude").write_text("/.likeness\n", encoding="utf-8")
    return Places(pack.root)
